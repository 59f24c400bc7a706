"""COCO's caption annotations: {"images": [...], "annotations": [...]}, an example a caption.

The pictures lie where `images` says, under their `file_name`; COCO itself keeps them in a folder
`train2017` or `val2017` beside `annotations`, which is found without being named.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from minigpt4.data.example import Example, captioned
from minigpt4.data.record_source import RecordSource, pictures_folder
from minigpt4.data.records import PackedRecords, need_text, read_json
from minigpt4.errors import DataError


def open_coco_captions(path: str | Path, *, images: str | Path | None = None) -> RecordSource:
    """Open a captions file of COCO, or one in its form.

    Raises:
        DataError: for a file of another form; a bad annotation raises when it is read.
    """
    path = Path(path)
    content = read_json(path)
    if not isinstance(content, dict) or not all(
        isinstance(content.get(name), list) for name in ("images", "annotations")
    ):
        raise DataError(f'{path} is no COCO file; wanted {{"images": [...], "annotations": [...]}}')
    folder = pictures_folder(images, path)
    split = path.stem.rpartition("_")[2]  # captions_train2017
    if images is None and (path.parent.parent / split).is_dir():
        folder = path.parent.parent / split
    rows = PackedRecords(_rows(content), path=path)
    if not len(rows):
        raise DataError(f"{path} holds no annotation")
    return RecordSource(rows, partial(_read, images=folder))


def _rows(content: dict[str, Any]) -> Iterator[Any]:
    """Give each annotation the file name of its picture."""
    names = {
        image["id"]: image.get("file_name")
        for image in content["images"]
        if isinstance(image, dict) and "id" in image
    }
    for note in content["annotations"]:
        if isinstance(note, dict):
            yield {**note, "file_name": names.get(note.get("image_id"))}
        else:
            yield note


def _read(row: dict[str, Any], place: str, *, images: Path) -> Example:
    caption = need_text(row, "caption", where=place)
    if row["file_name"] is None:
        raise DataError(f"no picture: {place}: image_id {row.get('image_id')} is in no `images`")
    # Annotators end some captions with a line break or blanks.
    return captioned(images / row["file_name"], caption.strip(), key=f"{row.get('id', place)}")
