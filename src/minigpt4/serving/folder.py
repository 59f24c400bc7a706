"""Answers about many thousand pictures: a file of answers that can be interrupted at any time.

Each answer is one line, written as soon as it is there; what stands in the file is never asked
again, so a run that was stopped goes on where it was. Pictures go through the engine: an answer
that ends makes room for the next picture, and nobody waits for the longest of a batch. Prompts of
one length are asked together, so no row is padded for another's sake. A bad picture has a line
with its error.

Under torchrun every rank answers its share into a file of its own; the first one joins them.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from minigpt4.errors import DataError, GenerationError, ImageError
from minigpt4.generation.ranks import Share, part_files
from minigpt4.generation.settings import GREEDY, GenerationSettings
from minigpt4.processing.conversation import Message
from minigpt4.processing.images import load_image
from minigpt4.serving.engine import Engine, Request, Ticket

Question = tuple[str, str]
"""A picture's path and a prompt."""

PICTURES_AHEAD = 2
"""Batches that are prepared while one is answered; the least that keeps rows from waiting."""


def read_answers(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file of answers; a last line that was cut short does not count.

    Raises:
        DataError: for a file that holds something else.
    """
    rows = []
    # Not splitlines(): it also splits at U+2028 and its like, which JSON leaves within a text.
    whole = path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
    for number, line in enumerate(whole, start=1):
        try:
            row = json.loads(line)
            rows.append({**row, "image": row["image"], "prompt": row["prompt"]})
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(
                f"line {number} of {path} is no answer; give --out another file"
            ) from error
    return rows


def open_questions(
    pictures: Sequence[Path], prompts: Sequence[str], *, out: Path, share: Share
) -> list[Question]:
    """Return this process's share of what is not answered yet, prompts of one length together."""
    answered = {
        (row["image"], row["prompt"]) for path in part_files(out) for row in read_answers(path)
    }
    missing = [
        (str(picture), prompt)
        for prompt in sorted(dict.fromkeys(prompts), key=len)
        for picture in pictures
        if (str(picture), prompt) not in answered
    ]
    return missing[share.rank :: share.num_ranks]


def answer_questions(
    engine: Engine,
    questions: Iterable[Question],
    *,
    settings: GenerationSettings = GREEDY,
    note: Callable[[dict[str, Any]], None],
) -> None:
    """Ask all questions and hand each answer to `note` as soon as it has come."""
    waiting: deque[tuple[Question, Ticket]] = deque()
    for question in questions:
        if len(waiting) >= PICTURES_AHEAD * engine.max_batch:
            _note_next(waiting, note)
        try:
            image = load_image(question[0])
        except ImageError as error:
            note(_row(question) | {"error": str(error)})
            continue
        message = Message("user", question[1], (image,))
        waiting.append((question, engine.submit(Request(messages=[message], settings=settings))))
    while waiting:
        _note_next(waiting, note)


def _note_next(
    waiting: deque[tuple[Question, Ticket]], note: Callable[[dict[str, Any]], None]
) -> None:
    """Note whoever has ended; if nobody has, wait for the one who came first."""
    ended = [each for each in waiting if each[1].done] or [waiting[0]]
    for each in ended:
        question, ticket = each
        waiting.remove(each)
        try:
            reply = ticket.result()
        except GenerationError as error:
            note(_row(question) | {"error": str(error)})
            continue
        note(
            _row(question)
            | {
                "text": reply.text,
                "finish_reason": reply.finish_reason,
                "num_tokens": len(reply.token_ids),
            }
        )


def _row(question: Question) -> dict[str, Any]:
    return {"image": question[0], "prompt": question[1]}


class AnswerFile:
    """A file of answers that grows line by line."""

    def __init__(self, path: Path) -> None:
        """Go on behind the last whole line; a line that was cut short is taken away."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            read_answers(path)  # Never write into a file of something else.
            with path.open("rb+") as file:
                file.truncate(path.read_bytes().rfind(b"\n") + 1)
        self._file: TextIO = path.open("a", encoding="utf-8")

    def add(self, row: dict[str, Any]) -> None:
        """Write a line; it stays, whatever happens to this process."""
        self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def join_parts(out: Path, pictures: Sequence[Path], prompts: Sequence[str]) -> None:
    """Join the ranks' files into `out`, in the order of the pictures and prompts."""
    rows = {
        (row["image"], row["prompt"]): row for path in part_files(out) for row in read_answers(path)
    }
    wanted = {(str(picture), prompt): None for picture in pictures for prompt in prompts}
    others = [question for question in rows if question not in wanted]
    aside = out.with_name(f"{out.name}.joining")
    with aside.open("w", encoding="utf-8") as file:
        for question in (*others, *wanted):
            if question in rows:
                file.write(json.dumps(rows[question], ensure_ascii=False) + "\n")
    aside.replace(out)
    for path in part_files(out)[1:]:
        path.unlink()
