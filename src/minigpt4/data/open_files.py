"""Read pieces of many files by position, keeping the last used ones open.

Opening a file costs more than reading a picture from it, above all on a network disk. Handles
belong to one process: a forked or pickled copy opens its own.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

from minigpt4.errors import DataError

MAX_OPEN = 64


class OpenFiles:
    """Files that are open in this process, the least recently used one closed first."""

    def __init__(self) -> None:
        self._begin()

    def __reduce__(self) -> tuple[type[OpenFiles], tuple[()]]:
        return OpenFiles, ()

    def read(self, path: Path, offset: int, num_bytes: int) -> bytes:
        """Return up to `num_bytes` bytes from `offset` on; fewer where the file ends.

        Raises:
            DataError: "missing file" or "unreadable file", so that a shard which has gone costs
                its examples and not the run.
        """
        if self._process != os.getpid():
            # After a fork: the parent's handles share its file positions, and its lock may be held.
            self._close()
            self._begin()
        with self._lock:
            try:
                file = self._open(path)
                file.seek(offset)
                return file.read(num_bytes)
            except OSError as error:
                self._forget(path)  # a handle that went stale is opened anew the next time
                gone = isinstance(error, (FileNotFoundError, NotADirectoryError))
                raise DataError(
                    f"{'missing' if gone else 'unreadable'} file: {path}: {error.strerror}; put "
                    "it back or see to its disk, and look with `minigpt4 data check`"
                ) from error

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._files: OrderedDict[Path, BinaryIO] = OrderedDict()

    def _open(self, path: Path) -> BinaryIO:
        file = self._files.get(path)
        if file is not None:
            self._files.move_to_end(path)
            return file
        if len(self._files) >= MAX_OPEN:
            self._files.popitem(last=False)[1].close()
        file = self._files[path] = open(path, "rb", buffering=0)  # noqa: SIM115 - kept open
        return file

    def _forget(self, path: Path) -> None:
        file = self._files.pop(path, None)
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    def _close(self) -> None:
        for file in self._files.values():
            file.close()

    def __del__(self) -> None:
        self._close()
