"""What a desk keeps in a pile's database, and what can be read from it.

review_items       what shall be judged, in which order, by how many persons
review_claims      who holds what, in which window, and when that window was last heard of
review_judgements  each judgement, also those that were taken back
"""

from __future__ import annotations

import sqlite3
import statistics
from dataclasses import fields
from datetime import UTC, datetime

from minigpt4.curation.database import create_tables
from minigpt4.curation.review.form import Judgement, Progress

LATEST = 20
"""Judgements that the pace is taken from."""
COLUMNS = tuple(field.name for field in fields(Judgement))

_SCHEMA = """
CREATE TABLE IF NOT EXISTS review_pile (id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS review_items (
    number INTEGER PRIMARY KEY, place REAL NOT NULL, num_wanted INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS review_items_in_order ON review_items (place, number);
CREATE TABLE IF NOT EXISTS review_claims (
    number INTEGER NOT NULL, reviewer TEXT NOT NULL, tab TEXT NOT NULL, seen_at REAL NOT NULL,
    place REAL NOT NULL, PRIMARY KEY (number, reviewer)
);
CREATE TABLE IF NOT EXISTS review_judgements (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, number INTEGER NOT NULL,
    reviewer TEXT NOT NULL, decision TEXT NOT NULL, reason TEXT NOT NULL, text TEXT,
    seconds REAL NOT NULL, at TEXT NOT NULL, undone_at TEXT
);
CREATE INDEX IF NOT EXISTS review_judgements_of_item ON review_judgements (number);
CREATE INDEX IF NOT EXISTS review_judgements_of_person ON review_judgements (reviewer);
"""
_OPEN = """
SELECT number FROM review_items AS item
WHERE num_wanted > 0
  AND NOT EXISTS (SELECT 1 FROM review_judgements AS j
    WHERE j.number = item.number AND j.reviewer = :reviewer AND j.undone_at IS NULL)
  AND NOT EXISTS (SELECT 1 FROM review_claims AS c
    WHERE c.number = item.number AND c.reviewer = :reviewer)
  AND num_wanted >
    (SELECT COUNT(*) FROM review_judgements AS j
      WHERE j.number = item.number AND j.undone_at IS NULL)
    + (SELECT COUNT(*) FROM review_claims AS c
      WHERE c.number = item.number AND c.seen_at > :expired)
ORDER BY place, number LIMIT :limit
"""


def create_review_tables(connection: sqlite3.Connection) -> None:
    """Make the tables that aren't there."""
    create_tables(connection, _SCHEMA)


def open_numbers(
    connection: sqlite3.Connection, reviewer: str, *, expired: float, limit: int = -1
) -> list[int]:
    """Return what a person may be given, in order; claims last seen before `expired` are void."""
    values = {"reviewer": reviewer, "expired": expired, "limit": limit}
    return [row[0] for row in connection.execute(_OPEN, values).fetchall()]


def held(connection: sqlite3.Connection, reviewer: str, tab: str) -> list[sqlite3.Row]:
    """Return the claims of one window, the current one first."""
    return connection.execute(
        "SELECT * FROM review_claims WHERE reviewer = ? AND tab = ? ORDER BY place, number",
        (reviewer, tab),
    ).fetchall()


def standing(
    connection: sqlite3.Connection,
    reviewer: str | None = None,
    *,
    number: int | None = None,
    limit: int = -1,
) -> list[Judgement]:
    """Return judgements that were not taken back; those of one person the last one first."""
    sql, values = "SELECT * FROM review_judgements WHERE undone_at IS NULL", []
    for name, value in (("reviewer", reviewer), ("number", number)):
        if value is not None:
            sql += f" AND {name} = ?"
            values.append(value)
    sql += f" ORDER BY sequence {'DESC' if reviewer else 'ASC'} LIMIT ?"
    return [to_judgement(row) for row in connection.execute(sql, (*values, limit)).fetchall()]


def judged_by_several(connection: sqlite3.Connection) -> list[Judgement]:
    """Return the judgements of items that more than one person has judged."""
    rows = connection.execute(
        "SELECT * FROM review_judgements WHERE undone_at IS NULL AND number IN "
        "(SELECT number FROM review_judgements WHERE undone_at IS NULL "
        "GROUP BY number HAVING COUNT(*) > 1) ORDER BY sequence"
    )
    return [to_judgement(row) for row in rows.fetchall()]


def to_judgement(row: sqlite3.Row) -> Judgement:
    """Return a row of `review_judgements` as what it is."""
    return Judgement(**{name: row[name] for name in COLUMNS})


def read_progress(connection: sqlite3.Connection, reviewer: str, *, expired: float) -> Progress:
    """Say how far a pile is, and how fast a person."""
    select = connection.execute
    num_held = select(
        "SELECT COUNT(*) FROM review_claims WHERE reviewer = ?", (reviewer,)
    ).fetchone()[0]
    judged = dict(
        map(tuple, select(
            "SELECT number, COUNT(*) FROM review_judgements WHERE undone_at IS NULL GROUP BY number"
        ))
    )  # fmt: skip
    wanted = dict(map(tuple, select("SELECT number, num_wanted FROM review_items")))
    counts = dict(
        map(tuple, select(
            "SELECT decision, COUNT(*) FROM review_judgements WHERE undone_at IS NULL "
            "GROUP BY decision"
        ))
    )  # fmt: skip
    num_yours = select(
        "SELECT COUNT(*) FROM review_judgements WHERE undone_at IS NULL AND reviewer = ?",
        (reviewer,),
    ).fetchone()[0]
    seconds = [judgement.seconds for judgement in standing(connection, reviewer, limit=LATEST)]
    listed = {number for number, count in wanted.items() if count or number in judged}
    waiting = [number for number, count in wanted.items() if 0 < judged.get(number, 0) < count]
    return Progress(
        num_items=len(listed),
        num_judged=len(listed & set(judged)),
        num_open_to_you=len(open_numbers(connection, reviewer, expired=expired)) + num_held,
        num_awaiting_second=len(waiting),
        counts=counts,
        num_yours=num_yours,
        median_seconds=statistics.median(seconds) if seconds else None,
    )


def as_time(seconds: float) -> str:
    """Write seconds since 1970 as verdicts carry them: ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
