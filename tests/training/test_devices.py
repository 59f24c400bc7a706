"""Each process takes the device it was asked for, or its own of several, or says why not."""

from __future__ import annotations

import pytest
import torch

from minigpt4.errors import SettingsError
from minigpt4.training.devices import is_out_of_memory, local_device


@pytest.fixture
def four_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch believe that there are four GPUs; none is touched."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch believe that there is none."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_auto_is_the_cpu_where_there_is_nothing_else(no_gpu: None) -> None:
    assert local_device("auto") == torch.device("cpu")


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_processes_of_a_machine_take_its_gpus_in_turn(
    name: str, four_gpus: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    for local in range(4):
        monkeypatch.setenv("LOCAL_RANK", str(local))
        assert local_device(name) == torch.device("cuda", local)


def test_one_process_takes_the_gpu_that_is_named(four_gpus: None) -> None:
    assert local_device("cuda:3") == torch.device("cuda", 3)
    assert local_device("cuda") == torch.device("cuda", 0)


def test_more_processes_than_gpus_are_refused(
    four_gpus: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "5")
    monkeypatch.setenv("LOCAL_RANK", "4")
    with pytest.raises(SettingsError, match="there are 4"):
        local_device("cuda")
    with pytest.raises(SettingsError, match="cuda:2 for several processes"):
        local_device("cuda:2")


@pytest.mark.parametrize(
    ("name", "reason"), [("cuda", "no CUDA GPU"), ("mps", "no mps"), ("gpu", "unknown")]
)
def test_a_device_that_is_not_there_is_refused(name: str, reason: str, no_gpu: None) -> None:
    with pytest.raises(SettingsError, match=reason):
        local_device(name)


def test_errors_of_full_memory_are_told_from_others() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
