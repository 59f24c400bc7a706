"""AdamW with the official parameter groups: matrices decay, biases and norms do not."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from minigpt4.errors import TrainingError
from minigpt4.training.settings import TrainSettings

UNDECAYED_NAME_PARTS = ("bias", "ln", "bn")
"""Official rule: a parameter whose name holds one of these is not decayed, whatever its shape."""


def build_optimizer(module: nn.Module, settings: TrainSettings) -> torch.optim.AdamW:
    """Build AdamW over the parameters that train, in the official two groups.

    Raises:
        TrainingError: if no parameter has `requires_grad`.
    """
    decayed, undecayed = [], []
    for name, parameter in trained_parameters(module):
        (decayed if is_decayed(name, parameter) else undecayed).append(parameter)
    if not decayed and not undecayed:
        raise TrainingError(
            f"{type(module).__name__} has no parameter with requires_grad; nothing would train"
        )
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": undecayed, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=settings.peak_lr,
        betas=settings.betas,
        eps=settings.adam_eps,
    )


def trained_parameters(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the named parameters that train; tied ones once."""
    return ((name, p) for name, p in module.named_parameters() if p.requires_grad)


def is_decayed(name: str, parameter: nn.Parameter) -> bool:
    """Tell whether weight decay applies to a parameter."""
    return parameter.ndim >= 2 and not any(part in name for part in UNDECAYED_NAME_PARTS)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group; called before each step, as officially."""
    for group in optimizer.param_groups:
        group["lr"] = rate
