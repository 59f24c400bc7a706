"""What a person at the terminal sees of long work: the job, how far it is, and the time left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from minigpt4.recipes.watch import Schedule, in_words

_SAY_SECONDS = 5.0
"""Jobs that took less are not worth a line."""


class Terminal:
    """Says on stderr which job begins and how long it took; with a plan, the time left."""

    def __init__(self, schedule: Schedule | None = None) -> None:
        self.schedule = schedule
        self._shown = ""

    def begin(self, job: str) -> None:
        """Show the job; a terminal's line is written over by the next one."""
        if sys.stderr.isatty():
            self._rewrite(f"{self._place()}{job} ...")
        elif job.startswith("train"):
            print(f"{self._place()}{job} ...", file=sys.stderr, flush=True)

    def advance(self, done: int, total: int) -> None:
        """Show how many questions are answered."""
        if sys.stderr.isatty() and self._shown:
            front = self._shown.partition(" ...")[0]
            self._rewrite(f"{front} ... {done} of {total}")

    def end(self, job: str, seconds: float) -> None:
        """Say what took long enough to be waited for."""
        if self.schedule is not None:
            self.schedule.end(job, seconds)
        if sys.stderr.isatty():
            self._rewrite("")
        if seconds >= _SAY_SECONDS:
            print(f"{self._place()}{job}: {in_words(seconds)}", file=sys.stderr, flush=True)

    def _place(self) -> str:
        """Return how many jobs are done and how long the others will take."""
        plan = self.schedule
        if plan is None or not plan.planned_seconds:
            return ""
        left = in_words(plan.left_seconds)
        return f"[{plan.num_done}/{len(plan.planned_seconds)}, about {left} left] "

    def _rewrite(self, text: str) -> None:
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        self._shown = text


@contextmanager
def stoppable() -> Iterator[None]:
    """End with code 130 when a training was asked to stop; its checkpoint is written."""
    import typer

    from minigpt4.errors import StoppedError

    try:
        yield
    except StoppedError as error:
        print(f"minigpt4: {error}", file=sys.stderr)
        raise typer.Exit(130) from error
