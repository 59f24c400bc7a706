"""What a source is made of, so that a resumed run notices when it is another one.

An epoch is a permutation of all examples: one more or less puts all of them in another order. Where
files lie does not count, for data may be moved between two parts of a run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from minigpt4.data.cc_sbu_align import ANNOTATIONS, CcSbuAlign
from minigpt4.data.example import Source
from minigpt4.data.record_source import RecordSource
from minigpt4.data.shards import TarShards

SourceRecord = dict[str, int | str]


def source_record(source: Source) -> SourceRecord:
    """Return a source's kind, its length and, if it reads files, their number, bytes and hash.

    The hash is of the names and sizes of shards or annotation files, in order; pictures that lie
    beside an annotation file are not looked at.
    """
    record: SourceRecord = {"kind": type(source).__name__, "examples": len(source)}
    if isinstance(source, TarShards):
        names = [path.name for path in source.paths]
        return record | files_record(zip(names, source.sizes, strict=True))
    if isinstance(source, RecordSource):
        path = source.records.path
    elif isinstance(source, CcSbuAlign):
        path = source.folder / ANNOTATIONS
    else:
        return record
    return record | files_record([(path.name, path.stat().st_size)])


def files_record(files: Iterable[tuple[str, int]]) -> SourceRecord:
    """Return number, bytes and hash of files given as (name, bytes)."""
    files = list(files)
    digest = hashlib.sha256()
    for name, num_bytes in files:
        digest.update(f"{name} {num_bytes}\n".encode())
    return {
        "files": len(files),
        "bytes": sum(num_bytes for _, num_bytes in files),
        "names_and_sizes": digest.hexdigest()[:16],
    }


def differences(before: Sequence[SourceRecord], now: Sequence[SourceRecord]) -> list[str]:
    """Say in a few words for each source what is not as it was; nothing if all is."""
    if len(before) != len(now):
        return [f"{len(before)} sources -> {len(now)}"]
    return [
        f"source {number} ({new['kind']}): {_changes(old, new)}"
        for number, (old, new) in enumerate(zip(before, now, strict=True))
        if old != new
    ]


def _changes(old: Mapping[str, int | str], new: Mapping[str, int | str]) -> str:
    names = [name for name in (*old, *(new.keys() - old.keys())) if old.get(name) != new.get(name)]
    return ", ".join(f"{name} {old.get(name)} -> {new.get(name)}" for name in names)
