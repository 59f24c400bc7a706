"""One run on disk and on its device: what surrounds a step of the loop.

A run folder holds `metrics.jsonl`, `timing.jsonl`, `loss.png` and `checkpoints/`.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, send_to_device

from minigpt4.config import dump_config
from minigpt4.errors import TrainingError
from minigpt4.training import journal
from minigpt4.training.checkpoint import (
    DIRECTORY,
    TrainState,
    generator_states,
    load_newest_checkpoint,
    save_checkpoint,
    set_generator_states,
)
from minigpt4.training.diagnosis import non_finite_error, warn_if_uniform
from minigpt4.training.optimizer import build_optimizer, trained_parameters
from minigpt4.training.settings import TrainSettings
from minigpt4.training.task import FrozenLLMTask, StepLoss, Task, ValidatedTask

logger = logging.getLogger(__name__)

FREE_ON_RESUME = {
    "num_steps",
    "checkpoint_every_steps",
    "validate_every_steps",
    "log_every_steps",
    "num_workers",
}
"""Settings that a resumed run may change; the others would make it another run."""


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """How a run ended."""

    step: int
    finished: bool
    """False when a signal stopped it; `resume=True` goes on."""

    loss: float
    """The last logged loss; NaN when nothing has been logged."""

    validation: dict[str, float | str]
    """What the last validation returned."""


class Run:
    """The state, device, record and checkpoints of one training."""

    def __init__(self, task: Task, settings: TrainSettings, *, out: Path, device: str) -> None:
        self.task, self.settings, self.out = task, settings, out
        # Precision is ours (`autocast`): accelerate's is fixed for the life of the process.
        self.accelerator = Accelerator(mixed_precision="no", cpu=device == "cpu")
        self.device = self.accelerator.device if device in ("auto", "cpu") else torch.device(device)
        task.module.to(self.device)
        self.optimizer = build_optimizer(task.module, settings)
        self.trained = [parameter for _, parameter in trained_parameters(task.module)]
        self.state = TrainState()
        self.validation: dict[str, float | str] = {}
        self.last_loss = math.nan
        self._saved_step = -1
        self._clock = time.perf_counter()
        self._waited_seconds = 0.0

    def start(self, *, resume: bool) -> None:
        """Take up the newest checkpoint, or begin in a folder that holds no run."""
        if resume:
            self._resume()
        elif (self.out / DIRECTORY).exists() or (self.out / journal.METRICS).exists():
            raise TrainingError(
                f"{self.out} holds a run already; go on with --resume, or choose another --out"
            )
        if self.accelerator.num_processes > 1:
            for parameter in self.trained:  # every process starts from the first one's weights
                broadcast(parameter.data)
        if self.state.step == 0:
            seed = self.settings.seed + self.accelerator.process_index
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)
        self.out.mkdir(parents=True, exist_ok=True)
        self.task.module.train()

    def batch_indices(self) -> Sequence[int]:
        """Return the indices of this process's micro-batches still to come.

        They are numbered step by step, within a step micro-batch by micro-batch, and there process
        by process: more processes with fewer micro-batches see the same batches.
        """
        per_step = self.settings.accumulation_steps * self.accelerator.num_processes
        first = self.state.step * per_step + self.accelerator.process_index
        return range(first, self.settings.num_steps * per_step, self.accelerator.num_processes)

    def next_batch(self, batches: Iterator[Any]) -> Any:
        """Wait for the next batch and move it to the device."""
        began = time.perf_counter()
        batch = next(batches)
        self._waited_seconds += time.perf_counter() - began
        return send_to_device(batch, self.device)

    def autocast(self) -> AbstractContextManager:
        """Return the precision context of forward passes."""
        return torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.settings.precision == "bf16"
        )

    def check_finite(self, what: str, value: float, batch: Any) -> None:
        """Raise a NonFiniteLossError with its likely cause unless `value` is finite."""
        if math.isfinite(value):
            return
        rate = self.optimizer.param_groups[0]["lr"]
        raise non_finite_error(
            what, value, step=self.state.step, rate=rate, module=self.task.module, batch=batch
        )

    def sum_over_processes(self, *values: float) -> list[float]:
        """Return the sums of plain numbers over all processes."""
        if self.accelerator.num_processes == 1:
            return list(values)
        numbers = torch.tensor(values, dtype=torch.float64, device=self.device)
        return self.accelerator.reduce(numbers, "sum").tolist()  # type: ignore[union-attr]

    def join_gradients(self, factor: float) -> float:
        """Scale the gradients, sum them over processes, clip; return their norm before clipping."""
        gradients = [p.grad for p in self.trained if p.grad is not None]
        for gradient in gradients:
            if factor != 1.0:
                gradient.mul_(factor)
            if self.accelerator.num_processes > 1:
                gradient.copy_(self.accelerator.reduce(gradient, "sum"))  # type: ignore[arg-type]
        norm = torch.nn.utils.get_total_norm(gradients)
        if self.settings.grad_clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self.trained, self.settings.grad_clip, norm)
        return norm.item()

    def finish_step(self, parts: Sequence[StepLoss], values: dict[str, float]) -> None:
        """Count the step; log, validate and save when they are due."""
        state, settings = self.state, self.settings
        if state.step == 0 and isinstance(self.task, FrozenLLMTask):
            warn_if_uniform(values["loss"], self.task.uniform_loss)
        state.step += 1
        state.num_examples += sum(part.num_examples for part in parts)
        for part in parts:
            for name, value in part.metrics.items():
                state.window.setdefault(name, []).append(float(value))
        for name, value in values.items():
            state.window.setdefault(name, []).append(value)
        if state.step % settings.log_every_steps == 0 or state.step == settings.num_steps:
            self._log()
        every = settings.validate_every_steps
        if state.step == settings.num_steps or (every and state.step % every == 0):
            self._validate()
        if state.step % settings.checkpoint_every_steps == 0:
            self.save()

    def save(self) -> None:
        """Write a checkpoint of the present step and the loss plot, once."""
        if self._saved_step == self.state.step:
            return
        if self.accelerator.is_main_process:
            save_checkpoint(
                self.out,
                self.state,
                module=self.task.module,
                optimizer=self.optimizer,
                settings=dump_config(self.settings),
            )
            journal.plot_losses(self.out)
        self.accelerator.wait_for_everyone()
        self._saved_step = self.state.step

    def result(self) -> TrainResult:
        """Return how the run stands."""
        return TrainResult(
            step=self.state.step,
            finished=self.state.step >= self.settings.num_steps,
            loss=self.last_loss,
            validation=self.validation,
        )

    def _resume(self) -> None:
        loaded = load_newest_checkpoint(self.out, module=self.task.module, optimizer=self.optimizer)
        if loaded is None:
            logger.warning("no checkpoint in %s yet; starting at step 0", self.out)
        else:
            self.state, saved_settings = loaded
            self._saved_step = self.state.step
            check_same_settings(saved_settings, dump_config(self.settings), self.out)
        for name in (journal.METRICS, journal.TIMING):
            journal.cut_lines_after(self.out / name, self.state.step)

    def _log(self) -> None:
        means = {name: sum(values) / len(values) for name, values in self.state.window.items()}
        self.last_loss = means["loss"]
        lr = self.state.window["lr"][-1]
        examples = self.state.num_examples
        self.state.window.clear()
        seconds = time.perf_counter() - self._clock
        line = {"step": self.state.step, **means, "lr": lr, "examples": examples}
        timing = {
            "step": self.state.step,
            "seconds": round(seconds, 3),
            "waiting_share": round(self._waited_seconds / max(seconds, 1e-9), 4),
        }
        self._clock, self._waited_seconds = time.perf_counter(), 0.0
        if self.accelerator.is_main_process:
            journal.append_line(self.out / journal.METRICS, line)
            journal.append_line(self.out / journal.TIMING, timing)

    def _validate(self) -> None:
        if not isinstance(self.task, ValidatedTask):
            return
        # Dice thrown while validating must not change the training.
        generators = generator_states()
        self.task.module.eval()
        with torch.no_grad(), self.autocast():
            self.validation = dict(self.task.validate(self.state.step))
        self.task.module.train()
        set_generator_states(generators)
        if self.accelerator.is_main_process and self.validation:
            line = {"step": self.state.step, **self.validation}
            journal.append_line(self.out / journal.METRICS, line)


def check_same_settings(saved: dict[str, Any], given: dict[str, Any], out: Path) -> None:
    """Raise a TrainingError if a resumed run is given settings that make it another run."""
    changed = {name for name in saved.keys() | given.keys() if saved.get(name) != given.get(name)}
    refused = sorted(changed - FREE_ON_RESUME)
    if refused:
        changes = ", ".join(f"{name} {saved.get(name)} -> {given.get(name)}" for name in refused)
        raise TrainingError(
            f"{out} was started with other settings ({changes}); resume it with those it has, "
            "or choose another --out"
        )
    if "num_steps" in changed:
        logger.warning(
            "num_steps changes from %s to %s, and the learning rates with it",
            saved.get("num_steps"),
            given.get("num_steps"),
        )
