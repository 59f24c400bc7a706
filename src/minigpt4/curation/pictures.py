"""The pile of pictures that a curation starts from: a folder, any data set, or the drawn world.

    pile = open_pile("photos")                           all pictures inside, at any depth
    pile = open_pile("laion/{00000..00010}.tar")         any data set; its texts are not looked at
    pile = open_pile("world:train,seed=30,count=5000")   drawn when they are read

A picture is named by a key that stays the same while other pictures come and go.

Paper: §3.2 (5,000 random pictures of Conceptual Captions).
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, cast

from minigpt4.data.example import OpenedSource
from minigpt4.data.pictures import PICTURE_SUFFIXES, decode_picture, encoded_picture
from minigpt4.data.recognise import recognise
from minigpt4.errors import CurationError, DataError, ImageError, SettingsError
from minigpt4.world.draw.picture import draw
from minigpt4.world.export import TRUTH_FILE
from minigpt4.world.sample import Split, sample_scene
from minigpt4.world.scene import Scene

MAX_CHOSEN = 1_000_000
"""The most pictures that one curation plans for."""

MISSING = "missing picture"
"""How the reason begins of a picture that may come back."""

_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture as a file's bytes, and what is known of it."""

    content: bytes
    suffix: str
    """Of such a file, without the dot."""
    origin: str
    """Where it was found."""
    truth: dict[str, Any] | None = None
    """`Scene.truth` of a drawn picture."""

    @cached_property
    def sha256(self) -> str:
        """Fingerprint of the bytes."""
        return hashlib.sha256(self.content).hexdigest()


class Pile(Protocol):
    """Pictures with keys."""

    def __len__(self) -> int: ...

    def key(self, index: int) -> str:
        """Return the key of a picture, without reading it."""
        ...

    def read(self, key: str) -> Picture:
        """Read a picture and make sure that it can be decoded.

        Raises:
            DataError: whose message begins with the reason before a colon.
        """
        ...


def open_pile(spec: str, *, open_data: Callable[[str], OpenedSource] | None = None) -> Pile:
    """Open a pile by its name.

    Args:
        open_data: opens what is a data set; by default `data.open_source.open_source`.

    Raises:
        DataError: for a folder without pictures or data that can't be used.
        SettingsError: for a name that can't be understood.
    """
    if spec.startswith("world:"):
        return _open_world(spec)
    path = Path(spec)
    if path.is_dir() and not _is_data_set(path):
        return FolderPile(path)
    if open_data is None:
        from minigpt4.data.open_source import open_source as open_data
    return DataPile(open_data(spec))


def choose(pile: Pile, *, limit: int | None, seed: int) -> list[str]:
    """Return the keys of `limit` pictures (or all) in an order that only the seed decides.

    A larger limit goes on where a smaller one ended.
    """
    size = len(pile)
    chance, moved, keys = random.Random(seed), dict[int, int](), list[str]()
    for place in range(min(size, MAX_CHOSEN if limit is None else limit)):
        # A shuffle (Fisher and Yates) that remembers only what it has moved.
        other = chance.randrange(place, size)
        keys.append(pile.key(moved.get(other, other)))
        moved[other] = moved.get(place, place)
    return keys


def printable(text: str) -> str:
    r"""Return a text that can be stored: what is no Unicode in a file's name becomes \udcNN."""
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


