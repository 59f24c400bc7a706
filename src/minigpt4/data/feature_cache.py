"""Features of pictures on disk: what a frozen encoder made of each, found again by content.

    cache.json                     the encoder and the preprocessing, as `identity`
    features-000-00000.safetensors     some pictures: their keys and their features in bf16
    index.safetensors              where each key lies

A picture's key is a hash of its pixels, so the same picture is encoded once wherever it lies. Each
file of features holds its own keys and is written aside and renamed: whatever is there is whole, a
build that was killed goes on with what is missing, and several processes fill one folder (the first
number is the process's). The index only saves reading all keys again, and is made anew when files
were added.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from minigpt4.errors import DataError

KEY_BYTES = 16
IDENTITY_FILE = "cache.json"
INDEX_FILE = "index.safetensors"
FEATURE_DTYPE = torch.bfloat16
SHARD_BYTES = 64 * 2**20
"""A file of features is written when it is this big,"""
SHARD_SECONDS = 60.0
"""or this old: so much work is lost when a build is killed."""

_PATTERN = "features-*.safetensors"
_MAX_OPEN_FILES = 32


class FeatureCache:
    """A folder of features, open for reading."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.identity = read_identity(self.folder)
        index = _read_index(self.folder) or _make_index(self.folder)
        self._shards, self._number, self._row = index.shards, index.number, index.row
        self._first, self._second = index.first, index.second
        self._open: OrderedDict[int, Any] = OrderedDict()

    def __len__(self) -> int:
        return len(self._first)

    def __contains__(self, key: bytes) -> bool:
        return self._find(key) is not None

    def get(self, keys: Sequence[bytes]) -> Float[Tensor, "images tokens dim"] | None:
        """Return the features of pictures in order; None if any is missing."""
        places = [self._find(key) for key in keys]
        if not places or any(place is None for place in places):
            return None
        return torch.stack([self._read(place) for place in places if place is not None])

    def _find(self, key: bytes) -> int | None:
        first, second = np.frombuffer(key, dtype=">u8")
        place = int(np.searchsorted(self._first, first))
        while place < len(self._first) and self._first[place] == first:
            if self._second[place] == second:
                return place
            place += 1
        return None

    def _read(self, place: int) -> Tensor:
        number = int(self._number[place])
        file = self._open.pop(number, None)
        if file is None:
            file = _open_shard(self.folder / self._shards[number])
            if len(self._open) >= _MAX_OPEN_FILES:
                self._open.popitem(last=False)
        self._open[number] = file  # the most lately used one is the last
        return file.get_slice("features")[int(self._row[place])]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open": OrderedDict()}  # a loader's worker opens files itself


