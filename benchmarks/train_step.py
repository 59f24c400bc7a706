"""Seconds, memory and share of peak of one training step: a plain reference and ours.

    python benchmarks/train_step.py                          # medium size, CPU, about 6 minutes
    python benchmarks/train_step.py --sizes tiny --rounds 1 --batch 2       # does it run?
    python benchmarks/train_step.py --sizes 7b --device cuda --batch 64     # 7B; --sides cd: less

    (a) plain reference (`plain_reference.py`): fp32, padded, logits everywhere, vision at each step
    (b) ours in fp32
    (c) ours in bf16
    (d) ours in bf16, features from a cache, no vision encoder

All sides see the same batches (captions of 8 to 40 tokens, layouts of stage 1 and stage 2) and,
in fp32, have the same weights. Each lives in a process of its own, so that its memory is its own;
they take steps in turn, one after the other, and medians are compared. `share` is the matrix
products that a side really computes, by the seconds it takes and by the machine's own measured peak
in its number type.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import multiprocessing
import os
import random
import statistics
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

VARIANTS = {"a": "plain, fp32", "b": "ours, fp32", "c": "ours, bf16", "d": "ours, bf16, cached"}
BEFORE = {
    1: [1],
    2: [1, 835, 29950, 7889, 29901, 529, 25518, 29958],  # <s>###Human: <Img>
}
AFTER = {
    1: [],  # </Img> Describe this image in detail. ###Assistant:
    2: [1533, 25518, 29958, 20355, 915, 445, 1967, 297, 9493, 29889,
        835, 7900, 22137, 29901, 29871],
}  # fmt: skip
PAPER_SAMPLES = 20_000 * 256


def captions_of(number: int, *, batch: int) -> list[list[int]]:
    """Return the captions of a batch: 8 to 40 tokens each."""
    rng = random.Random(f"captions {number} {batch}")
    return [[rng.randrange(100, 32_000) for _ in range(rng.randint(8, 40))] for _ in range(batch)]


class Side:
    """One of the things compared: its model, its batches and its step."""

    def __init__(self, variant: str, given: argparse.Namespace) -> None:
        import torch

        if given.device == "cpu":
            torch.set_num_threads(given.threads)
        self.torch, self.variant, self.given = torch, variant, given
        self.base_bytes = resident_bytes("VmRSS")
        self.dtype = torch.float32 if variant in "ab" else torch.bfloat16
        self.model, self.optimizer = self._build()
        self.batches: dict[tuple[int, int, int], dict[str, Any]] = {}

    def _build(self) -> Any:
        from plain_reference import NUM_QUERIES, SIZES, PlainMiniGPT4, build_parts

        from minigpt4.model.configuration import MiniGPT4Config
        from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
        from minigpt4.training.optimizer import build_optimizer
        from minigpt4.training.settings import TrainSettings

        torch, given = self.torch, self.given
        attention = given.reference_attention if self.variant == "a" else "sdpa"
        parts = build_parts(
            SIZES[given.sizes], device=given.device, dtype=self.dtype, attention=attention
        )
        widths = parts["qformer"].config.hidden_size, parts["llm"].config.hidden_size
        torch.manual_seed(1)
        queries = torch.randn(1, NUM_QUERIES, widths[0])
        projection = torch.nn.Linear(*widths)
        if self.variant == "a":
            model: Any = PlainMiniGPT4(parts, queries.to(given.device), projection)
        else:
            config = MiniGPT4Config(
                vision_config=parts["vision_encoder"].config.to_dict(),
                qformer_config=parts["qformer"].config.to_dict(),
                text_config=parts["llm"].config.to_dict(),
            )
            model = MiniGPT4ForConditionalGeneration(config, **parts)
            with torch.no_grad():
                model.query_tokens.data = queries.to(self.dtype)
            model.projection = projection
            model.freeze()
        model.to(given.device).train()
        for part in parts.values():
            part.eval()
        return model, build_optimizer(model, TrainSettings(num_steps=1, peak_lr=1e-4))

    def prepare(self, batch: int, stage: int, num_batches: int) -> None:
        """Make the batches; with a cache, encode their pictures and let the encoder go."""
        from minigpt4.training.features import encode

        self.batches = {}
        for number in range(num_batches):
            generator = self.torch.Generator().manual_seed(number)
            pixels = self.torch.randn(batch, 3, 224, 224, generator=generator)
            inputs = {"pixels": pixels, "captions": captions_of(number, batch=batch)}
            if self.variant == "d":
                path = Path(self.given.features) / f"{batch}-{number}.pt"
                if path.exists():
                    inputs["features"] = self.torch.load(path)
                else:
                    inputs["features"] = encode(self.model, pixels).cpu()
                    self.torch.save(inputs["features"], path)
                del inputs["pixels"]
            elif self.variant != "a":
                inputs["rows"] = None
            self.batches[number] = inputs
        self.stage = stage

    def drop_encoder(self) -> None:
        """Go on without the vision encoder, as a training on a cache does."""
        self.model.leave_out_encoder()

    def reset_peak(self) -> None:
        """Begin to measure the peak of memory."""
        gc.collect()
        if self.given.device != "cpu":
            self.torch.cuda.reset_peak_memory_stats()
            return
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")

    def peak_bytes(self) -> int:
        """Return the peak of memory, what Python and torch take themselves not counted."""
        if self.given.device != "cpu":
            return self.torch.cuda.max_memory_allocated()
        return resident_bytes("VmHWM") - self.base_bytes

    def step(self, number: int) -> tuple[float, float, float]:
        """Take a step; return its seconds, its CPU seconds and the loss."""
        inputs = self._inputs(number)
        self._wait()
        began, used = time.perf_counter(), time.process_time()
        loss = self._loss(inputs)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._wait()
        return time.perf_counter() - began, time.process_time() - used, loss.item()

    def flops(self, number: int) -> int:
        """Take a step and count its matrix products."""
        from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

        def fused(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
            return sdpa_flop_count(query, key, value)

        inputs = self._inputs(number)
        # torch counts the fused attention on GPUs only; our sides train with it nowhere on a CPU.
        own = {self.torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: fused}
        with FlopCounterMode(display=False, custom_mapping=own) as counter:
            self._loss(inputs).backward()
        self.optimizer.zero_grad(set_to_none=True)
        return counter.get_total_flops()

    def peak_flops(self) -> float:
        """Return the matrix-product peak of the machine in this side's number type, in 1/s."""
        torch, size = self.torch, 2048 if self.given.device == "cpu" else 8192
        factors = [torch.randn(size, size, device=self.given.device).to(self.dtype)
                   for _ in range(2)]  # fmt: skip
        seconds = []
        for _ in range(7):
            self._wait()
            began = time.perf_counter()
            factors[0] @ factors[1]
            self._wait()
            seconds.append(time.perf_counter() - began)
        return 2 * size**3 / min(seconds)

    def _loss(self, inputs: dict[str, Any]) -> Any:
        if self.variant == "a":
            return self.model(**inputs)
        from minigpt4.training.features import encode

        inputs = dict(inputs)
        bf16 = self.dtype == self.torch.bfloat16
        with self.torch.autocast(self.given.device, self.dtype) if bf16 else nullcontext():
            if bf16 and "pixel_values" in inputs:  # as `AlignmentTask` does
                inputs["image_features"] = encode(self.model, inputs.pop("pixel_values"))
            return self.model(**inputs).loss

    def _inputs(self, number: int) -> dict[str, Any]:
        from minigpt4.processing.batch import collate

        batch, device = self.batches[number], self.given.device
        before, after = BEFORE[self.stage], AFTER[self.stage]
        if self.variant == "a":
            return {
                "images": batch["pixels"].to(device),
                "before": before,
                "after": after,
                "captions": batch["captions"],
            }
        rows = [_row(before, after, caption) for caption in batch["captions"]]
        made = collate(rows, pad_token_id=0, padding="right", pixel_values=batch.get("pixels"))
        inputs = made.to(device).model_inputs()
        if "features" in batch:
            inputs["image_features"] = batch["features"].to(device)
        return inputs

    def _wait(self) -> None:
        if self.given.device != "cpu":
            self.torch.cuda.synchronize()


