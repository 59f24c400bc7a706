"""A device is there, or the error says so: what `load` uses and what training shares."""

from __future__ import annotations

import pytest
import torch

from minigpt4.errors import SettingsError
from minigpt4.model.devices import available_device, local_device


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch believe that there are two GPUs; none is touched."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


@pytest.fixture
def apple(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch believe that this is a Mac."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)


def test_auto_takes_what_is_fastest(two_gpus: None) -> None:
    assert available_device() == torch.device("cuda")


def test_apples_gpu_answers_only_if_it_is_asked_for_but_trains(apple: None) -> None:
    assert available_device() == torch.device("cpu")
    assert available_device("mps") == local_device() == torch.device("mps")


def test_a_gpu_is_taken_by_its_number_whatever_process_asks(
    two_gpus: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert available_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(SettingsError, match="GPU 2 is wanted, but there are 2; use cuda:0 to"):
        available_device("cuda:2")
