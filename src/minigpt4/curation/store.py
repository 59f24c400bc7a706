"""The drafts on disk: one SQLite database (WAL) beside the pictures.

    DIR/drafts.sqlite    drafts, verdicts, what the curation was started with
    DIR/pictures/        a copy of each picture, named by number
    DIR/run.lock         held by the one `curate run` that works here

Each change is one transaction, so a killed process leaves the last whole state. Several review
servers may write beside one `run`; SQLite lets them wait for each other.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from minigpt4.curation.database import Database, create_tables
from minigpt4.curation.draft import Draft, Stage, Verdict, utc_now
from minigpt4.errors import CurationError

DATABASE, PICTURES, LOCK, BACKUP = "drafts.sqlite", "pictures", "run.lock", "drafts.backup.sqlite"
VERSION = 1

_COLUMNS = tuple(field.name for field in fields(Draft) if field.name != "verdicts")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS drafts (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL, picture TEXT NOT NULL, picture_sha256 TEXT,
    origin TEXT, truth TEXT, fault TEXT NOT NULL, raw TEXT, continuation TEXT NOT NULL,
    num_raw_tokens INTEGER NOT NULL, num_continuation_tokens INTEGER NOT NULL,
    model_fingerprint TEXT, prompt_hash TEXT, seed INTEGER, described_at TEXT NOT NULL,
    repaired TEXT, repair_model TEXT NOT NULL, repaired_at TEXT NOT NULL, ruled_with TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS verdicts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL REFERENCES drafts (number),
    decision TEXT NOT NULL, reason TEXT NOT NULL, judge TEXT NOT NULL, at TEXT NOT NULL, text TEXT,
    withdrawn_at TEXT
);
CREATE INDEX IF NOT EXISTS verdicts_of_draft ON verdicts (number);
"""
STAGE_CONDITIONS: dict[Stage, str] = {
    "faulty": "fault <> ''",
    "planned": "fault = '' AND raw IS NULL",
    "described": "fault = '' AND raw IS NOT NULL AND repair_model = ''",
    "repaired": "fault = '' AND repair_model <> '' AND ruled_with = ''",
    "ruled": "fault = '' AND ruled_with <> ''",
}
"""`Draft.stage` in SQL."""


