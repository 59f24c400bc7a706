"""Answers of unnamed models on the review page: a person as judge of an evaluation.

Each question is a picture, what was asked and what a model answered. The page shows neither key
nor model, and the order is shuffled, so that nobody can tell which answers belong together.

    write_questions("judge.sqlite", questions, persons=2)    may be called again, to add some
    serve_pile(QuestionFile("judge.sqlite"), ...)            see `server`; or `curate judge FILE`
    with QuestionFile("judge.sqlite") as file:
        file.verdicts()      [PersonVerdict(key=..., person=..., fulfilled=True, ...), ...]
        file.agreement()     Agreement(kappa=..., num_pairs=..., ...)

Paper: §4.2, Tables 1 and 3, where people judge whether a request was fulfilled.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from minigpt4.curation.database import Database, create_tables
from minigpt4.curation.review.agreement import Agreement, agreement
from minigpt4.curation.review.desk import Item
from minigpt4.curation.review.form import Card, Choice, Form, Judgement
from minigpt4.curation.review.tables import create_review_tables, standing
from minigpt4.curation.review.word_changes import Change
from minigpt4.errors import CurationError

FULFILLED, NOT_FULFILLED = "fulfilled", "not fulfilled"
QUESTION_FORM = Form(
    title="Judge answers",
    question="Does the answer do what was asked, about this picture?",
    guide=(
        "Read the request, look at the picture, then read the whole answer.",
        "Fulfilled: the answer is what was asked for, and fits the picture in what matters.",
        "Not fulfilled: it is something else, stops short, repeats itself, or is made up.",
        "Answers of several models come in a shuffled order; judge each by itself.",
    ),
    choices=(
        Choice(decision=FULFILLED, label="Fulfilled", key="f", tone="good"),
        Choice(decision=NOT_FULFILLED, label="Not fulfilled", key="n", tone="bad"),
    ),
    noun="answer",
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS form (value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS questions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, picture TEXT NOT NULL,
    request TEXT NOT NULL, answer TEXT NOT NULL, persons INTEGER NOT NULL
);
"""


@dataclass(frozen=True, kw_only=True)
class PersonQuestion:
    """One answer to be judged."""

    key: str
    """Names the answer to whoever asks for verdicts; never leaves the server."""
    picture: Path
    request: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class PersonVerdict:
    """What one person said of one answer."""

    key: str
    person: str
    decision: str
    """The decision's word; for the usual form "fulfilled" or "not fulfilled"."""
    reason: str
    at: str
    """ISO 8601, UTC."""
    seconds: float
    """How long the person looked at it."""

    @property
    def fulfilled(self) -> bool:
        """Say whether the person found the request fulfilled."""
        return self.decision == FULFILLED


def write_questions(
    path: str | Path,
    questions: Iterable[PersonQuestion],
    *,
    persons: int = 1,
    form: Form = QUESTION_FORM,
) -> int:
    """Put answers into a SQLite file, each to be judged by so many persons; return how many it has.

    What is there stays there, with its verdicts, so this may be repeated with more answers; a
    question that is there already takes the new number of persons.

    Raises:
        CurationError: for a key whose answer is another one than before, or a missing picture.
    """
    if persons < 1:
        raise CurationError(f"{persons} persons shall judge; wanted at least 1")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with QuestionFile(path, create=form) as file, file.transaction() as connection:
        for question in questions:
            _add(connection, question, persons)
        return connection.execute("SELECT COUNT(*) FROM questions").fetchone()[0]


