"""Say why a loss is not finite, or suspicious at the very start, in words a user can act on."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from minigpt4.errors import NonFiniteLossError
from minigpt4.training.optimizer import trained_parameters

logger = logging.getLogger(__name__)

UNIFORM_TOLERANCE = 0.05
"""Nats around ln(vocabulary) within which an LLM counts as knowing nothing."""


def non_finite_error(
    what: str, value: float, *, step: int, rate: float, module: nn.Module, batch: Any
) -> NonFiniteLossError:
    """Build the error for a loss or gradient norm that is NaN or infinite."""
    bad_weights = [n for n, p in module.named_parameters() if not bool(torch.isfinite(p).all())]
    bad_inputs = [
        n for n, t in named_tensors(batch) if t.is_floating_point() and not t.isfinite().all()
    ]
    trained = {name for name, _ in trained_parameters(module)}
    if bad_inputs:
        cause = f"the batch itself holds non-finite numbers ({bad_inputs[0]}); look at its data"
    elif any(name not in trained for name in bad_weights):
        first = next(name for name in bad_weights if name not in trained)
        cause = f"the frozen weight {first} is not finite; its file is damaged, load it again"
    elif bad_weights:
        cause = f"the trained weight {bad_weights[0]} is not finite; lower peak_lr or set grad_clip"
    else:
        cause = (
            "all weights and inputs are finite, so an activation overflowed; use precision fp32 "
            "or bf16 (never fp16), lower peak_lr or set grad_clip"
        )
    return NonFiniteLossError(
        f"the {what} is {value} at step {step} (learning rate {rate:.3g}): {cause}. "
        f"Batch: {describe_batch(batch)}. The last checkpoint is from before this step"
    )


def warn_if_uniform(loss: float, uniform_loss: float) -> bool:
    """Warn when a first loss equals ln(vocabulary): the frozen LLM answers as if by dice."""
    suspicious = abs(loss - uniform_loss) < UNIFORM_TOLERANCE
    if suspicious:
        logger.warning(
            "the first loss is %.3f = ln(%.0f), that of an LLM which knows nothing: its weights "
            "are not what they should be (an unmerged delta, a damaged or random file)",
            loss,
            math.exp(uniform_loss),
        )
    return suspicious


def describe_batch(batch: Any) -> str:
    """Return shape, range and mean of each tensor of a batch in one line."""
    parts = []
    for name, tensor in named_tensors(batch):
        text = f"{name} {tuple(tensor.shape)}"
        if tensor.is_floating_point() and tensor.numel():
            values = tensor.float()
            text += f" in [{values.min():.3g}, {values.max():.3g}], mean {values.mean():.3g}"
        parts.append(text)
    return "; ".join(parts) or "no tensors"


def named_tensors(batch: Any, name: str = "batch") -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor in nested dataclasses, mappings and sequences with its path."""
    if isinstance(batch, Tensor):
        yield name, batch
    elif isinstance(batch, Mapping):
        for key, value in batch.items():
            yield from named_tensors(value, f"{name}.{key}")
    elif isinstance(batch, (list, tuple)):
        for index, value in enumerate(batch):
            yield from named_tensors(value, f"{name}[{index}]")
    elif hasattr(batch, "__dict__"):
        yield from named_tensors(vars(batch), name)
