"""`minigpt4 describe FOLDER --out answers.jsonl`: what one sees of the work on many pictures."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from minigpt4.cli.notice import print_miniature_notice

if TYPE_CHECKING:
    from minigpt4.generation import GenerationSettings

SECONDS_BETWEEN_LINES = 10.0
"""Without a terminal, progress is a line every so often."""


class Progress:
    """How much is done, how fast, and how long it still takes; on stderr."""

    def __init__(self, total: int, *, name: str = "") -> None:
        self._total, self._name = total, name
        self._num_done = self.num_failed = 0
        self._started_at = self._said_at = time.monotonic()
        self._live = sys.stderr.isatty() and not name

    def advance(self, row: dict[str, Any]) -> None:
        """Count an answer or an error, and say so now and then."""
        self._num_done += 1
        if "error" in row:
            self.num_failed += 1
            print(f"\r\033[K{row['error']}" if self._live else row["error"], file=sys.stderr)
        now = time.monotonic()
        if now - self._said_at < (0.2 if self._live else SECONDS_BETWEEN_LINES):
            return
        self._said_at = now
        end = "" if self._live else "\n"
        start = "\r\033[K" if self._live else ""
        print(start + self.line(now), end=end, file=sys.stderr, flush=True)

    def line(self, now: float) -> str:
        """Return the state as one line."""
        rate = self._num_done / max(now - self._started_at, 1e-6)
        left = (self._total - self._num_done) / max(rate, 1e-6)
        return (
            f"{self._name}{self._num_done} of {self._total}, {rate:.1f} a second, "
            f"{_duration(left)} left"
        )

    def end(self) -> None:
        """Say what was done."""
        seconds = time.monotonic() - self._started_at
        start = "\r\033[K" if self._live else ""
        print(
            f"{start}minigpt4: {self._name}{self._num_done} answered in {_duration(seconds)}, "
            f"{self.num_failed} of them failed",
            file=sys.stderr,
        )


def describe_many(
    pictures: Sequence[Path],
    prompts: Sequence[str],
    *,
    out: Path,
    model: str,
    settings: GenerationSettings,
    batch_size: int,
    device: str,
) -> None:
    """Answer what is not answered in `out` yet; leaves with exit code 1 if a picture failed."""
    from minigpt4 import load
    from minigpt4.generation.ranks import Share, own_device, ranks_together
    from minigpt4.serving.engine import Engine
    from minigpt4.serving.folder import (
        PICTURES_AHEAD,
        AnswerFile,
        answer_questions,
        join_parts,
        open_questions,
    )

    share = Share.from_environment()
    with ranks_together(share) as wait_for_others:
        questions = open_questions(pictures, prompts, out=out, share=share)
        # Nobody writes before all have read what is missing: shares would not fit together.
        wait_for_others()
        name = f"rank {share.rank}: " if share.num_ranks > 1 else ""
        progress = Progress(len(questions), name=name)
        if share.rank == 0:
            num_done = len(pictures) * len(set(prompts)) - len(questions) * share.num_ranks
            if num_done >= share.num_ranks:
                about = "about " if share.num_ranks > 1 else ""
                print(f"minigpt4: {about}{num_done} are answered already", file=sys.stderr)
            print_miniature_notice(model)
        if questions:
            file = AnswerFile(share.file(out))
            with Engine(
                load(model, device=own_device(device)),
                max_batch=batch_size,
                max_queue=PICTURES_AHEAD * batch_size,
                request_seconds=float("inf"),
            ) as engine:

                def note(row: dict[str, Any]) -> None:
                    file.add(row)
                    progress.advance(row)

                answer_questions(engine, questions, settings=settings, note=note)
            file.close()
        wait_for_others()
        if share.rank == 0:
            join_parts(out, pictures, prompts)
    progress.end()
    if progress.num_failed:
        raise typer.Exit(1)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
