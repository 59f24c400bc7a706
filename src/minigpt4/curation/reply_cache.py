"""Replies of paid services, kept by what was asked: nothing is paid for twice.

Also the book of what was spent, over all runs.
"""

from __future__ import annotations

from pathlib import Path

from minigpt4.curation.chat_http import Answer
from minigpt4.curation.database import Database, create_tables
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
        self._database = Database(
            None if path is None else Path(path), error=ChatServiceError, if_damaged=_move_away
        )
        try:
            with self._database.transaction() as connection:
                create_tables(connection, _SCHEMA)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def find(self, key: str) -> Answer | None:
        """Return the reply that was kept, or None."""
        rows = self._database.query(
            "SELECT text, finish_reason, num_prompt_tokens, num_completion_tokens "
            "FROM replies WHERE key = ?",
            (key,),
        )
        return Answer(**rows[0]) if rows else None

    def keep(self, key: str, model: str, answer: Answer) -> None:
        """Keep a reply.

        Raises:
            ChatServiceError: when it can't be written, as on a full disk.
        """
        row = (
            key, model, utc_now(), answer.text, answer.finish_reason,
            answer.num_prompt_tokens, answer.num_completion_tokens,
        )  # fmt: skip
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def totals(self, model: str) -> tuple[int, int, int]:
        """Return replies, prompt tokens and completion tokens of a model, over all runs."""
        row = self._database.query(
            "SELECT COUNT(*), TOTAL(num_prompt_tokens), TOTAL(num_completion_tokens) "
            "FROM replies WHERE model = ?",
            (model,),
        )[0]
        return int(row[0]), int(row[1]), int(row[2])


def _move_away() -> str:
    return "move it away to begin a new one; the replies in it would be paid for again"
