"""Replies of paid services, kept by what was asked: nothing is paid for twice.

Also the book of what was spent, over all runs.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from minigpt4.curation.chat_http import Answer
from minigpt4.curation.draft import utc_now
from minigpt4.errors import ChatServiceError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, at TEXT NOT NULL, text TEXT NOT NULL,
    finish_reason TEXT NOT NULL, num_prompt_tokens INTEGER, num_completion_tokens INTEGER
)
"""


class ReplyCache:
    """Replies in a SQLite file, or in memory without a path; any thread may use it."""

    def __init__(self, path: str | Path | None) -> None:
        self.path = path
        if path is not None:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            ":memory:" if path is None else path, timeout=60, check_same_thread=False
        )
        try:
            with self._connection:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise ChatServiceError(
                f"the cache of replies at {path} can't be used ({error}); move it away to begin "
                "a new one"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def find(self, key: str) -> Answer | None:
        """Return the reply that was kept, or None."""
        with self._lock, closing(self._connection.cursor()) as cursor:
            row = cursor.execute(
                "SELECT text, finish_reason, num_prompt_tokens, num_completion_tokens "
                "FROM replies WHERE key = ?",
                (key,),
            ).fetchone()
        if row is None:
            return None
        return Answer(
            text=row[0],
            finish_reason=row[1],
            num_prompt_tokens=row[2],
            num_completion_tokens=row[3],
        )

    def keep(self, key: str, model: str, answer: Answer) -> None:
        """Keep a reply.

        Raises:
            ChatServiceError: when it can't be written, as on a full disk.
        """
        row = (
            key, model, utc_now(), answer.text, answer.finish_reason,
            answer.num_prompt_tokens, answer.num_completion_tokens,
        )  # fmt: skip
        try:
            with self._lock, self._connection:
                self._connection.execute(
                    "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?)", row
                )
        except sqlite3.Error as error:
            raise ChatServiceError(
                f"a reply can't be kept in {self.path} ({error}); the others are safe: make room "
                "and run the same command again"
            ) from error

    def totals(self, model: str) -> tuple[int, int, int]:
        """Return replies, prompt tokens and completion tokens of a model, over all runs."""
        with self._lock, closing(self._connection.cursor()) as cursor:
            row = cursor.execute(
                "SELECT COUNT(*), TOTAL(num_prompt_tokens), TOTAL(num_completion_tokens) "
                "FROM replies WHERE model = ?",
                (model,),
            ).fetchone()
        return int(row[0]), int(row[1]), int(row[2])
