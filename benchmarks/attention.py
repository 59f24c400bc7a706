"""Forward and backward of short-row attention on a CPU: eager, fused (sdpa) and ours.

    python benchmarks/attention.py                 # about a minute on two cores
    python benchmarks/attention.py --rounds 1      # does it run?
    python benchmarks/attention.py --precision fp32

Three things are timed, in turn and by medians: one attention without anything around it, a whole
ViT of 192x6 on 64 pictures of 65 tokens, and a LLaMA of 256x6 on 32 rows of 130 tokens. "ours" is
`minigpt4.model.attention.causal_attention`, which is causal, so it has no line for the ViT.
In bf16 on a CPU the fused attention is slow at such lengths, above all its backward pass; in fp32
(`--precision fp32`) it is a little faster than plain matrix products.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaModel, ViTConfig, ViTModel

from minigpt4.model.attention import causal_attention

Step = Callable[[], Any]


def attentions(batch: int, heads: int, length: int, dim: int) -> dict[str, Step]:
    """Return forward and backward of one causal attention, three ways."""
    torch.manual_seed(0)
    states = [torch.randn(batch, heads, length, dim, requires_grad=True) for _ in range(3)]
    hidden = torch.full((length, length), float("-inf")).triu(1)
    scale = dim**-0.5

    def eager(query: Any, key: Any, value: Any) -> Any:
        scores = query @ key.transpose(-1, -2) * scale + hidden
        return F.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype) @ value

    def fused(query: Any, key: Any, value: Any) -> Any:
        return F.scaled_dot_product_attention(query, key, value, is_causal=True)

    def ours(query: Any, key: Any, value: Any) -> Any:
        return causal_attention(query, key, value, scale=scale)

    def step(function: Callable[..., Any]) -> Step:
        return lambda: function(*states).sum().backward()

    return {"eager": step(eager), "sdpa": step(fused), "ours": step(ours)}


def vits(*, backward: bool) -> dict[str, Step]:
    """Return a training step of a ViT, or its forward pass alone."""
    size: dict[str, Any] = {"hidden_size": 192, "num_hidden_layers": 6, "num_attention_heads": 3}
    size |= {"intermediate_size": 768, "image_size": 128, "patch_size": 16}
    pictures = torch.randn(64, 3, 128, 128)
    steps: dict[str, Step] = {}
    for name in ("eager", "sdpa"):
        torch.manual_seed(0)
        model = ViTModel(ViTConfig(**size, attn_implementation=name), add_pooling_layer=False)
        steps[name] = _step(model, {"pixel_values": pictures}, backward=backward)
    return steps


def llamas() -> dict[str, Step]:
    """Return a training step of a LLaMA: all its weights learn."""
    size: dict[str, Any] = {"hidden_size": 256, "num_hidden_layers": 6, "num_attention_heads": 8}
    size |= {"intermediate_size": 688, "vocab_size": 2048}
    ids = torch.randint(0, 2048, (32, 130))
    steps: dict[str, Step] = {}
    for name in ("eager", "sdpa"):
        torch.manual_seed(0)
        model = LlamaModel(LlamaConfig(**size, attn_implementation=name))
        steps[name] = _step(model, {"input_ids": ids}, backward=True)
    return steps


def _step(model: Any, inputs: dict[str, Any], *, backward: bool) -> Step:
    def step() -> None:
        with torch.set_grad_enabled(backward):
            output = model(**inputs).last_hidden_state
        if backward:
            output.sum().backward()
            model.zero_grad(set_to_none=True)

    return step


def compare(title: str, steps: dict[str, Step], rounds: int) -> None:
    """Run the steps in turn and print their medians."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 1):
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            if number:  # the first one warms up
                seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    cells = ", ".join(
        f"{name} {1000 * median:.1f} ms ({medians['eager'] / median:.2f}x)"
        for name, median in medians.items()
    )
    print(f"{title}: {cells}", flush=True)


def main() -> None:
    """Compare all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(
        f"{given.threads} threads, {given.precision}, {given.rounds} rounds; (x): faster than eager"
    )
    with torch.autocast("cpu", torch.bfloat16, enabled=given.precision == "bf16"):
        compare_all(given.rounds)


def compare_all(rounds: int) -> None:
    """Compare single attentions, then whole models."""
    compare("attention 64x3x65x64, both passes", attentions(64, 3, 65, 64), rounds)
    compare("attention 32x8x130x32, both passes", attentions(32, 8, 130, 32), rounds)
    compare("ViT 192x6, 64 pictures, training step", vits(backward=True), rounds)
    compare("ViT 192x6, 64 pictures, forward only", vits(backward=False), rounds)
    compare("LLaMA 256x6, 32x130 tokens, training step", llamas(), rounds)


if __name__ == "__main__":
    main()
