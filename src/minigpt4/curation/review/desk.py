"""Who is given what: claims with an end, judgements, undo, progress, in a SQLite database.

A desk hands the items of a pile to any number of persons, in any number of browsers and servers.
An item is held by the person who was given it, until it is judged or nothing has been heard of
that browser for `CLAIM_SECONDS`. Nobody else is given it meanwhile, except as the further judge
that the pile wants for it. Each call is one transaction; a request that is repeated because its
answer got lost changes nothing.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

from minigpt4.curation.review.agreement import Agreement, agreement
from minigpt4.curation.review.form import Card, Form, Judgement, Progress
from minigpt4.curation.review.tables import (
    COLUMNS,
    as_time,
    create_review_tables,
    held,
    judged_by_several,
    open_numbers,
    read_progress,
    standing,
    to_judgement,
)
from minigpt4.errors import CurationError

CLAIM_SECONDS = 600.0
"""A browser that was silent for so long has lost what it held."""
AWAY_SECONDS = 150.0
"""After so long the same person may go on in another window; browsers slow hidden pages down."""
REFRESH_SECONDS = 5.0
"""A pile that ran out is asked for new items no more often."""


class Item(NamedTuple):
    """What a pile says of one of its items."""

    number: int
    place: float
    """Where it stands in the order of handing out."""
    num_wanted: int
    """By how many persons it shall be judged; 0 takes it out."""


class Pile(Protocol):
    """What a desk hands out, and where judgements go."""

    form: Form

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """Give the pile's database; what is done in the block happens whole or not at all."""
        ...

    def items(self) -> Iterable[Item]:
        """Return all items as they are now; a pile may grow while it is reviewed."""
        ...

    def card(self, number: int) -> Card:
        """Return what the page shows of an item."""
        ...

    def picture(self, number: int) -> Path:
        """Return where an item's picture lies."""
        ...

    def record(self, judgement: Judgement) -> None:
        """Take note of a judgement, inside the desk's transaction."""
        ...

    def withdraw(self, judgement: Judgement) -> None:
        """Forget a judgement, inside the desk's transaction."""
        ...


