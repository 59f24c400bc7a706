"""Frozen means frozen: a proof, taken before and after a training, that no bit of it moved."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from minigpt4.errors import TrainingError


def frozen_digests(module: nn.Module) -> dict[str, str]:
    """Return the SHA-256 of every parameter without `requires_grad`, by name."""
    return {
        name: _digest(parameter)
        for name, parameter in module.named_parameters()
        if not parameter.requires_grad
    }


def check_unchanged(before: dict[str, str], module: nn.Module) -> None:
    """Compare the frozen parameters with digests taken earlier.

    Raises:
        TrainingError: naming the parameters that changed.
    """
    after = frozen_digests(module)
    changed = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
    if changed:
        raise TrainingError(
            f"{len(changed)} frozen parameters changed while training, first {changed[0]}; the "
            "result would not fit the frozen parts it was started with. Do not use it"
        )


@contextmanager
def frozen_unchanged(module: nn.Module) -> Iterator[None]:
    """Check on leaving that what was frozen on entering is still the same, to the bit."""
    before = frozen_digests(module)
    yield
    check_unchanged(before, module)


@torch.no_grad()
def _digest(tensor: Tensor) -> str:
    digest = hashlib.sha256()
    for plain in _plain_tensors(tensor):
        # NumPy knows no bf16; the bits are what counts.
        values = plain.contiguous().cpu().reshape(-1)
        digest.update(values.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _plain_tensors(tensor: Tensor) -> Iterator[Tensor]:
    """Yield what a sharded or quantised tensor is made of in this process."""
    inside: Any = tensor.data
    if not hasattr(inside, "__tensor_flatten__"):
        yield inside.as_subclass(Tensor)
        return
    for name in inside.__tensor_flatten__()[0]:
        part = getattr(inside, name)
        if isinstance(part, Tensor):
            yield from _plain_tensors(part)
