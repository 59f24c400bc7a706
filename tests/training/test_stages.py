"""Both stages learn the projection, in the official layouts, and nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from minigpt4.data.example import Example, captioned
from minigpt4.data.mixing import Mixture
from minigpt4.data.prompts import STAGE2_PROMPTS
from minigpt4.errors import DataError, SettingsError, TrainingError
from minigpt4.processing.batch import Batch
from minigpt4.processing.processor import STAGE1_LAYOUT, STAGE2_LAYOUT
from minigpt4.training import TrainSettings, checkpoint, fit
from minigpt4.training.features import build_cache, compute_features, encode, open_cache
from minigpt4.training.stages import AlignmentSettings, AlignmentTask
from minigpt4.training.state import TrainState

COLOURS = ("red", "green", "blue", "black", "white")

GOLDEN_LOSSES = [
    6.24797,
    6.37653,
    6.1758,
    6.36583,
    6.07872,
    6.04627,
    5.94964,
    6.11057,
    5.96845,
    5.92122,
    5.95176,
    5.87244,
    5.89071,
    5.90998,
    5.93754,
    5.86907,
    5.76945,
    5.86911,
    5.92655,
    5.67868,
]


class Colours:
    """Plain pictures, each with the name of its colour."""

    def __init__(self, *, first: int = 0, count: int = 5) -> None:
        self.first, self.count = first, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        name = COLOURS[(self.first + index) % len(COLOURS)]
        return captioned(Image.new("RGB", (20, 14), name), f"a {name} sheet", key=f"{index}")


def _mixture(batch_size: int = 3, *, seed: int = 0, num_sources: int = 1) -> Mixture:
    sources = [(Colours(first=number), number + 1.0) for number in range(num_sources)]
    return Mixture(sources, batch_size=batch_size, seed=seed)


def _stage1(model: Any, **changes: Any) -> AlignmentTask:
    settings = AlignmentSettings(layout=STAGE1_LAYOUT, **changes)
    return AlignmentTask(model, _mixture(), settings)


def _stage2(model: Any, **changes: Any) -> AlignmentTask:
    settings = AlignmentSettings(layout=STAGE2_LAYOUT, prompts=STAGE2_PROMPTS, **changes)
    return AlignmentTask(model, _mixture(), settings)


def _settings(**changes: Any) -> TrainSettings:
    values: dict[str, Any] = {"num_steps": 20, "peak_lr": 3e-3, "final_lr": 1e-3}
    values |= {"warmup_steps": 4, "schedule": "official", "log_every_steps": 1}
    return TrainSettings(**(values | changes))


def _losses(out: Path) -> list[float]:
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


def test_losses_of_20_stage1_steps_are_golden(tiny_model: Any, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    fit(_stage1(tiny_model), _settings(), out=tmp_path, device="cpu")
    assert _losses(tmp_path) == pytest.approx(GOLDEN_LOSSES, abs=2e-4)


def test_a_stage_changes_only_the_projection(tiny_model: Any, tmp_path: Path) -> None:
    before = {name: tensor.clone() for name, tensor in tiny_model.state_dict().items()}
    fit(_stage2(tiny_model), _settings(num_steps=3), out=tmp_path, device="cpu")
    after = tiny_model.state_dict()
    changed = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert changed == {"projection.weight", "projection.bias"}


def test_a_stage_learns(tiny_model: Any, tmp_path: Path) -> None:
    fit(_stage1(tiny_model), _settings(num_steps=60, peak_lr=3e-2), out=tmp_path, device="cpu")
    losses = _losses(tmp_path)
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])


def test_only_the_projection_is_in_the_checkpoint(tiny_model: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    fit(_stage1(tiny_model), _settings(num_steps=1, warmup_steps=0), out=tmp_path, device="cpu")
    weights = load_file(tmp_path / "checkpoints" / "step_00000001" / "weights.safetensors")
    assert weights.keys() == {"projection.weight", "projection.bias"}


def test_stage1_has_no_prompt_and_ends_with_a_newline(tiny_model: Any) -> None:
    batch = _stage1(tiny_model).batch(0).batch
    ids = batch.input_ids[0][batch.attention_mask[0] == 1].tolist()
    pictures = int(batch.image_mask[0].sum())
    assert ids[0] == 1
    assert batch.image_mask[0, 1 : 1 + pictures].all()
    text = tiny_model.processor.tokenizer.decode(ids[1 + pictures :])
    assert text.startswith("a ")
    assert text.endswith(" sheet\n")


def test_stage2_gives_one_official_prompt_to_the_whole_batch(tiny_model: Any) -> None:
    task = _stage2(tiny_model)
    seen = set()
    for step in range(12):
        batch = task.batch(step).batch
        prompts = set()
        assert batch.labels is not None
        for ids, labels, mask in zip(batch.input_ids, batch.labels, batch.image_mask, strict=True):
            first = int((labels >= 0).nonzero()[0])
            kept = ids[1:first][~mask[1:first]]
            prompts.add(tiny_model.processor.tokenizer.decode(kept))
        assert len(prompts) == 1
        seen |= prompts
    assert seen == {
        f"###Human: {prompt.replace('<ImageHere>', '')} ###Assistant: " for prompt in STAGE2_PROMPTS
    }


def test_batches_are_a_pure_function_of_the_step(tiny_model: Any) -> None:
    one, other = _stage2(tiny_model, crop=True), _stage2(tiny_model, crop=True)
    one.batch(0)
    for name, tensor in one.batch(5).batch.model_inputs().items():
        assert torch.equal(tensor, other.batch(5).batch.model_inputs()[name]), name


def test_the_crop_changes_pixels_from_step_to_step(tiny_model: Any) -> None:
    picture = Image.radial_gradient("L").convert("RGB")

    class One(Colours):
        def __getitem__(self, index: int) -> Example:
            return captioned(picture, "x", key="0")

    settings = AlignmentSettings(layout=STAGE1_LAYOUT, crop=True)
    task = AlignmentTask(tiny_model, Mixture([(One(), 1)], batch_size=1, seed=0), settings)
    one, other = (task.batch(step).batch.pixel_values for step in (0, 1))
    assert not torch.equal(one, other)  # type: ignore[arg-type]


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize("stage", [_stage1, _stage2])
def test_cached_features_give_the_same_losses_to_the_bit(
    tiny_model: Any, stage: Callable[..., AlignmentTask], precision: str, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    start = tiny_model.projection.weight.detach().clone()
    build_cache(tiny_model, [Colours()], tmp_path / "cache")
    disk = open_cache(tmp_path / "cache", tiny_model)
    memory = compute_features(tiny_model, _mixture(), num_batches=6)
    lines = []
    for name, features in (("plain", None), ("memory", memory), ("disk", disk)):
        if name == "disk":
            tiny_model.leave_out_encoder()
        with torch.no_grad():
            tiny_model.projection.weight.copy_(start)
            tiny_model.projection.bias.zero_()
        task = stage(tiny_model, num_validation_batches=1, max_new_tokens=4)
        task.features, task.validation = features, _mixture(seed=9)
        fit(task, _settings(num_steps=6, precision=precision), out=tmp_path / name, device="cpu")
        lines.append((tmp_path / name / "metrics.jsonl").read_text())
    assert lines[0] == lines[1] == lines[2]


def test_a_picture_that_is_not_cached_is_named(tiny_model: Any, tmp_path: Path) -> None:
    build_cache(tiny_model, [Colours(count=2)], tmp_path)
    task = _stage1(tiny_model)
    task.features = open_cache(tmp_path, tiny_model)
    assert task.batch(0).batch.pixel_values is not None  # there is an encoder to fall back to
    tiny_model.leave_out_encoder()
    with pytest.raises(DataError, match="not in the feature cache"):
        task.batch(0)


def test_crop_and_features_exclude_each_other(tiny_model: Any) -> None:
    features = compute_features(tiny_model, _mixture(), num_batches=1)
    settings = AlignmentSettings(layout=STAGE1_LAYOUT, crop=True)
    with pytest.raises(SettingsError, match="exclude each other"):
        AlignmentTask(tiny_model, _mixture(), settings, features=features)


def test_micro_batches_are_weighted_by_answer_tokens(tiny_model: Any) -> None:
    task = _stage1(tiny_model)
    batch = task.batch(0)
    loss = task.loss(batch.to("cpu"))
    lengths = [
        len(tiny_model.processor.encode(e.turns[0].answer + "\n"))
        for e in task.mixture.draw(0).examples
    ]
    assert loss.weight == sum(lengths)
    assert loss.num_examples == 3


def test_losses_by_source_are_reported(tiny_model: Any) -> None:
    task = AlignmentTask(
        tiny_model, _mixture(num_sources=2), AlignmentSettings(layout=STAGE1_LAYOUT)
    )
    names = {name for step in range(12) for name in task.loss(task.batch(step)).metrics}
    assert names == {"source0_loss", "source1_loss"}


@pytest.mark.parametrize("stage", [_stage1, _stage2])
def test_validation_gives_a_loss_and_sample_answers(
    tiny_model: Any, stage: Callable[..., AlignmentTask], tmp_path: Path
) -> None:
    task = stage(tiny_model, max_new_tokens=5, num_validation_batches=2)
    assert task.validate(0) == {}
    task.validation = _mixture(seed=9)
    result = fit(task, _settings(num_steps=2, warmup_steps=0), out=tmp_path, device="cpu")
    assert math.isfinite(float(result.validation["validation_loss"]))
    answers = [value for name, value in result.validation.items() if name.startswith("answer ")]
    assert len(answers) == 2
    assert all(isinstance(answer, str) for answer in answers)


def test_with_a_crop_nothing_is_rounded_in_fp32(tiny_model: Any) -> None:
    task = _stage1(tiny_model, crop=True)
    batch = task.batch(0)
    inputs = batch.batch.model_inputs()
    assert torch.equal(task.loss(batch).loss, tiny_model(**inputs).loss)
    inputs["image_features"] = encode(tiny_model, inputs.pop("pixel_values"))
    assert not torch.equal(task.loss(batch).loss, tiny_model(**inputs).loss)


@pytest.mark.parametrize("micro_batch", [1, 2])
def test_a_validation_in_pieces_is_that_of_the_whole(tiny_model: Any, micro_batch: int) -> None:
    sizes: list[int] = []

    class Noting(AlignmentTask):
        def _forward(self, batch: Batch) -> Any:
            sizes.append(len(batch))
            return super()._forward(batch)

    plain = _stage2(tiny_model, max_new_tokens=3, num_validation_batches=2)
    task = Noting(tiny_model, plain.mixture, plain.settings, validation=_mixture(seed=9))
    whole = task.validate(0)
    task.micro_batch = micro_batch
    pieces = task.validate(0)
    assert sizes[:2] == [3, 3]
    assert max(sizes[2:]) == micro_batch
    assert sum(sizes[2:]) == 6
    assert pieces.pop("validation_loss") == pytest.approx(whole.pop("validation_loss"), rel=2e-5)
    assert pieces == whole


def test_other_data_is_noticed_on_resume(tiny_model: Any, tmp_path: Path) -> None:
    def task(count: int) -> AlignmentTask:
        mixture = Mixture([(Colours(), 1), (Colours(count=count), 1)], batch_size=3, seed=0)
        return AlignmentTask(tiny_model, mixture, AlignmentSettings(layout=STAGE1_LAYOUT))

    fit(task(4), _settings(num_steps=1, warmup_steps=0), out=tmp_path, device="cpu")
    settings = _settings(num_steps=2, warmup_steps=0)
    with pytest.raises(TrainingError, match=r"source 1 \(Colours\): examples 4 -> 5.*--out"):
        fit(task(5), settings, out=tmp_path, resume=True, device="cpu")
    assert fit(task(4), settings, out=tmp_path, resume=True, device="cpu").finished


def test_a_checkpoint_that_does_not_know_its_data_is_resumed(
    tiny_model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def before_data_was_known(state: TrainState) -> dict[str, Any]:
        return {name: value for name, value in asdict(state).items() if name != "data"}

    monkeypatch.setattr(checkpoint, "asdict", before_data_was_known)
    fit(_stage1(tiny_model), _settings(num_steps=1, warmup_steps=0), out=tmp_path, device="cpu")
    monkeypatch.undo()
    settings = _settings(num_steps=2, warmup_steps=0)
    assert fit(_stage1(tiny_model), settings, out=tmp_path, resume=True, device="cpu").finished


def test_bf16_keeps_projection_and_loss_in_fp32(tiny_model: Any) -> None:
    task = _stage1(tiny_model)
    batch = task.batch(0)
    exact = task.loss(batch).loss
    with torch.autocast("cpu", torch.bfloat16):
        loss = task.loss(batch).loss
        embeds = tiny_model.project(torch.randn(1, 4, 16))
    assert loss.dtype == embeds.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=0.02)


def test_the_loss_of_chance_is_known(tiny_model: Any) -> None:
    assert _stage1(tiny_model).uniform_loss == pytest.approx(math.log(259))


def test_an_interrupted_stage_resumes_to_the_same_bytes(tiny_model: Any, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    start = {name: t.clone() for name, t in tiny_model.projection.state_dict().items()}
    settings = _settings(num_steps=9, checkpoint_every_steps=4)
    fit(_stage2(tiny_model), settings, out=tmp_path / "alone", device="cpu")
    whole = {name: t.clone() for name, t in tiny_model.projection.state_dict().items()}

    class Cut(AlignmentTask):
        def loss(self, batch: Any) -> Any:
            self.seen = getattr(self, "seen", 0) + 1
            if self.seen == 7:
                raise KeyboardInterrupt
            return super().loss(batch)

    tiny_model.projection.load_state_dict(start)
    plain = _stage2(tiny_model)
    with pytest.raises(KeyboardInterrupt):
        fit(Cut(tiny_model, plain.mixture, plain.settings), settings, out=tmp_path / "cut")
    tiny_model.projection.load_state_dict(start)
    fit(plain, settings, out=tmp_path / "cut", resume=True, device="cpu")
    for name, tensor in tiny_model.projection.state_dict().items():
        assert torch.equal(tensor, whole[name]), name
    assert _losses(tmp_path / "cut") == _losses(tmp_path / "alone")
