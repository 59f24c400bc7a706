"""Message files as TRL, LLaMA-Factory and ms-swift write them, a row a conversation.

JSON lines or one JSON list. A row has `messages` of {"role", "content"}, or `prompt` with
`completion`, or `query` with `response`, and a picture in `image`, `images` or a message's parts.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from minigpt4.data.conversations import example_of_row
from minigpt4.data.record_source import RecordSource
from minigpt4.data.record_source import pictures_folder as folder_of
from minigpt4.data.records import read_rows


def open_messages(path: str | Path, *, images: str | Path | None = None) -> RecordSource:
    """Open a message file.

    Args:
        images: folder that relative picture paths start from; default: that of the file, for
            rows of these tools name paths from there.

    Raises:
        DataError: for a missing file, or one without rows.
    """
    path = Path(path)
    folder = path.parent if images is None else folder_of(images, path)
    return RecordSource(read_rows(path), partial(example_of_row, images=folder))
