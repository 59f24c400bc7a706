"""LLaVA's conversation files: a JSON list of {"id", "image", "conversations"}.

A conversation alternates {"from": "human", "value"} and {"from": "gpt", "value"}.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from minigpt4.data.conversations import example_of_row
from minigpt4.data.record_source import RecordSource, pictures_folder
from minigpt4.data.records import read_rows


def open_llava(path: str | Path, *, images: str | Path | None = None) -> RecordSource:
    """Open a conversation file; rows without a picture, or with several, are bad when read.

    Raises:
        DataError: for a missing file, or one without rows.
    """
    path = Path(path)
    folder = pictures_folder(images, path)
    return RecordSource(read_rows(path), partial(example_of_row, images=folder))
