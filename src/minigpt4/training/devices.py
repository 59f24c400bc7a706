"""Which device a process works on: the one asked for, and its own where several share a machine."""

from __future__ import annotations

import os

import torch

from minigpt4.errors import SettingsError


def local_device(device: str = "auto") -> torch.device:
    """Return the device meant by `auto`, `cpu`, `cuda`, `cuda:1` or `mps` in this process.

    "auto" takes a CUDA GPU, else Apple's, else the CPU. Under `torchrun` the processes of a machine
    take its GPUs in turn.

    Raises:
        SettingsError: if the device is unknown or not there.
    """
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
    if wanted.type == "cuda":
        return _local_gpu(wanted)
    return wanted


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that a device, or the machine, has no memory left."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    texts = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")
    return isinstance(error, RuntimeError) and any(text in str(error) for text in texts)


def free_cached_memory(device: torch.device) -> None:
    """Give memory that torch keeps for later back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _local_gpu(wanted: torch.device) -> torch.device:
    num_gpus = torch.cuda.device_count()
    if num_gpus == 0:
        raise SettingsError(
            "this machine has no CUDA GPU, or torch was built without CUDA; use --device cpu"
        )
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
