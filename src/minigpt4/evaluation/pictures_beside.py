"""Where the pictures of a benchmark lie, and which of them are taken."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from minigpt4.data.pictures import PICTURE_SUFFIXES, find_picture
from minigpt4.errors import DataError
from minigpt4.evaluation.question import PictureFile

T = TypeVar("T")


def pictures_folder(data: Path, images: Path | None, *others: str) -> Path:
    """Return the folder of pictures: as given, or one that is usually beside the data.

    Args:
        others: further names that the benchmark itself gives the folder.

    Raises:
        DataError: if there is none.
    """
    if images is not None:
        return images
    folder = data if data.is_dir() else data.parent
    names = (*others, "images", "image")
    for place in (folder, folder.parent):
        for name in names:
            if (place / name).is_dir():
                return place / name
    raise DataError(f"no folder {names[0]} beside {data}; give the pictures with --images")


@dataclass(frozen=True)
class PictureBeside:
    """A picture of a benchmark, looked for only when a model is to see it.

    Answers that a file holds already can be scored without any picture.
    """

    data: Path
    images: Path | None
    folders: tuple[str, ...]
    """Names that the benchmark gives the folder of its pictures."""
    stems: tuple[str, ...]
    """Names that the file may have, without suffix."""

    @cached_property
    def path(self) -> Path:
        """Where it lies.

        Raises:
            DataError: if it is not there.
        """
        folder = pictures_folder(self.data, self.images, *self.folders)
        where = f"{self.stems[0]}; give the folder with --images"
        return find_picture(folder, self.stems, where=where)

    @property
    def name(self) -> str:
        try:
            return str(self.path)
        except DataError:
            return self.stems[0]

    @property
    def sha256(self) -> str:
        return PictureFile(self.path).sha256

    def load(self) -> Path:
        return self.path


def coco_split(data: Path) -> str:
    """Return the split that a file of COCO is about: `val2014` of `captions_val2014.json`."""
    return data.stem.rpartition("_")[2]


def all_pictures(folder: Path) -> list[PictureFile]:
    """Return the pictures of a folder by name.

    Raises:
        DataError: if there is none.
    """
    suffixes = {f".{suffix}" for suffix in PICTURE_SUFFIXES}
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in suffixes)
    if not found:
        raise DataError(f"no pictures in {folder}; wanted files such as {folder / '1.jpg'}")
    return [PictureFile(path) for path in found]


def chosen(items: Sequence[T], count: int, *, seed: int) -> list[T]:
    """Return `count` of the items by lot, in their order; all if there are not more.

    More of them hold all of fewer, so that answers are used again when a limit is raised.
    """
    places = list(range(len(items)))
    random.Random(f"chosen {seed}").shuffle(places)
    return [items[place] for place in sorted(places[:count])]
