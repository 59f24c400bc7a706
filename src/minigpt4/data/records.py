"""The rows of an annotation file, held compactly and read one at a time.

A million rows as Python objects take gigabytes, in each loader worker again. A JSON lines file is
therefore only scanned for where its lines begin; other JSON is kept as one block of bytes. Both
live in two arrays, which forked workers share.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from minigpt4.data.open_files import OpenFiles
from minigpt4.errors import DataError

_BOM = b"\xef\xbb\xbf"


class Records(Protocol):
    """Numbered JSON values, and where in their file each stands."""

    path: Path

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...

    def place(self, index: int) -> str:
        """Say where a row stands: file and line, or file and entry."""
        ...


class PackedRecords:
    """JSON values out of a file that had to be read whole."""

    def __init__(self, values: Iterable[Any], *, path: Path) -> None:
        self.path = path
        packed, ends = bytearray(), array("q", [0])
        for value in values:
            packed += json.dumps(value, separators=(",", ":")).encode()
            ends.append(len(packed))
        self._packed = np.frombuffer(packed, dtype=np.uint8)
        self._bounds = np.frombuffer(ends, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __getitem__(self, index: int) -> Any:
        start, end = self._bounds[index], self._bounds[index + 1]
        return json.loads(self._packed[start:end].tobytes())

    def place(self, index: int) -> str:
        """Name the file and the entry, counted from 1."""
        return f"{self.path}, entry {index + 1}"


class JsonLines:
    """The rows of a JSON lines file; blank lines are passed over."""

    def __init__(self, path: Path) -> None:
        self.path, self._files = path, OpenFiles()
        starts, sizes, lines = array("q"), array("q"), array("q")
        with path.open("rb") as file:
            start = 0
            for number, line in enumerate(file, start=1):
                if line.strip():
                    starts.append(start)
                    sizes.append(len(line))
                    lines.append(number)
                start += len(line)
        self._starts, self._sizes, self._lines = (
            np.frombuffer(numbers, dtype=np.int64) if numbers else np.zeros(0, np.int64)
            for numbers in (starts, sizes, lines)
        )

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> Any:
        line = self._files.read(self.path, int(self._starts[index]), int(self._sizes[index]))
        try:
            return json.loads(line.removeprefix(_BOM))
        except ValueError as error:
            raise DataError(f"not JSON: {self.place(index)}: {error}") from error

    def place(self, index: int) -> str:
        """Name the file and the line."""
        return f"{self.path}, line {int(self._lines[index])}"


def read_json(path: Path) -> Any:
    """Read a JSON file whole.

    Raises:
        DataError: for a missing file or one that is not JSON, for example because it breaks off.
    """
    try:
        return json.loads(need_file(path).read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise DataError(f"{path} is not valid JSON: {error}; is the download complete?") from error


def read_rows(path: Path) -> Records:
    """Return the rows of a JSON lines file, or of a JSON file that holds one list.

    Raises:
        DataError: for a missing file, JSON that is no list, or a file without rows.
    """
    with need_file(path).open("rb") as file:
        begin = file.read(256).removeprefix(_BOM).lstrip()
    is_list = begin.startswith(b"[")
    rows = PackedRecords(read_json(path), path=path) if is_list else JsonLines(path)
    if not len(rows):
        raise DataError(f"{path} holds no row; wanted JSON lines or one JSON list")
    return rows


def need_file(path: Path) -> Path:
    """Return `path` if there is a file.

    Raises:
        DataError: if there is none.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise DataError(
            f"no file {path}: {found} is there; give the path of an annotation file, and look "
            "whether it was downloaded or its disk is mounted"
        )
    return path


def need_object(record: Any, *, where: str) -> dict[str, Any]:
    """Return a record that is a JSON object.

    Raises:
        DataError: "not an object" for any other value.
    """
    if not isinstance(record, dict):
        raise DataError(f"not an object: {where}: got {type(record).__name__}")
    return record


def need_text(record: dict[str, Any], name: str, *, where: str) -> str:
    """Return a field of a record that is a text with something in it.

    Raises:
        DataError: "no NAME" or "empty NAME".
    """
    value = record.get(name)
    if not isinstance(value, str):
        raise DataError(f"no {name}: {where}: got {type(value).__name__}")
    if not value.strip():
        raise DataError(f"empty {name}: {where}")
    return value
