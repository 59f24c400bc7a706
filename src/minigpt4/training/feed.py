"""The batches of a run, step by step, prepared ahead and divided as the division says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from minigpt4.training.division import Division, Part, make_part
from minigpt4.training.prefetch import prefetched
from minigpt4.training.task import Task


class Feed:
    """Gives the micro-batches of one step after the other; a step may be asked for again."""

    def __init__(
        self, task: Task, division: Division, *, first_step: int, num_steps: int, num_workers: int
    ) -> None:
        self.division = division
        self.waited_seconds = 0.0
        """Time that the loop has waited for batches so far."""
        self._task, self._num_steps, self._num_workers = task, num_steps, num_workers
        self._begin(first_step)

    def batches(self, step: int) -> Iterator[Any]:
        """Yield this process's micro-batches of a step, on the CPU."""
        if step != self._next_step:
            self._begin(step)
        for _ in self.division.parts(step):
            began = time.perf_counter()
            batch = next(self._coming)
            self.waited_seconds += time.perf_counter() - began
            yield batch
        self._next_step = step + 1

    def halve(self) -> int:
        """Go on with micro-batches of half the size; return the new size."""
        self.division = self.division.halved()
        self._next_step = -1  # what is prepared already has the old size
        assert self.division.micro_batch is not None
        return self.division.micro_batch

    def _begin(self, step: int) -> None:
        self._next_step = step
        self._coming = prefetched(
            partial(make_part, self._task), self._parts(step), num_workers=self._num_workers
        )

    def _parts(self, first_step: int) -> Iterator[Part]:
        division = self.division
        for step in range(first_step, self._num_steps):
            yield from division.parts(step)
