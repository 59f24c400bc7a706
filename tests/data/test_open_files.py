"""Files stay open within a process, and only so many of them."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from minigpt4.data import open_files
from minigpt4.data.open_files import OpenFiles
from minigpt4.errors import DataError


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    for number in range(4):
        (tmp_path / str(number)).write_bytes(f"file {number}".encode())
    return [tmp_path / str(number) for number in range(4)]


def test_pieces_are_read_by_position(paths: list[Path]) -> None:
    files = OpenFiles()
    assert files.read(paths[2], 5, 1) == b"2"
    assert files.read(paths[2], 0, 4) == b"file"
    assert files.read(paths[2], 5, 100) == b"2"


def test_a_file_is_opened_once(paths: list[Path]) -> None:
    files = OpenFiles()
    files.read(paths[0], 0, 1)
    paths[0].unlink()
    assert files.read(paths[0], 0, 6) == b"file 0"


def test_no_more_than_so_many_stay_open(paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_files, "MAX_OPEN", 2)
    files = OpenFiles()
    for path in [*paths, paths[2]]:
        files.read(path, 0, 1)
    assert list(files._files) == [paths[3], paths[2]]


def test_a_copy_opens_its_own(paths: list[Path]) -> None:
    files = OpenFiles()
    files.read(paths[0], 0, 1)
    copy = pickle.loads(pickle.dumps(files))
    assert not copy._files
    assert copy.read(paths[0], 5, 1) == b"0"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_opens_its_own(paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    files = OpenFiles()
    files.read(paths[0], 0, 1)
    before = files._files[paths[0]]
    monkeypatch.setattr(os, "getpid", lambda: -1)  # as seen by a child
    assert files.read(paths[0], 5, 1) == b"0"
    assert files._files[paths[0]] is not before


def test_a_file_that_has_gone_or_fails_is_bad_data(
    paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = OpenFiles()
    files.read(paths[0], 0, 1)

    class Failing:
        def seek(self, offset: int) -> None:
            raise OSError(5, "Input/output error")

        def close(self) -> None: ...

    files._files[paths[0]].close()
    monkeypatch.setitem(files._files, paths[0], Failing())
    with pytest.raises(DataError, match=rf"^unreadable file: {paths[0]}: Input/output error; put"):
        files.read(paths[0], 0, 1)
    assert files.read(paths[0], 5, 1) == b"0"  # opened anew
    paths[1].unlink()
    with pytest.raises(DataError, match=rf"^missing file: {paths[1]}"):
        files.read(paths[1], 0, 1)