class FolderPile:
    """All pictures inside a folder, at any depth; drawn ones with their truth."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        suffixes = {f".{suffix}" for suffix in PICTURE_SUFFIXES}
        names = [
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.suffix.lower() in suffixes and path.is_file()
        ]
        self._keys = sorted(map(printable, names))
        self._unusable = set(self._keys).difference(names)
        if not self._keys:
            raise DataError(f"no pictures in {folder}; give a folder that has some")

    def __len__(self) -> int:
        return len(self._keys)

    def key(self, index: int) -> str:
        return self._keys[index]

    def read(self, key: str) -> Picture:
        if key in self._unusable:
            raise DataError(f"name is not UTF-8: {self.folder / key}; rename the file")
        path = self.folder / key
        decode_picture(path, where=str(path))
        try:
            content, suffix = encoded_picture(path)
        except OSError as error:
            raise DataError(f"{MISSING}: {path}: {error}") from error
        return Picture(
            content=content, suffix=suffix, origin=printable(str(path)), truth=self._truths.get(key)
        )

    @cached_property
    def _truths(self) -> dict[str, dict[str, Any]]:
        path = self.folder / TRUTH_FILE
        if not path.is_file():
            return {}
        try:
            # Not splitlines(): it also splits at U+2028 and its like, which JSON leaves in texts.
            lines = path.read_text(encoding="utf-8").split("\n")
            rows = [json.loads(line) for line in lines if line.strip()]
            return {row["image"]: row for row in rows}
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path} is not what `minigpt4 world draw` writes: {error!r}"
            ) from error


class DrawnPile:
    """The first pictures of a stream of the drawn world."""

    def __init__(self, split: Split, seed: int, count: int) -> None:
        self.split: Split = split
        self.seed, self.count = seed, count

    def __len__(self) -> int:
        return self.count

    def key(self, index: int) -> str:
        return f"{self.split}-{self.seed}-{index:06d}"

    def read(self, key: str) -> Picture:
        index = int(key.rpartition("-")[2])
        scene: Scene = sample_scene(self.split, self.seed, index)
        content, suffix = encoded_picture(draw(scene))
        return Picture(
            content=content, suffix=suffix, origin=f"world {key}", truth=scene.truth(key)
        )


class DataPile:
    """The pictures of a data set."""

    def __init__(self, source: OpenedSource) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def key(self, index: int) -> str:
        return f"{index:09d}"

    def read(self, key: str) -> Picture:
        index = int(key)
        if index >= len(self.source):
            raise DataError(f"{MISSING}: the data set has only {len(self.source)} left")
        place = printable(self.source.place(index))
        try:
            image = self.source[index].image
            if image is None:
                raise DataError(f"no picture: {place}")
            if isinstance(image, Path):
                decode_picture(image, where=place)
            content, suffix = encoded_picture(image)
        except FileNotFoundError as error:
            raise DataError(f"{MISSING}: {place}: {error}") from error
        except (ImageError, OSError) as error:
            raise DataError(f"undecodable picture: {place}: {error}") from error
        return Picture(content=content, suffix=suffix, origin=place)


class GonePile:
    """Pictures that are not there any more; to need one is an error."""

    def __init__(self, why: str) -> None:
        self._why = why

    def __len__(self) -> int:
        return 0

    def key(self, index: int) -> str:
        raise CurationError(f"no picture {index}: {self._why}")

    def read(self, key: str) -> Picture:
        raise CurationError(
            f"the pictures are gone ({self._why}), and {key} is not described yet; nothing is "
            "lost: bring them back and run the same command again"
        )


def _is_data_set(folder: Path) -> bool:
    """Say whether a folder holds a known data set rather than plain pictures."""
    if (folder / TRUTH_FILE).is_file():
        return False
    try:
        recognise(folder)
    except DataError:
        return False
    return True


def _open_world(spec: str) -> DrawnPile:
    wanted = "wanted world:SPLIT,seed=N,count=N, e.g. world:train,seed=30,count=5000"
    split, *pairs = spec.removeprefix("world:").split(",")
    options = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    numbers = options.values()
    right = split in _SPLITS and len(options) == len(pairs) and {"seed", "count"} >= set(options)
    if not right or "count" not in options or not _all_numbers(tuple(numbers)):
        raise SettingsError(f"{spec!r} names no part of the drawn world; {wanted}")
    count = int(options["count"])
    if count < 1:
        raise SettingsError(f"{spec!r} has no picture; {wanted}")
    return DrawnPile(cast(Split, split), int(options.get("seed", 0)), count)


def _all_numbers(values: Sequence[str]) -> bool:
    return all(re.fullmatch(r"\d+", value) for value in values)
