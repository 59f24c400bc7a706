"""A folder of pictures and a JSON lines file of captions.

A line is {"image": "cat.jpg", "caption": "a cat"}; `file_name` and `text`, as in Hugging Face's
image folders, are understood too. With "prompt" the caption is the answer to it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from minigpt4.data.conversations import plain_prompt
from minigpt4.data.example import Example, Turn
from minigpt4.data.record_source import RecordSource, pictures_folder
from minigpt4.data.records import need_text, read_rows
from minigpt4.errors import DataError

NAMES = ("captions.jsonl", "metadata.jsonl")
"""How the captions file inside a folder may be called."""

IMAGE_KEYS = ("image", "file_name", "filename", "file", "path")
CAPTION_KEYS = ("caption", "text", "answer", "description")


def open_folder_captions(path: str | Path, *, images: str | Path | None = None) -> RecordSource:
    """Open a captions file, or the folder it is in.

    Args:
        images: folder that picture paths start from; default: that of the captions file.

    Raises:
        DataError: for a missing file or a file without rows; a bad row raises when it is read.
    """
    path = Path(path)
    if path.is_dir():
        found = [path / name for name in NAMES if (path / name).is_file()]
        if not found:
            raise DataError(f"no captions in {path}; wanted {' or '.join(NAMES)} in it")
        path = found[0]
    folder = path.parent if images is None else pictures_folder(images, path)
    return RecordSource(read_rows(path), partial(_read, images=folder))


def _read(row: dict[str, Any], place: str, *, images: Path) -> Example:
    image_key = next((key for key in IMAGE_KEYS if key in row), "image")
    caption_key = next((key for key in CAPTION_KEYS if key in row), "caption")
    name = need_text(row, image_key, where=place)
    if not isinstance(row.get(caption_key), str):
        raise DataError(f"no caption: {place}: keys {sorted(row)}")
    if not row[caption_key].strip():
        raise DataError(f"empty caption: {place}")
    prompt = row.get("prompt")
    turn = Turn(
        prompt=plain_prompt(prompt) if isinstance(prompt, str) else "", answer=row[caption_key]
    )
    return Example(image=images / name, turns=(turn,), key=name)
