"""One SQLite file whose changes are whole transactions, for any thread and beside other programs.

    database = Database(path)
    with database.transaction() as connection: ...      all that is done in it, or nothing

Whatever SQLite finds wrong comes as an error that says what to do.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from minigpt4.errors import CurationError, MiniGPT4Error

_WAIT_SECONDS = 60.0


def _put_copy() -> str:
    return "put a copy in its place"


class Database:
    """A connection with nested transactions and errors that say what to do."""

    def __init__(
        self,
        path: Path | None,
        *,
        error: type[MiniGPT4Error] = CurationError,
        if_damaged: Callable[[], str] = _put_copy,
    ) -> None:
        """Open a file, or begin one; without a path all is kept in memory.

        Args:
            error: what is raised when SQLite fails.
            if_damaged: tells what can be done about a damaged file.

        Raises:
            CurationError: or `error`, when the file is no database or can't be opened.
        """
        self.path = path
        self._error, self._if_damaged = error, if_damaged
        self._lock, self._depth = threading.RLock(), 0
        with self._explained():
            self._connection = sqlite3.connect(
                ":memory:" if path is None else path,
                timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False,
            )  # fmt: skip
        self._connection.row_factory = sqlite3.Row
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                self.query(f"PRAGMA {pragma}")
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file; what was committed is on disk."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the connection; what is done in the outermost block happens whole or not at all.

        Raises:
            CurationError: when the file is damaged, held by others, or can't be written.
        """
        with self._lock, self._explained():
            self._depth += 1
            try:
                if self._depth == 1:
                    self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                if self._depth == 1:
                    self._connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself already after some errors, as a full disk.
                if self._depth == 1 and self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    def query(self, sql: str, values: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """Return the rows of a SELECT.

        Raises:
            CurationError: when the file is damaged.
        """
        with self._lock, self._explained():
            return self._connection.execute(sql, tuple(values)).fetchall()

    def check(self) -> None:
        """Look through the whole file.

        Raises:
            CurationError: when it is damaged.
        """
        with self._explained():
            found = self.query("PRAGMA quick_check")[0][0]
            if found != "ok":
                raise sqlite3.DatabaseError(found)

    def back_up(self, path: Path) -> None:
        """Write a whole copy to `path`, in the place of what is there."""
        aside = path.with_name(f".{path.name}.partial")
        aside.unlink(missing_ok=True)
        with self._lock, self._explained(), closing(sqlite3.connect(aside)) as copy:
            self._connection.backup(copy)
        aside.replace(path)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._error(self._explain(str(error))) from error

    def _explain(self, said: str) -> str:
        if "full" in said:
            return (
                f"the disk of {self.path} is full; what was recorded before is safe: make room "
                "and run the same command again"
            )
        if "locked" in said or "busy" in said:
            return f"{self.path} is held by another program ({said}); end it and try again"
        if "readonly" in said or "unable to open" in said:
            return f"{self.path} can't be written ({said}); check its owner and rights"
        return f"{self.path} is damaged or no SQLite database ({said}); {self._if_damaged()}"


def create_tables(connection: sqlite3.Connection, schema: str) -> None:
    """Make the tables that aren't there."""
    # `executescript` would end the transaction that this is part of.
    for statement in filter(str.strip, schema.split(";")):
        connection.execute(statement)