class Desk:
    """Hands a pile's items out and takes judgements back; any thread may use it."""

    def __init__(self, pile: Pile, *, clock: Callable[[], float] = time.time) -> None:
        self.pile, self.form = pile, pile.form
        self._clock = clock
        with pile.transaction() as connection:
            create_review_tables(connection)
            row = connection.execute("SELECT id FROM review_pile").fetchone()
            self.id: str = row[0] if row else uuid.uuid4().hex
            """Tells this pile from others, in a browser that has seen several."""
            if row is None:
                connection.execute("INSERT INTO review_pile VALUES (?)", (self.id,))
        self.refresh()

    def refresh(self) -> None:
        """Look which items the pile has now."""
        self._refreshed_at = self._clock()
        items = list(self.pile.items())
        with self.pile.transaction() as connection:
            connection.execute("CREATE TEMP TABLE IF NOT EXISTS review_now (number INTEGER)")
            connection.execute("DELETE FROM review_now")
            connection.executemany(
                "INSERT INTO review_now VALUES (?)", [(item.number,) for item in items]
            )
            connection.executemany(
                "INSERT INTO review_items VALUES (?, ?, ?) ON CONFLICT (number) DO UPDATE "
                "SET place = excluded.place, num_wanted = excluded.num_wanted",
                items,
            )
            connection.execute(
                "UPDATE review_items SET num_wanted = 0 "
                "WHERE number NOT IN (SELECT number FROM review_now)"
            )

    def hand_out(self, reviewer: str, tab: str, *, count: int = 2) -> list[int]:
        """Return the numbers that this window holds, taking more items if it has too few."""
        numbers = self._hand_out(reviewer, tab, count)
        if len(numbers) < count and self._clock() - self._refreshed_at >= REFRESH_SECONDS:
            self.refresh()
            numbers = self._hand_out(reviewer, tab, count)
        return numbers

    def _hand_out(self, reviewer: str, tab: str, count: int) -> list[int]:
        now = self._clock()
        with self.pile.transaction() as connection:
            connection.execute(
                "DELETE FROM review_claims WHERE seen_at <= ? OR number IN "
                "(SELECT number FROM review_items WHERE num_wanted = 0)",
                (now - CLAIM_SECONDS,),
            )
            # What the same person held in a window that has gone, first of all.
            connection.execute(
                "UPDATE review_claims SET tab = ? WHERE reviewer = ? AND seen_at <= ?",
                (tab, reviewer, now - AWAY_SECONDS),
            )
            self._renew(connection, reviewer, tab, now)
            mine = held(connection, reviewer, tab)
            if len(mine) < count:
                first = max([now, *(row["place"] + 1 for row in mine)])
                more = open_numbers(
                    connection, reviewer, expired=now - CLAIM_SECONDS, limit=count - len(mine)
                )
                connection.executemany(
                    "INSERT INTO review_claims VALUES (?, ?, ?, ?, ?)",
                    [(number, reviewer, tab, now, first + n) for n, number in enumerate(more)],
                )
                mine = held(connection, reviewer, tab)
        return [row["number"] for row in mine][:count]

    def seen(self, reviewer: str, tab: str, *, leaving: bool = False) -> None:
        """Keep what a window holds for it; `leaving`: let the same person go on elsewhere."""
        with self.pile.transaction() as connection:
            now = self._clock()
            self._renew(connection, reviewer, tab, now - AWAY_SECONDS if leaving else now)

    def decide(self, judgement: Judgement) -> None:
        """Record a judgement; one of the same person about the same item takes its place.

        It is taken even if the item was given to somebody else meanwhile: a judgement is work.

        Raises:
            CurationError: for a decision or an item that there is not, or an edit without text.
        """
        self._check(judgement)
        judgement = replace(judgement, at=judgement.at or as_time(self._clock()))
        with self.pile.transaction() as connection:
            known = connection.execute(
                "SELECT 1 FROM review_judgements WHERE id = ?", (judgement.id,)
            )
            if known.fetchone() is not None:
                return
            found = connection.execute(
                "SELECT 1 FROM review_items WHERE number = ?", (judgement.number,)
            )
            if found.fetchone() is None:
                raise CurationError(f"there is no {self.form.noun} {judgement.number} to be judged")
            for earlier in standing(connection, judgement.reviewer, number=judgement.number):
                self._undo(connection, earlier)
            marks = ", ".join("?" * len(COLUMNS))
            connection.execute(
                f"INSERT INTO review_judgements ({', '.join(COLUMNS)}) VALUES ({marks})",
                [getattr(judgement, name) for name in COLUMNS],
            )
            self.pile.record(judgement)
            connection.execute(
                "DELETE FROM review_claims WHERE number = ? AND reviewer = ?",
                (judgement.number, judgement.reviewer),
            )

    def undo(self, judgement_id: str, reviewer: str, tab: str) -> None:
        """Take back a judgement of this person and give the item to this window, as the first."""
        with self.pile.transaction() as connection:
            for judgement in standing(connection, reviewer):
                if judgement.id != judgement_id:
                    continue
                self._undo(connection, judgement)
                now = self._clock()
                places = [row["place"] for row in held(connection, reviewer, tab)]
                place = min([now, *places]) - 1
                connection.execute(
                    "REPLACE INTO review_claims VALUES (?, ?, ?, ?, ?)",
                    (judgement.number, reviewer, tab, now, place),
                )

    def last(self, reviewer: str) -> Judgement | None:
        """Return a person's last judgement that stands: the one that undo takes back."""
        with self.pile.transaction() as connection:
            return next(iter(standing(connection, reviewer, limit=1)), None)

    def undone(self, reviewer: str, number: int) -> Judgement | None:
        """Return what this person last decided about an item and took back."""
        with self.pile.transaction() as connection:
            row = connection.execute(
                "SELECT * FROM review_judgements WHERE reviewer = ? AND number = ? "
                "AND undone_at IS NOT NULL ORDER BY sequence DESC LIMIT 1",
                (reviewer, number),
            ).fetchone()
        return to_judgement(row) if row else None

    def judgements(self) -> list[Judgement]:
        """Return all judgements that stand, in the order they were given."""
        with self.pile.transaction() as connection:
            return standing(connection)

    def progress(self, reviewer: str) -> Progress:
        """Say how far the pile is, and how fast this person."""
        with self.pile.transaction() as connection:
            return read_progress(connection, reviewer, expired=self._clock() - CLAIM_SECONDS)

    def agreement(self) -> Agreement:
        """Return how far persons agree on the items that several judged."""
        with self.pile.transaction() as connection:
            judged = judged_by_several(connection)
        return agreement(
            (each.number, each.reviewer, self.form.group(each.decision)) for each in judged
        )

    def _check(self, judgement: Judgement) -> None:
        choice = self.form.choice(judgement.decision)
        if choice is None:
            known = ", ".join(each.decision for each in self.form.choices)
            raise CurationError(f"unknown decision {judgement.decision!r}; known: {known}")
        if choice.edits and not (judgement.text or "").strip():
            raise CurationError("an edit without any text; write one, or reject")
        if not choice.edits and judgement.text is not None:
            raise CurationError(f"{judgement.decision!r} comes with a text; only an edit has one")

    def _undo(self, connection: sqlite3.Connection, judgement: Judgement) -> None:
        connection.execute(
            "UPDATE review_judgements SET undone_at = ? WHERE id = ?",
            (as_time(self._clock()), judgement.id),
        )
        self.pile.withdraw(judgement)

    @staticmethod
    def _renew(connection: sqlite3.Connection, reviewer: str, tab: str, seen_at: float) -> None:
        connection.execute(
            "UPDATE review_claims SET seen_at = ? WHERE reviewer = ? AND tab = ?",
            (seen_at, reviewer, tab),
        )
