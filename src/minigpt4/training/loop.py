"""The training loop, on one screen: batches in, a trained module, its metrics and checkpoints out.

What is trained is a `Task`; how, is a `TrainSettings`. Everything a step does is a function of the
settings and the step, so a run that was killed goes on with `resume=True` to the same bytes as
one that was left alone.

Paper: §3 (both stages are this loop with other settings).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from minigpt4.errors import SettingsError, TrainingError
from minigpt4.training.devices import is_out_of_memory, memory_for
from minigpt4.training.feed import Feed
from minigpt4.training.frozen import frozen_unchanged
from minigpt4.training.optimizer import set_learning_rate
from minigpt4.training.progress import progress_bar
from minigpt4.training.record import TrainResult
from minigpt4.training.run import Run
from minigpt4.training.schedule import learning_rate
from minigpt4.training.settings import TrainSettings
from minigpt4.training.stopping import StopRequest
from minigpt4.training.task import StepLoss, Task

logger = logging.getLogger(__name__)


def fit(
    task: Task,
    settings: TrainSettings,
    *,
    out: str | Path,
    resume: bool = False,
    progress: bool | None = None,
    device: str = "auto",
) -> TrainResult:
    """Train what has `requires_grad` in `task.module`, on every process of the launch.

    Raises:
        TrainingError: if `out` holds a run already and `resume` is False, or nothing trains.
        NonFiniteLossError: with the likely cause, before the weights are spoiled.
        CheckpointError: if a checkpoint cannot be written or read.
    """
    run = Run(task, settings, out=Path(out), device=device)
    feed = run.start(resume=resume)
    first_step = run.state.step
    with (
        frozen_unchanged(task.module),
        StopRequest() as stop,
        progress_bar(settings.num_steps, first_step, show=progress) as advance,
    ):
        for step in range(first_step, settings.num_steps):
            set_learning_rate(run.optimizer, learning_rate(step, settings))
            parts = accumulate_in_memory(run, feed, step)
            values = update(run, parts)
            run.finish_step(parts, values, feed)
            advance(run.state.step, values["loss"])
            if run.processes.any(stop.requested):
                break
        run.save()
    return run.result()


def accumulate_in_memory(run: Run, feed: Feed, step: int) -> list[StepLoss]:
    """Add up a step's gradients; with `micro_batch="auto"`, in pieces that fit into memory."""
    before = run.remember() if run.finds_micro_batch else None
    while True:
        parts = None
        try:
            parts = accumulate(run, feed.batches(step))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if before is None:
                raise SettingsError(
                    f"out of memory in step {step}: {error}. Give memory.micro_batch=auto to "
                    "divide each step until it fits; the result stays the same"
                ) from error
        # Here the failed attempt's tensors are free. All processes halve or none does.
        if before is None or not run.processes.any(parts is None):
            assert parts is not None
            return parts
        run.forget_attempt(before)
        logger.warning("out of memory; going on with micro-batches of %d rows", feed.halve())


def accumulate(run: Run, batches: Iterable[Any]) -> list[StepLoss]:
    """Add up the gradients of this process's micro-batches; return their losses."""
    parts: list[StepLoss] = []
    for batch in map(run.place, batches):
        with run.autocast():
            part = run.task.loss(batch)
        run.check_finite("loss", part.loss.item(), batch)
        parts.append(replace(part, loss=part.loss.detach()))
        # Means times weights, divided by the sum of weights in `update`, are the mean of the big
        # batch. Relative to the first weight, so that a single one is left exactly as it is.
        (part.loss * (part.weight / (parts[0].weight or 1.0))).backward()
    return parts


def update(run: Run, parts: Sequence[StepLoss]) -> dict[str, float]:
    """Join the gradients of all processes and take the optimizer's step; return its values."""
    losses = [part.loss.item() for part in parts]
    weight, loss_sum, num_parts = run.processes.sum(
        sum(part.weight for part in parts),
        sum(part.weight * loss for part, loss in zip(parts, losses, strict=True)),
        len(parts),
    )
    if weight == 0:
        raise TrainingError(f"step {run.state.step} has no answer token to learn from")
    # No second try as for the gradients: a step of the optimizer cannot be undone half-way.
    with memory_for(f"the optimizer's update of step {run.state.step}"):
        grad_norm = run.join_gradients((parts[0].weight or 1.0) / weight)
        run.check_finite("gradient norm", grad_norm, None)
        run.optimizer.step()
    run.optimizer.zero_grad(set_to_none=True)
    loss = losses[0] if num_parts == 1 else loss_sum / weight
    return {"loss": loss, "lr": run.optimizer.param_groups[0]["lr"], "grad_norm": grad_norm}