class DraftStore:
    """All drafts of one folder; any thread may use it. Close it, or use it in `with`."""

    def __init__(self, folder: str | Path, *, create: bool = False) -> None:
        """Open the database of a folder; `create` begins a new one if there is none.

        Raises:
            CurationError: for a folder without a database, or a database that is damaged.
        """
        self.folder = Path(folder)
        self.path = self.folder / DATABASE
        self.pictures = self.folder / PICTURES
        if not self.path.is_file() and not create:
            raise CurationError(
                f"no curation in {self.folder}: {DATABASE} is missing; begin one with "
                "`minigpt4 curate run`"
            )
        self.pictures.mkdir(parents=True, exist_ok=True)
        self._database = Database(self.path, if_damaged=self._if_damaged)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> DraftStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; what was recorded is on disk already."""
        self._database.close()

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """Give the connection; all that is done in the block happens, or nothing of it.

        Blocks may be nested; the outermost one counts. Other tables may be kept here too.

        Raises:
            CurationError: when the database is damaged, the disk is full or others hold it.
        """
        return self._database.transaction()

    def query(self, sql: str, values: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """Return the rows of a SELECT.

        Raises:
            CurationError: when the database is damaged.
        """
        return self._database.query(sql, values)

    # Drafts

    def add(self, drafts: Iterable[Draft]) -> None:
        """Add new drafts, all or none; a number that is there already stays as it is."""
        marks = ", ".join("?" * len(_COLUMNS))
        sql = f"INSERT OR IGNORE INTO drafts ({', '.join(_COLUMNS)}) VALUES ({marks})"
        with self.transaction() as connection:
            connection.executemany(sql, [_values(draft) for draft in drafts])

    def update(self, number: int, **columns: Any) -> None:
        """Write columns of one draft, named as the fields of `Draft`."""
        assert set(columns) <= set(_COLUMNS) - {"number"}, "an unknown column of drafts"
        sql = f"UPDATE drafts SET {', '.join(f'{name} = ?' for name in columns)} WHERE number = ?"
        with self.transaction() as connection:
            connection.execute(sql, (*columns.values(), number))

    def load(self, number: int) -> Draft:
        """Return one draft with its verdicts.

        Raises:
            CurationError: if there is no such draft.
        """
        found = list(self.drafts([number]))
        if not found:
            raise CurationError(f"no draft {number} in {self.folder}; it has {len(self)}")
        return found[0]

    def drafts(
        self, numbers: Iterable[int] | None = None, *, stage: Stage | None = None
    ) -> Iterator[Draft]:
        """Yield drafts by number, some hundred at a time: all, those named, or those of a stage."""
        wanted = self.numbers(stage) if numbers is None else list(numbers)
        for start in range(0, len(wanted), 500):
            chunk = wanted[start : start + 500]
            marks = ", ".join("?" * len(chunk))
            rows = self.query(
                f"SELECT * FROM drafts WHERE number IN ({marks}) ORDER BY number", chunk
            )
            said: dict[int, list[Verdict]] = {}
            for row in self.query(
                f"SELECT * FROM verdicts WHERE withdrawn_at IS NULL AND number IN ({marks}) "
                "ORDER BY id",
                chunk,
            ):
                said.setdefault(row["number"], []).append(_verdict(row))
            yield from (_draft(row, said.get(row["number"], [])) for row in rows)

    def numbers(self, stage: Stage | None = None) -> list[int]:
        """Return the numbers of all drafts, or of those of a stage, in order."""
        where = f"WHERE {STAGE_CONDITIONS[stage]}" if stage else ""
        return [row[0] for row in self.query(f"SELECT number FROM drafts {where} ORDER BY number")]

    def __len__(self) -> int:
        return int(self.query("SELECT COUNT(*) FROM drafts")[0][0])

    def counts(self) -> dict[Stage, int]:
        """Return how many drafts stand at each stage."""
        return {
            stage: int(self.query(f"SELECT COUNT(*) FROM drafts WHERE {condition}")[0][0])
            for stage, condition in STAGE_CONDITIONS.items()
        }

    def picture_path(self, draft: Draft) -> Path:
        """Return where the picture of a draft lies."""
        return self.pictures / draft.picture

    # Verdicts

    def record(self, number: int, *verdicts: Verdict) -> None:
        """Add verdicts about one draft, all or none; earlier ones stay.

        Raises:
            CurationError: if there is no such draft.
        """
        with self.transaction() as connection:
            known = connection.execute("SELECT 1 FROM drafts WHERE number = ?", (number,))
            if known.fetchone() is None:
                raise CurationError(f"no draft {number} in {self.folder}; it has {len(self)}")
            connection.executemany(
                "INSERT INTO verdicts (number, decision, reason, judge, at, text) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                [(number, v.decision, v.reason, v.judge, v.at, v.text) for v in verdicts],
            )

    def withdraw_last(self, number: int, judge: str) -> Verdict | None:
        """Take a judge's last verdict about a draft back and return it; None if there is none."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT * FROM verdicts WHERE number = ? AND judge = ? AND withdrawn_at IS NULL "
                "ORDER BY id DESC LIMIT 1",
                (number, judge),
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE verdicts SET withdrawn_at = ? WHERE id = ?", (utc_now(), row["id"])
            )
            return _verdict(row)

    def withdraw_kind(self, number: int, beginning: str) -> None:
        """Take back what all judges with such names said about a draft, e.g. "rule:"."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE verdicts SET withdrawn_at = ? WHERE number = ? AND withdrawn_at IS NULL "
                "AND substr(judge, 1, ?) = ?",
                (utc_now(), number, len(beginning), beginning),
            )

    # Notes

    def note(self, name: str, value: Any) -> None:
        """Keep a JSON value under a name."""
        with self.transaction() as connection:
            connection.execute("REPLACE INTO notes VALUES (?, ?)", (name, json.dumps(value)))

    def noted(self, name: str, default: Any = None) -> Any:
        """Return the value kept under a name."""
        rows = self.query("SELECT value FROM notes WHERE name = ?", (name,))
        return json.loads(rows[0][0]) if rows else default

    def back_up(self) -> Path:
        """Write a whole copy of the database beside it, in the place of the last one."""
        backup = self.folder / BACKUP
        self._database.back_up(backup)
        return backup

    # What may go wrong

    def _prepare(self) -> None:
        self._database.check()
        with self.transaction() as connection:
            create_tables(connection, _SCHEMA)
        version = self.noted("version")
        if version is None:
            self.note("version", VERSION)
        elif version != VERSION:
            raise CurationError(
                f"{self.path} has version {version}, this program knows {VERSION}; use the "
                "program that wrote it"
            )

    def _if_damaged(self) -> str:
        backup = self.folder / BACKUP
        copy = f"put {backup} in its place" if backup.is_file() else "there is no copy of it"
        return (
            f"{copy}, or rescue what is readable with `sqlite3 {DATABASE} .recover`; the pictures "
            "are not concerned"
        )


@contextmanager
def only_run(folder: str | Path) -> Iterator[None]:
    """Hold a folder for one `curate run`; the hold ends with the process, however it ends.

    Raises:
        CurationError: if another run works in the folder, or its lock can't be used.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with closing(_lock(folder)):
        yield


def _lock(folder: Path) -> sqlite3.Connection:
    """Return what holds the folder until it is closed."""
    connection = None
    try:
        # SQLite's own file lock works on every system and is let go by a killed process.
        connection = sqlite3.connect(folder / LOCK, timeout=0, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        if connection is not None:
            connection.close()
        if "locked" in str(error) or "busy" in str(error):
            raise CurationError(
                f"another `curate run` works in {folder}; wait for it, end it, or give another "
                "--out"
            ) from error
        raise CurationError(
            f"{folder / LOCK} can't be used as a lock ({error}); check its owner and rights, or "
            "remove it: nothing is kept in it"
        ) from error
    return connection


def _values(draft: Draft) -> tuple[Any, ...]:
    values = {name: getattr(draft, name) for name in _COLUMNS}
    values["truth"] = None if draft.truth is None else json.dumps(draft.truth)
    return tuple(values.values())


def _draft(row: Mapping[str, Any] | sqlite3.Row, verdicts: Iterable[Verdict]) -> Draft:
    values = {name: row[name] for name in _COLUMNS}
    if values["truth"] is not None:
        values["truth"] = json.loads(values["truth"])
    return Draft(**values, verdicts=tuple(verdicts))


def _verdict(row: sqlite3.Row) -> Verdict:
    return Verdict(
        decision=row["decision"],
        reason=row["reason"],
        judge=row["judge"],
        at=row["at"],
        text=row["text"],
    )
