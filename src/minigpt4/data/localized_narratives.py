"""Localized Narratives: spoken descriptions of pictures, as JSON lines.

A line has `dataset_id`, `image_id`, `caption` (the transcript) and the voice's timing and mouse
trace, which are not used. Pictures come from COCO, Open Images, Flickr30k or ADE20k and are looked
for as IMAGE_ID.jpg, for COCO also under its twelve-digit names.

Paper: Figure 4b (MiniGPT-4 LocNa: stage 2 on these instead of the curated pairs).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from minigpt4.data.example import Example, captioned
from minigpt4.data.pictures import coco_stems, find_picture
from minigpt4.data.record_source import RecordSource, pictures_folder
from minigpt4.data.records import need_text, read_rows
from minigpt4.errors import DataError


def open_localized_narratives(
    path: str | Path, *, images: str | Path | None = None
) -> RecordSource:
    """Open a file of narratives.

    Raises:
        DataError: for a missing file, or one without rows.
    """
    path = Path(path)
    folder = pictures_folder(images, path)
    return RecordSource(read_rows(path), partial(_read, images=folder))


def _read(row: dict[str, Any], place: str, *, images: Path) -> Example:
    caption = need_text(row, "caption", where=place)
    image_id = str(row.get("image_id", ""))
    if not image_id:
        raise DataError(f"no image_id: {place}: keys {sorted(row)}")
    stems = [image_id, *(coco_stems(image_id) if image_id.isdecimal() else [])]
    picture = find_picture(images, stems, where=place)
    return captioned(
        picture, " ".join(caption.split()), key=f"{row.get('dataset_id', '')}/{image_id}"
    )
