"""Who is told how far a long piece of work is: jobs that begin and end, and the time they leave.

A job is one training, one model on one task, or one figure. What is planned is in seconds of the
machine the plan was measured on; once some jobs are done, the rest is scaled by how this machine
compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

_TRUSTED_SECONDS = 30.0
"""Planned seconds that must be over before this machine is compared with the plan's."""


class Watch(Protocol):
    """Is told what is going on."""

    def begin(self, job: str) -> None:
        """A job begins."""
        ...

    def advance(self, done: int, total: int) -> None:
        """So many questions of the job are answered."""
        ...

    def end(self, job: str, seconds: float) -> None:
        """A job is over; 0 seconds: it had been done before."""
        ...


class Nobody:
    """Is told, and says nothing."""

    def begin(self, job: str) -> None:
        pass

    def advance(self, done: int, total: int) -> None:
        pass

    def end(self, job: str, seconds: float) -> None:
        pass


@dataclass
class Schedule:
    """The jobs of a long piece of work, and what is left of them."""

    planned_seconds: Mapping[str, float]
    """By job, in the order they come."""
    spent_seconds: dict[str, float] = field(default_factory=dict)
    """By job that is over."""

    def end(self, job: str, seconds: float) -> None:
        """Note that a job is over."""
        self.spent_seconds[job] = self.spent_seconds.get(job, 0.0) + seconds

    @property
    def num_done(self) -> int:
        """Planned jobs that are over."""
        return sum(job in self.spent_seconds for job in self.planned_seconds)

    @property
    def left_seconds(self) -> float:
        """Time that is left, by the plan and by how long the jobs so far took."""
        waiting = sum(
            seconds
            for job, seconds in self.planned_seconds.items()
            if job not in self.spent_seconds
        )
        return waiting * self._pace()

    def _pace(self) -> float:
        """Return how this machine compares with the plan's; jobs done before tell nothing."""
        timed = {
            job: spent
            for job, spent in self.spent_seconds.items()
            if spent > 0 and self.planned_seconds.get(job)
        }
        planned = sum(self.planned_seconds[job] for job in timed)
        return sum(timed.values()) / planned if planned >= _TRUSTED_SECONDS else 1.0


def in_words(seconds: float) -> str:
    """Say a duration in minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