class FeatureWriter:
    """Adds features to a folder; `identity` must be that of what is there already."""

    def __init__(
        self, folder: str | Path, identity: Mapping[str, Any], *, process: int = 0
    ) -> None:
        self.folder, self.process = Path(folder), process
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / IDENTITY_FILE).exists():
            check_identity(read_identity(self.folder), identity, self.folder)
        else:
            text = json.dumps(identity, indent=2) + "\n"
            with _aside(self.folder / IDENTITY_FILE) as path:
                path.write_text(text, encoding="utf-8")
        for partial in self.folder.glob(f".features-{process:03d}-*.partial"):
            partial.unlink()  # of a build that was killed
        names = self.folder.glob(f"features-{process:03d}-*.safetensors")
        numbers = [int(path.stem.rpartition("-")[2]) for path in names]
        self._next = max(numbers, default=-1) + 1
        self._keys: list[bytes] = []
        self._waiting: list[Tensor] = []
        self._began = time.monotonic()

    def add(self, keys: Sequence[bytes], features: Float[Tensor, "images tokens dim"]) -> None:
        """Take features of pictures; they reach the disk with the next file."""
        if not self._keys:
            self._began = time.monotonic()
        self._keys += keys
        self._waiting.append(features.to("cpu", FEATURE_DTYPE))
        num_bytes = len(self._keys) * features[0].numel() * FEATURE_DTYPE.itemsize
        if num_bytes >= SHARD_BYTES or time.monotonic() - self._began >= SHARD_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what waits as one file."""
        if not self._keys:
            return
        keys = torch.frombuffer(bytearray(b"".join(self._keys)), dtype=torch.uint8)
        tensors = {"keys": keys.view(-1, KEY_BYTES), "features": torch.cat(self._waiting)}
        name = f"features-{self.process:03d}-{self._next:05d}.safetensors"
        with _aside(self.folder / name) as path:
            _save(tensors, path, {})
        self._next += 1
        self._keys, self._waiting = [], []

    def close(self) -> None:
        """Write what waits, and the index of all that is there."""
        self.flush()
        index = _make_index(self.folder)
        tensors = {
            "first": torch.from_numpy(index.first.view(np.int64)),
            "second": torch.from_numpy(index.second.view(np.int64)),
            "number": torch.from_numpy(index.number),
            "row": torch.from_numpy(index.row),
        }
        with _aside(self.folder / INDEX_FILE) as path:
            _save(tensors, path, {"shards": json.dumps(index.shards)})


def read_identity(folder: Path) -> dict[str, Any]:
    """Read what the features of a folder were made with.

    Raises:
        DataError: if it is no feature cache.
    """
    path = folder / IDENTITY_FILE
    if not path.is_file():
        raise DataError(
            f"{folder} is no feature cache (it has no {IDENTITY_FILE}); make one with "
            f"`minigpt4 cache build RECIPE --out {folder}`"
        )
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}); delete the folder, build again") from error


def check_identity(found: Mapping[str, Any], wanted: Mapping[str, Any], folder: Path) -> None:
    """Refuse features of another encoder or another preprocessing.

    Raises:
        DataError: naming what differs.
    """
    names = sorted(found.keys() | wanted.keys())
    differing = [name for name in names if found.get(name) != wanted.get(name)]
    if differing:
        changes = ", ".join(f"{name} {found.get(name)}, not {wanted.get(name)}"
                            for name in differing)  # fmt: skip
        raise DataError(
            f"the features in {folder} are not those of this model: they were made with {changes}; "
            "use the model they were made with, or build a cache of this one in another folder"
        )


class _Index:
    """Sorted keys in two halves, and for each its file and its row there."""

    def __init__(self, shards: list[str], first: Any, second: Any, number: Any, row: Any) -> None:
        self.shards, self.first, self.second = shards, first, second
        self.number, self.row = number, row


def _make_index(folder: Path) -> _Index:
    """Read the keys of all files; of a picture that two processes encoded, the first one counts."""
    shards = sorted(path.name for path in folder.glob(_PATTERN))
    halves = np.zeros((0, 2), dtype=np.uint64)
    places = np.zeros((0, 2), dtype=np.int32)
    for number, name in enumerate(shards):
        keys: UInt8[Tensor, "images 16"] = _open_shard(folder / name).get_tensor("keys")
        own = keys.numpy().view(">u8").astype(np.uint64)  # (n, 2)
        halves = np.concatenate([halves, own])
        rows = np.arange(len(own), dtype=np.int32)
        places = np.concatenate([places, np.stack([np.full_like(rows, number), rows], axis=1)])
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    halves, places = halves[order], places[order]
    new = np.ones(len(halves), dtype=bool)
    new[1:] = (halves[1:] != halves[:-1]).any(axis=1)
    halves, places = halves[new], places[new]
    columns = [halves[:, 0], halves[:, 1], places[:, 0], places[:, 1]]
    return _Index(shards, *(np.ascontiguousarray(column) for column in columns))


def _read_index(folder: Path) -> _Index | None:
    """Read the index; None if there is none, or not of the files that are there."""
    path = folder / INDEX_FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="np") as file:
            shards = json.loads(file.metadata()["shards"])
            columns = [file.get_tensor(name) for name in ("first", "second", "number", "row")]
    except (SafetensorError, OSError, ValueError, KeyError, TypeError):
        return None  # it can be made again from the files themselves
    if shards != sorted(path.name for path in folder.glob(_PATTERN)):
        return None
    return _Index(shards, columns[0].view(np.uint64), columns[1].view(np.uint64), *columns[2:])


def _open_shard(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise DataError(
            f"{path} cannot be read ({error}); delete it and run `minigpt4 cache build` again"
        ) from error


def _save(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    try:
        save_file(tensors, path, metadata=metadata)
    except SafetensorError as error:
        raise OSError(f"{path}: {error}") from error


@contextlib.contextmanager
def _aside(path: Path) -> Any:
    """Give a place to write to, which takes the name of `path` when all of it is there."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
