"""A progress bar with loss, rate and time left; silent where nobody is looking."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(
    num_steps: int, done_steps: int, *, show: bool | None = None, label: str = "training"
) -> Iterator[Callable[[int, float | None], None]]:
    """Yield `advance(step, loss)`. Shown on a terminal only, unless `show` says otherwise."""
    if not (sys.stderr.isatty() if show is None else show):
        yield lambda step, loss: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn(label),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bar:
        row = bar.add_task("", total=num_steps, completed=done_steps, text="")

        def advance(step: int, loss: float | None) -> None:
            speed = bar.tasks[row].speed
            rate = f"{speed:.2f} steps/s" if speed else ""
            text = rate if loss is None else f"loss {loss:.4f} {rate}"
            bar.update(row, completed=step, text=text)

        yield advance
