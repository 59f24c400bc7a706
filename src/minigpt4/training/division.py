"""Who computes which rows: the division of a step's batch among processes and micro-batches.

A step's batch is `batches_per_step` batches of the task, one after the other. Its rows are cut
into as many equal stretches as there are processes, and each stretch at the bounds of the task's
batches and after every `micro_batch` rows. So the examples of a step, and their order, are the same
for any number of processes and any micro-batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from minigpt4.errors import SettingsError
from minigpt4.training.task import DivisibleTask, Task


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one batch of the task; None: all of a batch that cannot be divided."""

    index: int
    rows: range | None


@dataclass(frozen=True, kw_only=True)
class Division:
    """How one process of several takes its part of each step."""

    batches_per_step: int
    batch_size: int | None
    """Rows of a batch of the task; None: it cannot be divided."""
    num_processes: int = 1
    process: int = 0
    micro_batch: int | None = None

    def __post_init__(self) -> None:
        rows = self.batches_per_step * (self.batch_size or 1)
        if rows < self.num_processes:
            what = "examples" if self.batch_size else "batches that cannot be divided"
            raise SettingsError(
                f"a step has {rows} {what} for {self.num_processes} processes; start fewer "
                "processes, or make the batch bigger"
            )

    @property
    def rows_per_process(self) -> int:
        """Rows that the busiest process has in a step."""
        return -(-self.batches_per_step * (self.batch_size or 1) // self.num_processes)

    @property
    def is_even(self) -> bool:
        """Whether every process runs the same number of forward passes in each step."""
        counts = {
            len(list(replace(self, process=process).parts(0)))
            for process in range(self.num_processes)
        }
        return len(counts) == 1

    def parts(self, step: int) -> Iterator[Part]:
        """Yield this process's parts of a step, in order."""
        size = self.batch_size or 1
        num_rows = self.batches_per_step * size
        start = num_rows * self.process // self.num_processes
        stop = num_rows * (self.process + 1) // self.num_processes
        while start < stop:
            batch, row = divmod(start, size)
            count = min(stop - start, size - row, self.micro_batch or size)
            rows = None if self.batch_size is None else range(row, row + count)
            yield Part(step * self.batches_per_step + batch, rows)
            start += count

    def of_size(self, micro_batch: int | None) -> Division:
        """Return the division into micro-batches of at most this size."""
        return replace(self, micro_batch=micro_batch)

    def halved(self) -> Division:
        """Return the division into micro-batches of half the size.

        Raises:
            SettingsError: if there is nothing left to halve.
        """
        now = min(self.micro_batch or self.rows_per_process, self.batch_size or 1)
        if now < 2:
            raise SettingsError(
                "not even one example at a time fits into memory; keep the LLM in less "
                "(memory.llm_storage), set memory.gradient_checkpointing, or shard the LLM over "
                "several devices (distribution.shard_llm)"
            )
        return replace(self, micro_batch=now // 2)


def divide(task: Task, *, batches_per_step: int, **processes: Any) -> Division:
    """Return the division of a task's steps; `processes` are further fields of `Division`."""
    size = task.batch_size if isinstance(task, DivisibleTask) else None
    return Division(batches_per_step=batches_per_step, batch_size=size, **processes)


def make_part(task: Task, part: Part) -> Any:
    """Make the rows of a part on the CPU."""
    if part.rows is None:
        return task.batch(part.index)
    assert isinstance(task, DivisibleTask)
    return task.rows(part.index, part.rows)
