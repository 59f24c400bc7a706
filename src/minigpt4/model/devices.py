"""Which device a model works on: the one asked for, if this machine has it."""

from __future__ import annotations

import os

import torch

from minigpt4.errors import SettingsError


def available_device(device: str = "auto") -> torch.device:
    """Return the device meant by `auto`, `cpu`, `cuda`, `cuda:1` or `mps`, which is there.

    "auto" takes a CUDA GPU, else the CPU. Apple's GPU, on which nobody has tried to answer yet, is
    taken only if it is asked for.

    Raises:
        SettingsError: if the device is unknown or not there.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    wanted = _named(device)
    if wanted.type == "cuda" and (wanted.index or 0) >= torch.cuda.device_count():
        num_gpus = torch.cuda.device_count()
        raise SettingsError(
            f"GPU {wanted.index} is wanted, but there are {num_gpus}; use cuda:0 to "
            f"cuda:{num_gpus - 1}"
        )
    return wanted


def local_device(device: str = "auto") -> torch.device:
    """Return the device meant by `auto`, `cpu`, `cuda`, `cuda:1` or `mps` in this process.

    "auto" takes a CUDA GPU, else Apple's, else the CPU. Under `torchrun` the processes of a machine
    take its GPUs in turn.

    Raises:
        SettingsError: if the device is unknown or not there.
    """
    wanted = _named(device)
    return _local_gpu(wanted) if wanted.type == "cuda" else wanted


def _named(device: str) -> torch.device:
    """Return the device of a name, of a kind that this machine has."""
    if device == "auto":
        device = _best_device()
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise SettingsError(
            f"device {device!r} is unknown; use auto, cpu, cuda, cuda:N or mps"
        ) from error
    if wanted.type == "mps" and not torch.backends.mps.is_available():
        raise SettingsError("this machine has no mps device; use --device auto or cpu")
    if wanted.type == "cuda" and not torch.cuda.device_count():
        raise SettingsError(
            "this machine has no CUDA GPU, or torch was built without CUDA; use --device cpu"
        )
    return wanted


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _local_gpu(wanted: torch.device) -> torch.device:
    num_gpus = torch.cuda.device_count()
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if int(os.environ.get("LOCAL_WORLD_SIZE", "1")) > 1:
        if wanted.index is not None:
            raise SettingsError(
                f"{wanted} for several processes; use --device cuda, then each takes its own, and "
                "CUDA_VISIBLE_DEVICES to choose among them"
            )
        index = local
    else:
        index = wanted.index or 0
    if index >= num_gpus:
        raise SettingsError(
            f"GPU {index} is wanted, but there are {num_gpus}; start at most as many processes on "
            "a machine (--nproc-per-node) as it has GPUs"
        )
    return torch.device("cuda", index)
