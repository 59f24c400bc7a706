"""Learning rates as pure functions of the step.

The official schedule (`linear_warmup_cosine_lr`) has two quirks that the released weights were
trained with, kept here for parity: the cosine runs over the whole training and is not shifted by
the warm-up, so the rate drops at the join (stage 1: 9.998e-5 at step 4,999, 9.7071e-5 at 5,000);
and the warm-up counts steps within an "epoch", so a warm-up longer than an epoch starts anew.
"""

from __future__ import annotations

import math

from minigpt4.training.settings import TrainSettings


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Return the learning rate of optimizer step `step`, counted from 0."""
    if settings.schedule == "official":
        return official_rate(step, settings)
    return cosine_rate(step, settings)


def official_rate(step: int, settings: TrainSettings) -> float:
    """Return the official code's rate: in-epoch linear warm-up, then an unshifted cosine."""
    if step < settings.warmup_steps:
        step_in_epoch = step % (settings.steps_per_epoch or settings.num_steps)
        return min(settings.peak_lr, _warmup(step_in_epoch, settings))
    return _cosine(step / settings.num_steps, settings)


def cosine_rate(step: int, settings: TrainSettings) -> float:
    """Return a linear warm-up to `peak_lr`, then a cosine that ends at `final_lr`."""
    if step < settings.warmup_steps:
        return _warmup(step, settings)
    remaining_steps = max(settings.num_steps - settings.warmup_steps, 1)
    return _cosine(min((step - settings.warmup_steps) / remaining_steps, 1.0), settings)


def _warmup(step: int, settings: TrainSettings) -> float:
    rise = settings.peak_lr - settings.warmup_lr
    return settings.warmup_lr + rise * step / max(settings.warmup_steps, 1)


def _cosine(progress: float, settings: TrainSettings) -> float:
    fall = settings.peak_lr - settings.final_lr
    return settings.final_lr + fall * 0.5 * (1.0 + math.cos(math.pi * progress))
