"""Settings that make no sense are refused before anything is loaded."""

from __future__ import annotations

import pytest

from minigpt4.config import build_config
from minigpt4.errors import SettingsError
from minigpt4.training.schedule import learning_rate
from minigpt4.training.settings import MemorySettings, TrainSettings


def test_a_negative_warmup_is_refused() -> None:
    with pytest.raises(SettingsError, match="warmup_steps is -1"):
        TrainSettings(num_steps=10, peak_lr=1e-4, warmup_steps=-1)


def test_a_run_shorter_than_its_warmup_is_allowed() -> None:
    settings = TrainSettings(num_steps=10, peak_lr=1.0, warmup_lr=0.0, warmup_steps=20)
    assert learning_rate(9, settings) == 0.45


@pytest.mark.parametrize("name", ["num_steps", "batches_per_step", "log_every_steps"])
def test_counts_below_one_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is 0"):
        build_config(TrainSettings, {"num_steps": 10, "peak_lr": 1e-4} | {name: 0})


def test_an_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match="peak_lr"):
        build_config(TrainSettings, {"num_steps": 1, "peek_lr": 1e-4})


def test_a_share_above_one_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"max_bad_share is 1\.5"):
        TrainSettings(num_steps=1, peak_lr=1e-4, max_bad_share=1.5)


def test_a_micro_batch_is_a_number_or_auto() -> None:
    assert build_config(MemorySettings, {"micro_batch": "auto"}).micro_batch == "auto"
    with pytest.raises(SettingsError, match="micro_batch"):
        build_config(MemorySettings, {"micro_batch": "many"})
    with pytest.raises(SettingsError, match="micro_batch is 0"):
        MemorySettings(micro_batch=0)
