"""The device a process trains on, and what to do when it is full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from minigpt4.errors import SettingsError
from minigpt4.model.devices import local_device

__all__ = ["free_cached_memory", "is_out_of_memory", "local_device", "memory_for"]


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that a device, or the machine, has no memory left."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    texts = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")
    return isinstance(error, RuntimeError) and any(text in str(error) for text in texts)


@contextmanager
def memory_for(what: str) -> Iterator[None]:
    """Turn running out of memory within into an error that says for what, and what helps.

    Raises:
        SettingsError: in the place of whatever the device says when it is full.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise SettingsError(
            f"out of memory in {what}: {error}. Keep the LLM in less (memory.llm_storage), shard "
            "it over several devices (distribution.shard_llm) or give memory.micro_batch a smaller "
            "number, then go on with --resume"
        ) from error


def free_cached_memory(device: torch.device) -> None:
    """Give memory that torch keeps for later back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
