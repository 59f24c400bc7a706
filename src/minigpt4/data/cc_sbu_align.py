"""The stage-2 data set's form: `filter_cap.json` beside `image/ID.jpg`.

`filter_cap.json` is {"annotations": [{"image_id": "2", "caption": "..."}, ...]} or the bare list.
The official reader knows `.jpg` only; this one takes any picture extension.

Paper: §3.2 (about 3,500 curated pairs).
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from minigpt4.data.example import Example, captioned
from minigpt4.data.pictures import PICTURE_SUFFIXES
from minigpt4.data.troubles import Troubles
from minigpt4.errors import DataError

logger = logging.getLogger(__name__)

ANNOTATIONS, IMAGES = "filter_cap.json", "image"


class CcSbuAlign:
    """The examples of a `cc_sbu_align` folder; `troubles` has the unusable ones by reason."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        pictures = _pictures_by_id(self.folder / IMAGES)
        self.troubles = Troubles()
        self.pairs: list[tuple[str, Path, str]] = []
        self._entries: list[int] = []
        for entry, annotation in enumerate(_annotations(self.folder / ANNOTATIONS), start=1):
            reason = self._take(annotation, pictures)
            if reason:
                self.troubles.add(reason, self._entry(entry))
            else:
                self._entries.append(entry)
        if not self.pairs:
            raise DataError(
                f"no usable pair in {self.folder} ({dict(self.skipped)}); wanted "
                f"{IMAGES}/ID.jpg for the image_id of each annotation in {ANNOTATIONS}"
            )
        if self.skipped:
            logger.warning(
                "%d pairs of %s are usable, others are not: %s",
                len(self.pairs),
                self.folder,
                dict(self.skipped),
            )

    @property
    def skipped(self) -> Counter[str]:
        """Annotations that can't be used, by reason."""
        return self.troubles.counts

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Example:
        image_id, path, caption = self.pairs[index]
        return captioned(path, caption, key=image_id)

    def place(self, index: int) -> str:
        """Name the annotation file and the entry, counted from 1."""
        return self._entry(self._entries[index])

    def _entry(self, entry: int) -> str:
        return f"{self.folder / ANNOTATIONS}, entry {entry}"

    def _take(self, annotation: Any, pictures: dict[str, Path]) -> str | None:
        """Keep a good annotation; return what is wrong with a bad one."""
        if not isinstance(annotation, dict) or "image_id" not in annotation:
            return "no image_id"
        image_id = str(annotation["image_id"])
        caption = annotation.get("caption")
        if not isinstance(caption, str) or not caption.strip():
            return "no caption"
        if image_id not in pictures:
            return "no picture"
        self.pairs.append((image_id, pictures[image_id], caption))
        return None


def write_cc_sbu_align(
    pairs: Iterable[tuple[Image.Image, str]], out: str | Path, *, quality: int = 95
) -> int:
    """Write pictures and captions in the official form; return how many."""
    out = Path(out)
    (out / IMAGES).mkdir(parents=True, exist_ok=True)
    annotations = []
    for number, (image, caption) in enumerate(pairs):
        image.convert("RGB").save(out / IMAGES / f"{number}.jpg", quality=quality)
        annotations.append({"image_id": str(number), "caption": caption})
    aside = out / f".{ANNOTATIONS}"
    aside.write_text(json.dumps({"annotations": annotations}, indent=1), encoding="utf-8")
    aside.replace(out / ANNOTATIONS)
    return len(annotations)


def _annotations(path: Path) -> list[Any]:
    if not path.is_file():
        raise DataError(f"no {path}; give the folder that holds {ANNOTATIONS} and {IMAGES}/")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not valid JSON: {error}") from error
    if isinstance(content, dict):
        content = content.get("annotations")
    if not isinstance(content, list):
        raise DataError(f'{path} holds no list; wanted {{"annotations": [...]}} or a bare list')
    return content


def _pictures_by_id(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"no folder {folder}; the pictures belong there as ID.jpg")
    # The preferred suffix last, so that .jpg wins over another one of the same id.
    order = {f".{suffix}": -rank for rank, suffix in enumerate(PICTURE_SUFFIXES)}
    paths = [path for path in folder.iterdir() if path.suffix.lower() in order]
    paths.sort(key=lambda path: (order[path.suffix.lower()], path.name))
    return {path.stem: path for path in paths}
