"""The settings of a training run, each with its unit.

Paper: §3 (two-stage training). The official values of both stages are in `recipes/`.
"""

from __future__ import annotations

from typing import Literal

from minigpt4.config import config
from minigpt4.errors import SettingsError


@config
class TrainSettings:
    """Everything `fit` needs to know that is not the task itself."""

    num_steps: int
    """Optimizer steps of the whole run; micro-batches do not count."""

    peak_lr: float
    """Learning rate at the end of the warm-up."""

    final_lr: float = 0.0
    """Learning rate at the end of the cosine."""

    warmup_lr: float = 1e-6
    """Learning rate of the very first step."""

    warmup_steps: int = 0
    """Optimizer steps of linear warm-up."""

    schedule: Literal["official", "cosine"] = "cosine"
    """"official": the cosine is not shifted by the warm-up, so there is a drop at the join."""

    steps_per_epoch: int | None = None
    """Steps of an official "epoch", after which its warm-up starts anew; None: one epoch."""

    weight_decay: float = 0.05
    """Decay of weight matrices; biases and norms are never decayed."""

    betas: tuple[float, float] = (0.9, 0.999)
    """AdamW's moment decays."""

    adam_eps: float = 1e-8
    """AdamW's denominator floor."""

    grad_clip: float | None = None
    """Largest global gradient norm; None: no clipping, as in the official code."""

    accumulation_steps: int = 1
    """Micro-batches of one optimizer step."""

    precision: Literal["bf16", "fp32"] = "fp32"
    """"bf16" runs the model under autocast; trained weights and the loss stay fp32."""

    checkpoint_every_steps: int = 500
    """Optimizer steps between checkpoints; one is always written at the end."""

    validate_every_steps: int | None = None
    """Optimizer steps between validations; None: only at the end."""

    log_every_steps: int = 10
    """Optimizer steps between two lines of `metrics.jsonl`."""

    num_workers: int = 0
    """Processes that prepare batches ahead; 0: one background thread."""

    seed: int = 42
    """Seed of the dice thrown while training (dropout); data has its own seed."""

    def __post_init__(self) -> None:
        # A warm-up longer than the run is allowed: a run cut short keeps its first learning rates.
        if self.warmup_steps < 0:
            raise SettingsError(f"warmup_steps is {self.warmup_steps}; wanted 0 or more")
        for name in ("num_steps", "accumulation_steps", "checkpoint_every_steps"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; wanted at least 1")
        for name in ("validate_every_steps", "log_every_steps", "steps_per_epoch"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingsError(f"{name} is {value}; wanted at least 1")
