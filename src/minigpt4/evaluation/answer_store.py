"""Answers on disk: each is generated once for a model, a picture, a prompt and a decoding.

    OUT/answers/FINGERPRINT.jsonl         one answer a line, written as soon as it is there
    OUT/answers/FINGERPRINT.model.json    the model that FINGERPRINT stands for

A line has all that is needed to generate the answer again: the picture's place and hash, the
prompt, the decoding, and the versions and device it was computed with. A run that was killed goes
on behind its last whole line. Under torchrun each process writes a file of its own (`.rank1`), and
the first one joins them.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from minigpt4.errors import DataError
from minigpt4.evaluation.identity import hash_json
from minigpt4.evaluation.question import Answer, Question
from minigpt4.generation.ranks import part_file, part_files

FOLDER = "answers"


class AnswerStore:
    """The answers of one model: those of all tasks that share a folder."""

    def __init__(self, out: Path, fingerprint: str, *, rank: int = 0) -> None:
        """Read what is answered already; nothing is written before the first `add`.

        Raises:
            DataError: for a file that holds something else than answers.
        """
        self.path = out / FOLDER / f"{fingerprint}.jsonl"
        self._own = self.path if rank == 0 else part_file(self.path, rank)
        self._file: TextIO | None = None
        self._rows = {row["id"]: row for path in part_files(self.path) for row in read_rows(path)}

    def __enter__(self) -> AnswerStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, question: Question) -> Answer | None:
        """Return the answer to a question, if it has been given."""
        row = self._rows.get(answer_id(question))
        return None if row is None else answer_from(row, question)

    def add(self, answer: Answer, *, computed_with: Mapping[str, str]) -> None:
        """Write an answer; it stays, whatever happens to this process.

        Raises:
            DataError: if another process writes to the same file.
        """
        row = _row_of(answer) | {"computed_with": dict(computed_with)}
        if self._file is None:
            self._file = _open_at_end(self._own)
        self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._file.flush()
        self._rows[row["id"]] = row

    def describe_model(self, identity: Mapping[str, Any]) -> None:
        """Write down which model the fingerprint stands for."""
        path = self.path.with_suffix(".model.json")
        if not path.exists():
            write_whole(path, json.dumps(dict(identity), indent=1, ensure_ascii=False) + "\n")

    def join(self) -> None:
        """Join the files of all processes into one; only when all of them have ended."""
        self.close()
        parts = part_files(self.path)
        self._rows = {row["id"]: row for path in parts for row in read_rows(path)}
        if len(parts) > 1:
            lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in self._rows.values()]
            write_whole(self.path, "".join(lines))
            for path in parts:
                if path != self.path:
                    path.unlink()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def answer_id(question: Question) -> str:
    """Return the name under which the answer to a question is kept."""
    return hash_json(question.identity())[:32]


def answer_from(row: Mapping[str, Any], question: Question) -> Answer:
    """Read an answer from its line."""
    return Answer(
        question=question,
        text=row["text"],
        finished=row.get("finish_reason", "stop") == "stop",
        num_tokens=row.get("num_tokens"),
        losses=tuple(row.get("losses", ())),
        lengths=tuple(row.get("lengths", ())),
        num_prompt_tokens=row.get("num_prompt_tokens"),
    )


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Read the lines of a file of answers; a last line that was cut short does not count.

    Raises:
        DataError: for a line that is no answer.
    """
    # Not splitlines(): it also splits at U+2028 and its like, which JSON leaves within a text.
    whole = path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
    for number, line in enumerate(whole, start=1):
        try:
            row = json.loads(line)
            yield {**row, "id": row["id"], "text": row["text"]}
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(
                f"line {number} of {path} is no answer; move the file away or give another --out"
            ) from error


def write_whole(path: Path, text: str) -> None:
    """Write a file aside and put it in its place when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _row_of(answer: Answer) -> dict[str, Any]:
    question = answer.question
    row: dict[str, Any] = {
        "id": answer_id(question),
        "picture": question.picture.name,
        **question.identity(),
        "text": answer.text,
        "finish_reason": "stop" if answer.finished else "length",
        "num_tokens": answer.num_tokens,
        "num_prompt_tokens": answer.num_prompt_tokens,
    }
    if answer.losses:
        row |= {"losses": list(answer.losses), "lengths": list(answer.lengths)}
    return row


def _open_at_end(path: Path) -> TextIO:
    """Open a file behind its last whole line, for this process alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise DataError(
            f"another evaluation writes to {path}; wait for it or give another --out"
        ) from error
    size = path.read_bytes().rfind(b"\n") + 1
    file.truncate(size)
    return file


def missing_of(questions: Sequence[Question], store: AnswerStore) -> list[Question]:
    """Return the questions without an answer, each kind of question once."""
    found: dict[str, Question] = {}
    for question in questions:
        if store.find(question) is None:
            found.setdefault(answer_id(question), question)
    return list(found.values())