def _row(before: list[int], after: list[int], caption: list[int]) -> Any:
    from plain_reference import NUM_QUERIES

    from minigpt4.processing.batch import EncodedPrompt

    ids = before + [32_000] * NUM_QUERIES + after + caption
    pictures = [False] * len(before) + [True] * NUM_QUERIES
    prompt = len(ids) - len(caption)
    return EncodedPrompt(
        input_ids=ids,
        image_mask=pictures + [False] * (len(ids) - len(pictures)),
        labels=[-100] * prompt + caption,
    )


def resident_bytes(field: str) -> int:
    """Return a line of /proc/self/status in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def serve(pipe: Any, variant: str, given: argparse.Namespace) -> None:
    """Do in a process of one's own what comes through the pipe: a method's name and arguments."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    side = Side(variant, given)
    pipe.send("ready")
    while True:
        name, arguments = pipe.recv()
        if name == "end":
            return
        pipe.send(getattr(side, name)(*arguments))


def measure(sides: dict[str, Any], given: argparse.Namespace) -> list[dict[str, Any]]:
    """Let the sides take steps in turn; return a line of the table for each."""

    def ask(side: str, name: str, *arguments: Any) -> Any:
        sides[side].send((name, arguments))
        return sides[side].recv()

    peaks = {side: ask(side, "peak_flops") for side in sides}
    lines = []
    # The features of all batches first: then the encoder can go, for good.
    if "d" in sides:
        for batch in given.batch:
            ask("d", "prepare", batch, 1, given.rounds + 1)
        ask("d", "drop_encoder")
    for batch in given.batch:
        for stage in given.stage:
            times: dict[str, list[tuple[float, float, float]]] = {side: [] for side in sides}
            flops, losses = {}, {}
            for side in sides:
                ask(side, "prepare", batch, stage, given.rounds + 1)
                losses[side] = ask(side, "step", 0)[2]
                flops[side] = ask(side, "flops", 1)
                ask(side, "reset_peak")
            for number in range(1, given.rounds + 1):
                for side in sides:
                    times[side].append(ask(side, "step", number))
            for side in sides:
                wall, cpu, _ = (statistics.median(column)
                                for column in zip(*times[side], strict=True))  # fmt: skip
                lines.append({
                    "stage": stage, "batch": batch, "side": side, "seconds": wall,
                    "cpu_seconds": cpu, "peak_bytes": ask(side, "peak_bytes"),
                    "flops": flops[side], "share": flops[side] / wall / peaks[side],
                    "first_loss": losses[side],
                })  # fmt: skip
            show(lines[-len(sides) :], header=len(lines) == len(sides))
    rates = ", ".join(f"({side}) {peak / 1e9:.0f}" for side, peak in peaks.items())
    print(f"\nmeasured peak of matrix products, GFLOP/s: {rates}")
    return lines


