"""The training loop, on one screen: batches in, a trained module, its metrics and checkpoints out.

What is trained is a `Task`; how, is a `TrainSettings`. Everything a step does is a function of the
settings and the step, so a run that was killed goes on with `resume=True` to the same bytes as
one that was left alone.

Paper: §3 (both stages are this loop with other settings).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minigpt4.errors import TrainingError
from minigpt4.training.frozen import frozen_unchanged
from minigpt4.training.optimizer import set_learning_rate
from minigpt4.training.prefetch import prefetched
from minigpt4.training.progress import progress_bar
from minigpt4.training.run import Run, TrainResult
from minigpt4.training.schedule import learning_rate
from minigpt4.training.settings import TrainSettings
from minigpt4.training.stopping import StopRequest
from minigpt4.training.task import StepLoss, Task


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
    run.start(resume=resume)
    first_step = run.state.step
    with (
        frozen_unchanged(task.module),
        StopRequest() as stop,
        progress_bar(settings.num_steps, first_step, show=progress) as advance,
    ):
        batches = prefetched(task.batch, run.batch_indices(), num_workers=settings.num_workers)
        for step in range(first_step, settings.num_steps):
            set_learning_rate(run.optimizer, learning_rate(step, settings))
            parts, values = train_step(run, batches)
            run.finish_step(parts, values)
            advance(run.state.step, values["loss"])
            if stop.requested:
                break
        run.save()
    return run.result()


def train_step(run: Run, batches: Iterator[Any]) -> tuple[list[StepLoss], dict[str, float]]:
    """Do one optimizer step; return its micro-batches' losses and the step's values."""
    parts: list[StepLoss] = []
    losses: list[float] = []
    batch = None
    for _ in range(run.settings.accumulation_steps):
        batch = run.next_batch(batches)
        with run.autocast():
            part = run.task.loss(batch)
        losses.append(part.loss.item())
        run.check_finite("loss", losses[-1], batch)
        parts.append(part)
        # Means times weights, divided by the sum of weights below, are the mean of the big batch.
        # Relative to the first weight, so that a single micro-batch is left exactly as it is.
        (part.loss * (part.weight / (parts[0].weight or 1.0))).backward()
    weight, loss_sum = run.sum_over_processes(
        sum(part.weight for part in parts),
        sum(part.weight * loss for part, loss in zip(parts, losses, strict=True)),
    )
    if weight == 0:
        raise TrainingError(f"step {run.state.step} has no answer token to learn from")
    grad_norm = run.join_gradients((parts[0].weight or 1.0) / weight)
    run.check_finite("gradient norm", grad_norm, batch)
    run.optimizer.step()
    run.optimizer.zero_grad(set_to_none=True)
    lr = run.optimizer.param_groups[0]["lr"]
    loss = losses[0] if len(losses) == 1 else loss_sum / weight
    return parts, {"loss": loss, "lr": lr, "grad_norm": grad_norm}