class QuestionFile:
    """The answers in a file, as a pile for the desk. Close it, or use it in `with`."""

    def __init__(self, path: str | Path, *, create: Form | None = None) -> None:
        """Open a file that `write_questions` has written.

        Raises:
            CurationError: if there is no such file, or it is something else.
        """
        self.path = Path(path)
        if create is None and not self.path.is_file():
            raise CurationError(f"no questions at {self.path}; write some first")
        self._database = Database(self.path)
        try:
            with self.transaction() as connection:
                create_review_tables(connection)
                create_tables(connection, _SCHEMA)
                self.form = _load_form(connection, create, self.path)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> QuestionFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was decided is on disk already."""
        self._database.close()

    def verdicts(self) -> list[PersonVerdict]:
        """Return what persons have decided so far, each person's last word on each answer."""
        with self.transaction() as connection:
            judgements = standing(connection)
            keys = dict(map(tuple, connection.execute("SELECT number, key FROM questions")))
        return [
            PersonVerdict(
                key=keys[each.number],
                person=each.reviewer,
                decision=each.decision,
                reason=each.reason,
                at=each.at,
                seconds=each.seconds,
            )
            for each in judgements
        ]

    def agreement(self) -> Agreement:
        """Return how far persons agree on the answers that several judged."""
        return agreement(
            (each.key, each.person, self.form.group(each.decision)) for each in self.verdicts()
        )

    # What a desk wants of a pile

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """Give the database; what is done in the block happens whole or not at all."""
        return self._database.transaction()

    def items(self) -> list[Item]:
        """Return all answers in a shuffled order that is the same every time."""
        return [Item(row["number"], _place(row["key"]), row["persons"]) for row in self._rows()]

    def card(self, number: int) -> Card:
        """Return an answer without anything that tells whose it is."""
        row = self._row(number)
        return Card(
            number=number,
            request=row["request"],
            text=row["answer"],
            changes=(Change("same", row["answer"]),),
        )

    def picture(self, number: int) -> Path:
        """Return where the picture of an answer lies."""
        return self.path.parent / self._row(number)["picture"]

    def record(self, judgement: Judgement) -> None:
        """Do nothing: the desk's own table is all there is."""

    def withdraw(self, judgement: Judgement) -> None:
        """Do nothing: the desk's own table is all there is."""

    def _rows(self) -> list[sqlite3.Row]:
        with self.transaction() as connection:
            return connection.execute("SELECT * FROM questions ORDER BY number").fetchall()

    def _row(self, number: int) -> sqlite3.Row:
        with self.transaction() as connection:
            row = connection.execute("SELECT * FROM questions WHERE number = ?", (number,))
            found = row.fetchone()
        if found is None:
            raise CurationError(f"there is no answer {number} in {self.path}")
        return found


def _add(connection: sqlite3.Connection, question: PersonQuestion, persons: int) -> None:
    picture = Path(question.picture).resolve()
    if not picture.is_file():
        raise CurationError(f"the picture of question {question.key!r} is missing: {picture}")
    values = (str(picture), question.request, question.answer)
    known = connection.execute(
        "SELECT picture, request, answer FROM questions WHERE key = ?", (question.key,)
    ).fetchone()
    if known is not None and tuple(known)[1:] != values[1:]:
        raise CurationError(
            f"question {question.key!r} had another request or answer before; give another key, "
            "or begin a new file"
        )
    connection.execute(
        "INSERT INTO questions (key, picture, request, answer, persons) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (key) DO UPDATE SET picture = excluded.picture, persons = excluded.persons",
        (question.key, *values, persons),
    )


def _load_form(connection: sqlite3.Connection, create: Form | None, path: Path) -> Form:
    """Return the form that the questions were first written with."""
    row = connection.execute("SELECT value FROM form").fetchone()
    if row is None:
        if create is None:
            raise CurationError(f"{path} holds no questions; write some first")
        connection.execute("INSERT INTO form VALUES (?)", (json.dumps(asdict(create)),))
        return create
    values: dict[str, Any] = json.loads(row[0])
    choices = [Choice(**{**each, "reasons": tuple(each["reasons"])}) for each in values["choices"]]
    form = Form(**{**values, "choices": tuple(choices), "guide": tuple(values["guide"])})
    if create is not None and create != form:
        raise CurationError(f"{path} was begun with another form; begin a new file")
    return form


def _place(key: str) -> float:
    """Return a place that nobody can guess from whose the answer is."""
    digest = hashlib.sha256(f"shuffled: {key}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
