"""Where each sample lies in its shard: found once, kept beside the shards, checked at each start.

A folder of shards has one index file, `.minigpt4_index.npz`; if the folder can't be written, the
cache folder has it. A shard whose size or time stamp has changed is walked again, a damaged index
is built anew. Shards are walked in parallel, and of several processes that start together one
walks while the others wait. Five million samples take about 200 MB, as arrays and not as objects.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minigpt4.data.cache_folder import cache_folder
from minigpt4.data.pictures import PICTURE_SUFFIXES
from minigpt4.data.tar_walk import walk_tar
from minigpt4.data.troubles import Troubles
from minigpt4.errors import DataError

logger = logging.getLogger(__name__)

INDEX_NAME = ".minigpt4_index.npz"
PLACES = np.dtype(
    [
        ("picture", "<i8"),
        ("picture_bytes", "<u4"),
        ("caption", "<i8"),
        ("caption_bytes", "<u4"),
        ("suffix", "u1"),  # its number in PICTURE_SUFFIXES
        ("is_json", "?"),
    ]
)
"""Of each sample: where picture and caption begin in the shard, and how long they are."""

Report = Callable[[int, int], None]
"""Called with (done, all) shards, for a progress bar."""

_VERSION = 1
_FIELDS = ("names", "sizes", "times", "counts", "keys", "places", "troubles")
_MIN_SHARDS_FOR_PROCESSES = 8
_MAX_BYTES = 2**32 - 1


@dataclass(frozen=True)
class ShardIndex:
    """The samples of one shard, in order, and what is wrong with the others."""

    num_bytes: int
    time_ns: int
    """Size and time stamp of the shard when it was walked."""

    keys: np.ndarray
    """(samples,) names as bytes."""

    places: np.ndarray
    """(samples,) of PLACES."""

    troubles: Troubles

    def fits(self, stat: os.stat_result) -> bool:
        """Whether the shard is still the one that was walked."""
        return (self.num_bytes, self.time_ns) == (stat.st_size, stat.st_mtime_ns)


def index_shards(paths: Sequence[Path], *, report: Report | None = None) -> list[ShardIndex]:
    """Return the index of each shard, from the index file where it fits."""
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.parent.resolve(), []).append(path)
    found: dict[Path, ShardIndex] = {}
    for folder, inside in folders.items():
        done = len(found)

        def advance(number: int, _: int, done: int = done) -> None:
            if report is not None:
                report(done + number, len(paths))

        found |= _index_folder(folder, inside, advance)
    return [found[path] for path in paths]


def index_shard(path: Path) -> ShardIndex:
    """Walk one shard; a shard that breaks off is used up to there."""
    stat, troubles = path.stat(), Troubles()
    members: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        for member in walk_tar(path):
            folder, _, name = member.name.rpartition("/")
            stem, _, suffix = name.partition(".")
            if not stem:
                continue  # hidden files, and what macOS adds to archives
            key = f"{folder}/{stem}" if folder else stem
            members.setdefault(key, {})[suffix.lower()] = (member.offset, member.num_bytes)
    except (DataError, OSError, ValueError) as error:
        reason = str(error).removeprefix("damaged shard: ")
        logger.warning("%s; using the %d samples before", reason, len(members))
        troubles.add("damaged shard", reason)
    keys, places = [], []
    for key, parts in members.items():
        place = _place(parts)
        if isinstance(place, str):
            # What has neither is not a sample at all, for example a parquet file.
            if not place.startswith("neither"):
                troubles.add(place, f"{path}, member {key}")
            continue
        keys.append(key.encode("utf-8", "surrogateescape"))
        places.append(place)
    return ShardIndex(
        num_bytes=stat.st_size,
        time_ns=stat.st_mtime_ns,
        keys=np.array(keys, dtype=np.bytes_) if keys else np.zeros(0, "S1"),
        places=np.array(places, dtype=PLACES),
        troubles=troubles,
    )


def _place(parts: dict[str, tuple[int, int]]) -> tuple[int, int, int, int, int, bool] | str:
    """Return the place of a sample's parts, or what is wrong with it."""
    suffix = next((suffix for suffix in PICTURE_SUFFIXES if suffix in parts), None)
    caption = parts.get("txt") or parts.get("json")
    if suffix is None or caption is None:
        if suffix is None and caption is None:
            return "neither"
        return "no picture" if suffix is None else "no caption"
    if max(parts[suffix][1], caption[1]) > _MAX_BYTES:
        return "huge picture"
    return (*parts[suffix], *caption, PICTURE_SUFFIXES.index(suffix), "txt" not in parts)


