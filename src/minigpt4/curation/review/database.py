"""One SQLite file whose changes are whole transactions, for any thread."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minigpt4.errors import CurationError

_WAIT_SECONDS = 60.0


class Database:
    """A connection with nested transactions and errors that say what to do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock, self._depth = threading.RLock(), 0
        self._connection = sqlite3.connect(
            path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        try:
            with self._explained():
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
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

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise CurationError(
                f"{self.path} can't be used as a SQLite database ({error}); if it is locked, end "
                "the program that holds it; if the disk is full, make room; else put a copy in "
                "its place. What was recorded before is safe"
            ) from error
