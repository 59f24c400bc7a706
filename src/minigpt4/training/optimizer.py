"""AdamW with the official parameter groups: matrices decay, biases and norms do not.

For parts that are trained from nothing there is Muon too: the update of a hidden matrix is made
orthogonal, so that every direction moves alike (Jordan et al. 2024), at AdamW's learning rates;
all else goes on with AdamW.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from minigpt4.errors import TrainingError
from minigpt4.training.settings import TrainSettings

UNDECAYED_NAME_PARTS = ("bias", "ln", "bn")
"""Official rule: a parameter whose name holds one of these is not decayed, whatever its shape."""


EMBEDDING_NAME_PARTS = ("embed", "position", "lm_head", "head.")
"""Matrices that map to or from a set of classes or places; they stay with AdamW."""


class MuonWithAdamW(torch.optim.Optimizer):
    """Two optimizers that look like one: Muon for hidden matrices, AdamW for everything else."""

    def __init__(self, muon: torch.optim.Muon, adamw: torch.optim.Optimizer) -> None:
        # The base class would gather the parameters a second time; both parts have done so.
        self.parts = (muon, adamw)

    @property
    def param_groups(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The groups of both; a learning rate set here is set there."""
        return [group for part in self.parts for group in part.param_groups]

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Let both make their step.

        Raises:
            TrainingError: for a closure, which would have to be called twice.
        """
        if closure is not None:
            raise TrainingError("MuonWithAdamW takes no closure; call backward() before step()")
        for part in self.parts:
            part.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of both."""
        for part in self.parts:
            part.zero_grad(set_to_none=set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of both."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore both."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)


def build_optimizer(module: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """Build the optimizer over the parameters that train; AdamW in the official two groups.

    Raises:
        TrainingError: if no parameter has `requires_grad`.
    """
    decayed, undecayed, hidden = [], [], []
    for name, parameter in trained_parameters(module):
        if settings.optimizer == "muon" and is_hidden_matrix(name, parameter):
            hidden.append(parameter)
        else:
            (decayed if is_decayed(name, parameter) else undecayed).append(parameter)
    if not decayed and not undecayed and not hidden:
        raise TrainingError(
            f"{type(module).__name__} has no parameter with requires_grad; nothing would train"
        )
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": undecayed, "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=settings.peak_lr,
        betas=settings.betas,
        eps=settings.adam_eps,
    )
    if not hidden:
        return adamw
    muon = torch.optim.Muon(
        hidden,
        lr=settings.peak_lr,
        weight_decay=settings.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )
    return MuonWithAdamW(muon, adamw)


def trained_parameters(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the named parameters that train; tied ones once."""
    return ((name, p) for name, p in module.named_parameters() if p.requires_grad)


def is_decayed(name: str, parameter: nn.Parameter) -> bool:
    """Tell whether weight decay applies to a parameter."""
    return parameter.ndim >= 2 and not any(part in name for part in UNDECAYED_NAME_PARTS)


def is_hidden_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Tell whether Muon may update a parameter: a matrix between hidden states."""
    return parameter.ndim == 2 and not any(part in name for part in EMBEDDING_NAME_PARTS)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group; called before each step, as officially."""
    for group in optimizer.param_groups:
        group["lr"] = rate