def show(lines: list[dict[str, Any]], *, header: bool) -> None:
    """Print lines of the table."""
    if header:
        print("| stage | batch | side | seconds | CPU seconds | faster | memory | share of peak | "
              "first loss |\n|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    first = lines[0]["seconds"]
    for line in lines:
        name = f"({line['side']}) {VARIANTS[line['side']]}"
        print(
            f"| {line['stage']} | {line['batch']} | {name} | {line['seconds']:.3f} | "
            f"{line['cpu_seconds']:.3f} | {first / line['seconds']:.2f}x | "
            f"{line['peak_bytes'] / 1e6:.0f} MB | {line['share']:.0%} | {line['first_loss']:.4f} |",
            flush=True,
        )
    if lines[0]["batch"] >= 64:
        best = min(lines, key=lambda line: line["seconds"])
        hours = PAPER_SAMPLES * best["seconds"] / best["batch"] / 3600
        print(f"    the paper's 20,000 steps of 256 at the rate of ({best['side']}): {hours:.1f} h")


def main() -> None:
    """Start the sides, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="medium", choices=("tiny", "medium", "7b"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--stage", type=int, nargs="+", default=[1, 2], choices=(1, 2))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sides", default="abcd", help="e.g. abd")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--reference-attention", default="eager", choices=("eager", "sdpa"),
                        help="of (a); the official code has eager")  # fmt: skip
    parser.add_argument("--json", help="file to write the numbers to")
    given = parser.parse_args()
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        given.features = folder
        context = multiprocessing.get_context("spawn")
        sides, processes = {}, []
        for side in given.sides:
            sides[side], there = context.Pipe()
            process = context.Process(target=serve, args=(there, side, given), daemon=True)
            process.start()
            processes.append(process)
            assert sides[side].recv() == "ready"
        print(f"{given.sizes} ({given.device}, {given.threads} threads), {given.rounds} rounds\n")
        lines = measure(sides, given)
        for pipe in sides.values():
            pipe.send(("end", ()))
    if given.json:
        Path(given.json).write_text(json.dumps(lines, indent=1))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
