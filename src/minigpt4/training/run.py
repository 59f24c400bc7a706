"""One run on disk and on its device: what surrounds a step of the loop.

A run folder holds `metrics.jsonl`, `timing.jsonl`, `summary.json`, `loss.png` and `checkpoints/`.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.utils import send_to_device

from minigpt4.config import dump_config
from minigpt4.data.identity import SourceRecord, differences
from minigpt4.errors import CheckpointError, SettingsError, TrainingError
from minigpt4.training import journal
from minigpt4.training.checkpoint import (
    DIRECTORY,
    delete_old_checkpoints,
    load_newest_checkpoint,
    save_checkpoint,
)
from minigpt4.training.devices import free_cached_memory, is_out_of_memory, local_device, memory_for
from minigpt4.training.diagnosis import non_finite_error, warn_if_uniform
from minigpt4.training.division import divide
from minigpt4.training.feed import Feed
from minigpt4.training.memory import fit_into_memory
from minigpt4.training.optimizer import build_optimizer, trained_parameters
from minigpt4.training.processes import Processes
from minigpt4.training.record import Record, TrainResult, check_bad_share
from minigpt4.training.settings import TrainSettings
from minigpt4.training.state import TrainState, generator_states, set_generator_states
from minigpt4.training.task import (
    DividedValidation,
    FrozenLLMTask,
    RecordedTask,
    StepLoss,
    Task,
    ValidatedTask,
)

logger = logging.getLogger(__name__)

FREE_ON_RESUME = {
    "num_steps",
    "checkpoint_every_steps",
    "keep_checkpoints",
    "validate_every_steps",
    "log_every_steps",
    "max_bad_share",
    "num_workers",
    "distribution",
    "memory",
}
"""Settings that a resumed run may change; the others would make it another run."""


class Run:
    """The state, device, record and checkpoints of one training."""

    def __init__(self, task: Task, settings: TrainSettings, *, out: Path, device: str) -> None:
        self.task, self.settings, self.out = task, settings, out
        self.device = local_device(device)
        self.processes = Processes(self.device)
        self.division = divide(
            task,
            batches_per_step=settings.batches_per_step,
            num_processes=self.processes.count,
            process=self.processes.index,
        )
        fit_into_memory(task, settings, division=self.division, device=self.device)
        task.module.to(self.device)
        self.optimizer = build_optimizer(task.module, settings)
        self.trained = [parameter for _, parameter in trained_parameters(task.module)]
        self.state = TrainState()
        self.record = Record(out, self.processes)
        self._saved_step = -1

    def start(self, *, resume: bool) -> Feed:
        """Take up the newest checkpoint, or begin in a folder that holds no run.

        Returns the batches that are still to come.
        """
        if resume:
            self._resume()
        elif (self.out / DIRECTORY).exists() or (self.out / journal.METRICS).exists():
            raise TrainingError(
                f"{self.out} holds a run already; go on with --resume, or choose another --out"
            )
        if isinstance(self.task, RecordedTask):
            found = self.task.data_record()
            check_same_data(self.state.data, found, self.out)
            self.state.data = found
        # Every process starts from the first one's weights.
        self.processes.copy_from_first([parameter.data for parameter in self.trained])
        if self.state.step == 0:
            seed = self.settings.seed + self.processes.index
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)
        self.out.mkdir(parents=True, exist_ok=True)
        self.task.module.train()
        return Feed(
            self.task,
            self.division.of_size(self._micro_batch()),
            first_step=self.state.step,
            num_steps=self.settings.num_steps,
            num_workers=self.settings.num_workers,
        )

    @property
    def finds_micro_batch(self) -> bool:
        """Whether a step that does not fit into memory is tried again in smaller pieces."""
        return self.settings.memory.micro_batch == "auto"

    def place(self, batch: Any) -> Any:
        """Move a batch to the device."""
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

    def join_gradients(self, factor: float) -> float:
        """Scale the gradients, sum them over processes, clip; return their norm before clipping."""
        if self.processes.count > 1:  # a process that did not need a weight joins in with zeros
            for parameter in self.trained:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
        gradients = [p.grad for p in self.trained if p.grad is not None]
        if factor != 1.0:
            for gradient in gradients:
                gradient.mul_(factor)
        self.processes.sum_tensors(gradients)
        norm = torch.nn.utils.get_total_norm(gradients)
        if self.settings.grad_clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self.trained, self.settings.grad_clip, norm)
        return norm.item()

    def finish_step(
        self, parts: Sequence[StepLoss], values: Mapping[str, float], feed: Feed
    ) -> None:
        """Count the step; log, validate and save when they are due."""
        state, settings = self.state, self.settings
        if state.step == 0 and isinstance(self.task, FrozenLLMTask):
            warn_if_uniform(values["loss"], self.task.uniform_loss)
        state.step += 1
        is_last = state.step == settings.num_steps
        state.micro_batch = feed.division.micro_batch
        self.record.count(state, parts, values)
        if is_last or state.step % settings.log_every_steps == 0:
            self.record.log(
                state, waited_seconds=feed.waited_seconds, micro_batch=state.micro_batch
            )
            check_bad_share(state, max_bad_share=settings.max_bad_share, is_last=is_last)
        every = settings.validate_every_steps
        if is_last or (every and state.step % every == 0):
            self._validate()
        if state.step % settings.checkpoint_every_steps == 0:
            self.save()

    def save(self) -> None:
        """Write a checkpoint of the present step and the loss plot, once."""
        if self._saved_step == self.state.step:
            return
        others = self.processes.gather(self.state.own())[1:]
        if self.processes.is_first:
            journal.flush(self.out)
            save_checkpoint(
                self.out,
                self.state,
                module=self.task.module,
                optimizer=self.optimizer,
                settings=dump_config(self.settings),
                others=others,
            )
            delete_old_checkpoints(self.out, keep=self.settings.keep_checkpoints)
            journal.plot_losses(self.out)
        self.processes.wait()
        self._saved_step = self.state.step

    def result(self) -> TrainResult:
        """Return how the run stands."""
        return self.record.result(self.state, finished=self.state.step >= self.settings.num_steps)

    def forget_attempt(self, before: dict[str, Any]) -> None:
        """Undo a step that ran out of memory, up to what `remember` returned."""
        self.optimizer.zero_grad(set_to_none=True)
        set_generator_states(before["generators"])
        for buffer, value in zip(self.task.module.buffers(), before["buffers"], strict=True):
            buffer.copy_(value)
        free_cached_memory(self.device)

    def remember(self) -> dict[str, Any]:
        """Return what a forward pass changes: generators, and the buffers of norms."""
        buffers = [buffer.clone() for buffer in self.task.module.buffers()]
        return {"generators": generator_states(), "buffers": buffers}

    def _micro_batch(self) -> int | None:
        wanted = self.settings.memory.micro_batch
        if wanted == "auto":
            return self.state.micro_batch  # as found before: the same sizes, the same bits
        if self.state.step and wanted != self.state.micro_batch:
            logger.warning(
                "micro_batch changes from %s to %s; results will agree to rounding only",
                self.state.micro_batch,
                wanted,
            )
        return wanted

    def _resume(self) -> None:
        loaded = load_newest_checkpoint(
            self.out,
            module=self.task.module,
            optimizer=self.optimizer,
            process=self.processes.index,
            num_processes=self.processes.count,
        )
        if loaded is None:
            logger.warning("no checkpoint in %s yet; starting at step 0", self.out)
        else:
            self.state, saved_settings = loaded
            self._saved_step = self.state.step
            check_same_settings(saved_settings, self.settings, self.out)
        steps = self.processes.gather(self.state.step)
        if len(set(steps)) > 1:
            raise CheckpointError(
                f"the processes found checkpoints of different steps {steps} in {self.out}; it "
                "must be a folder that all machines share"
            )
        self.record.cut_after(self.state.step)

    def _validate(self) -> None:
        if not isinstance(self.task, ValidatedTask):
            return
        # Dice thrown while validating must not change the training.
        generators = generator_states()
        self.task.module.eval()
        if isinstance(self.task, DividedValidation):
            self.task.micro_batch = self.state.micro_batch
        values = None
        while values is None:
            with torch.no_grad(), self.autocast():
                values = self._try_to_validate(self.task)
            set_generator_states(generators)
        self.task.module.train()
        self.record.log_validation(self.state.step, values)

    def _try_to_validate(self, task: ValidatedTask) -> dict[str, float | str] | None:
        """Return what a validation found; None if it is to be tried again in smaller pieces."""
        try:
            with memory_for(f"the validation after step {self.state.step}"):
                return task.validate(self.state.step)
        except SettingsError as error:
            if error.__cause__ is None or not is_out_of_memory(error.__cause__):
                raise
            if not (isinstance(task, DividedValidation) and self.finds_micro_batch):
                raise
            size = task.micro_batch or self.division.batch_size or 1
            if size < 2:
                raise
            task.micro_batch = size // 2
        free_cached_memory(self.device)
        logger.warning("out of memory; validating %d rows at a time", task.micro_batch)
        return None


def check_same_data(
    before: Sequence[SourceRecord] | None, now: Sequence[SourceRecord], out: Path
) -> None:
    """Raise a TrainingError if a resumed run, whose data is known, is given other data."""
    changes = [] if before is None else differences(before, now)
    if changes:
        raise TrainingError(
            f"{out} was started with other data ({'; '.join(changes)}), and would go on with all "
            "examples in another order; put the data back as it was, or choose another --out"
        )


def check_same_settings(saved: Mapping[str, Any], settings: TrainSettings, out: Path) -> None:
    """Raise a TrainingError if a resumed run is given settings that make it another run."""
    given = dump_config(settings)
    # A setting that the run did not know yet has been at its default.
    known = TrainSettings(num_steps=settings.num_steps, peak_lr=settings.peak_lr)
    before = dump_config(known) | {name: saved[name] for name in saved.keys() & given.keys()}
    changed = {name for name in given if before[name] != given[name]}
    refused = sorted(changed - FREE_ON_RESUME)
    if refused:
        changes = ", ".join(f"{name} {before[name]} -> {given[name]}" for name in refused)
        raise TrainingError(
            f"{out} was started with other settings ({changes}); resume it with those it has, "
            "or choose another --out"
        )
    if "num_steps" in changed:
        logger.warning(
            "num_steps changes from %s to %s, and the learning rates with it",
            before["num_steps"],
            given["num_steps"],
        )
