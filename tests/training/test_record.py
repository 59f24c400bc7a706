"""Bad examples are counted by reason and stop a run when there are too many; a summary is left."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from minigpt4.data.example import Example, captioned
from minigpt4.data.mixing import Mixture
from minigpt4.errors import DataError, TrainingError
from minigpt4.processing.processor import STAGE1_LAYOUT
from minigpt4.training import StepLoss, TrainSettings, fit
from minigpt4.training.journal import read_lines
from minigpt4.training.stages import AlignmentSettings, AlignmentTask
from training.tiny_run import TinyTask, tiny_settings


class Rotten:
    """Twenty pictures, some of which are bad."""

    def __init__(self, bad: dict[int, str]) -> None:
        self.bad = bad

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> Example:
        if index in self.bad:
            raise DataError(f"{self.bad[index]}: number {index}")
        return captioned(Image.new("RGB", (9, 9), (9 * index, 0, 0)), "red", key=str(index))


class SkippingTask(TinyTask):
    """The tiny task, with some bad examples in each batch."""

    def __init__(self, skipped: dict[str, int]) -> None:
        super().__init__()
        self.skipped = skipped

    def loss(self, batch: Any) -> StepLoss:
        part = super().loss(batch)
        return StepLoss(
            loss=part.loss, weight=6, num_examples=6, metrics=part.metrics, skipped=self.skipped
        )


def test_bad_examples_are_counted_by_reason_in_metrics_and_summary(
    tiny_model: Any, tmp_path: Path
) -> None:
    mixture = Mixture([(Rotten({3: "truncated", 7: "missing"}), 1)], batch_size=4, seed=0)
    task = AlignmentTask(tiny_model, mixture, AlignmentSettings(layout=STAGE1_LAYOUT))
    settings = TrainSettings(num_steps=10, peak_lr=1e-3, log_every_steps=5, max_bad_share=0.5)
    result = fit(task, settings, out=tmp_path, device="cpu")
    met: Counter[str] = sum((mixture.draw(step).skipped for step in range(10)), Counter())
    assert result.skipped == dict(met)
    assert sum(met.values()) >= 4
    lines = read_lines(tmp_path / "metrics.jsonl")
    assert lines[-1]["skipped"] == dict(met)
    first: Counter[str] = sum((mixture.draw(step).skipped for step in range(5)), Counter())
    assert lines[0]["skipped"] == dict(first)
    assert lines[-1]["examples"] == result.num_examples == 40
    assert json.loads((tmp_path / "summary.json").read_text())["skipped"] == dict(met)


def test_counts_go_on_after_an_interruption(tmp_path: Path) -> None:
    class Cut(SkippingTask):
        def loss(self, batch: Any) -> StepLoss:
            self.seen = getattr(self, "seen", 0) + 1
            if self.seen == 18:
                raise KeyboardInterrupt
            return super().loss(batch)

    settings = tiny_settings(max_bad_share=0.5)
    with pytest.raises(KeyboardInterrupt):
        fit(Cut({"empty": 1}), settings, out=tmp_path, device="cpu")
    result = fit(SkippingTask({"empty": 1}), settings, out=tmp_path, resume=True, device="cpu")
    assert result.skipped == {"empty": 40}
    assert result.num_examples == 240


def test_too_many_bad_examples_stop_the_run(tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError, match=r"180 of 360 examples up to step 30 .* 120 truncated, 60 missing"
    ):
        fit(
            SkippingTask({"truncated": 4, "missing": 2}),
            tiny_settings(max_bad_share=0.17),
            out=tmp_path,
            device="cpu",
        )
    assert read_lines(tmp_path / "metrics.jsonl")[-1]["step"] == 30


def test_a_small_run_is_judged_at_its_end(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"80 of 320 examples up to step 40 .* allows"):
        fit(
            SkippingTask({"missing": 2}),
            tiny_settings(max_bad_share=0.2),
            out=tmp_path,
            device="cpu",
        )


def test_as_many_as_are_allowed_do_not_stop_it(tmp_path: Path) -> None:
    task = SkippingTask({"missing": 2})
    assert fit(task, tiny_settings(max_bad_share=0.25), out=tmp_path, device="cpu").finished


def test_waiting_for_data_is_measured(tmp_path: Path) -> None:
    class Slow(TinyTask):
        def batch(self, step: int) -> dict[str, torch.Tensor]:
            time.sleep(0.25)
            return super().batch(step)

    result = fit(Slow(), tiny_settings(num_steps=4), out=tmp_path, device="cpu")
    assert 0.05 < result.waiting_share <= 1
    times = read_lines(tmp_path / "timing.jsonl")
    assert sum(line["seconds"] for line in times) == pytest.approx(result.seconds, abs=0.01)
    assert {line["micro_batch"] for line in times} == {None}


def test_a_resumed_finished_run_has_the_same_summary(tmp_path: Path) -> None:
    first = fit(TinyTask(), tiny_settings(), out=tmp_path, device="cpu")
    again = fit(TinyTask(), tiny_settings(), out=tmp_path, resume=True, device="cpu")
    assert again == first