def _index_folder(folder: Path, paths: list[Path], advance: Report) -> dict[Path, ShardIndex]:
    """Return the indexes of shards in one folder; walk and store what is missing or has changed."""
    stats = {path: path.stat() for path in paths}

    def known() -> dict[Path, ShardIndex]:
        return {
            path: stored[path.name]
            for path in paths
            if path.name in stored and stored[path.name].fits(stats[path])
        }

    stored = _load(folder)
    if len(found := known()) == len(stats):
        return found
    with _alone(folder):
        stored = _load(folder)  # another process may have stored them in the meantime
        found = known()
        missing = [path for path in stats if path not in found]
        if missing:
            for path, index in _walk_all(missing):
                found[path] = index
                advance(len(found), len(paths))
            stored |= {path.name: index for path, index in found.items()}
            _store(
                folder, {name: index for name, index in stored.items() if (folder / name).exists()}
            )
    return found


def _walk_all(paths: list[Path]) -> Iterator[tuple[Path, ShardIndex]]:
    num_processes = min(len(paths) // 2, os.cpu_count() or 1)
    if len(paths) < _MIN_SHARDS_FOR_PROCESSES or num_processes < 2:
        for path in paths:
            yield path, index_shard(path)
        return
    with ProcessPoolExecutor(num_processes) as pool:
        chunk = max(1, min(16, len(paths) // (4 * num_processes)))
        yield from zip(paths, pool.map(index_shard, paths, chunksize=chunk), strict=True)


def _files(folder: Path) -> tuple[Path, Path]:
    """Return where the index of a folder may be: in it, or in the cache folder."""
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:24]
    return folder / INDEX_NAME, cache_folder() / "shard_index" / f"{name}.npz"


def _load(folder: Path) -> dict[str, ShardIndex]:
    """Return what the index file knows, by the shards' names; nothing if it can't be used."""
    for path in _files(folder):
        if not path.is_file():
            continue
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                if int(archive["version"]) == _VERSION:
                    return _unpack({name: archive[name] for name in _FIELDS})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            logger.warning("the shard index %s is damaged (%s); building it anew", path, error)
    return {}


def _unpack(fields: dict[str, np.ndarray]) -> dict[str, ShardIndex]:
    counts = fields["counts"]
    ends = np.cumsum(counts)
    if len(fields["keys"]) != ends[-1] or len(fields["places"]) != ends[-1]:
        raise ValueError(f"{len(fields['keys'])} keys for {ends[-1]} samples")
    troubles: dict[str, Any] = json.loads(str(fields["troubles"]))
    indexes = {}
    for number, name in enumerate(map(str, fields["names"])):
        part = slice(ends[number] - counts[number], ends[number])
        found = troubles.get(name, {"counts": {}, "places": {}})
        indexes[name] = ShardIndex(
            num_bytes=int(fields["sizes"][number]),
            time_ns=int(fields["times"][number]),
            keys=fields["keys"][part],
            places=fields["places"][part],
            troubles=Troubles(Counter(found["counts"]), found["places"]),
        )
    return indexes


def _store(folder: Path, indexes: dict[str, ShardIndex]) -> None:
    """Write the index file aside and put it in its place, beside the data if that can be."""
    values = list(indexes.values())
    troubles = {
        name: {"counts": dict(index.troubles.counts), "places": index.troubles.places}
        for name, index in indexes.items()
        if index.troubles
    }
    fields = {
        "version": np.array(_VERSION),
        "names": np.array(list(indexes), dtype=np.str_),
        "sizes": np.array([index.num_bytes for index in values], dtype=np.int64),
        "times": np.array([index.time_ns for index in values], dtype=np.int64),
        "counts": np.array([len(index.keys) for index in values], dtype=np.int64),
        "keys": np.concatenate([index.keys for index in values]),
        "places": np.concatenate([index.places for index in values]),
        "troubles": np.array(json.dumps(troubles)),
    }
    for path in _files(folder):
        aside = path.with_name(f"{path.name}.{os.getpid()}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with aside.open("wb") as file:
                np.savez(file, **fields)
            aside.replace(path)
            return
        except OSError as error:
            logger.info("the shard index can't be written to %s: %s", path, error)
        finally:
            with suppress(OSError):
                aside.unlink()
    logger.warning("the index of %s can't be kept; its shards are walked at each start", folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time index a folder; where the disk knows no locks, let all."""
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):  # not on Windows
        yield
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            logger.info("no lock on %s: %s", folder, error)
        yield
    finally:
        os.close(handle)
