"""The walk finds what `tarfile` finds, in every dialect, and stops where an archive is damaged."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from minigpt4.data.tar_walk import walk_tar
from minigpt4.errors import DataError

NAMES = ["0.jpg", "x/" * 60 + "b.jpg", "ü.txt"]
LONG = ["c" * 200 + ".json", "ü" * 90 + ".txt", "last.png"]


def _write(path: Path, names: list[str], format: int, *, mtime: float = 1) -> Path:
    with tarfile.open(path, "w", format=format) as archive:
        folder = tarfile.TarInfo("folder/")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for number, name in enumerate(names):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = 500 * number, mtime
            archive.addfile(member, io.BytesIO(b"x" * member.size))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "0.jpg"
        archive.addfile(link)
    return path


@pytest.mark.parametrize(
    ("format", "names", "mtime"),
    [
        (tarfile.USTAR_FORMAT, NAMES, 1),
        (tarfile.GNU_FORMAT, NAMES + LONG, 1),
        # A broken second makes an extended header for each member, as in img2dataset's shards.
        (tarfile.PAX_FORMAT, NAMES + LONG, 1.5),
    ],
)
def test_members_are_those_of_tarfile(
    tmp_path: Path, format: int, names: list[str], mtime: float
) -> None:
    path = _write(tmp_path / "0.tar", names, format, mtime=mtime)
    with tarfile.open(path) as archive:
        expected = [(m.name, m.offset_data, m.size) for m in archive if m.isfile()]
    assert [tuple(member) for member in walk_tar(path)] == expected
    assert [name for name, _, _ in expected] == names


def test_a_huge_size_is_read_from_its_extended_header(tmp_path: Path) -> None:
    path = tmp_path / "0.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("a.jpg")
        member.size = 3
        member.pax_headers = {"size": "3"}
        archive.addfile(member, io.BytesIO(b"abc"))
    assert [member.num_bytes for member in walk_tar(path)] == [3]


@pytest.mark.parametrize(
    ("damage", "found", "message"),
    [
        (lambda whole: whole[:2000], 1, "breaks off at byte 2000"),
        (lambda whole: whole[:1100], 1, "breaks off at byte 1100"),
        (lambda whole: b"", 0, "breaks off"),
        (lambda whole: b"<html>" * 200, 0, "is no tar file"),
        (lambda whole: whole[:2048] + b"\xff" * 512 + whole[2560:], 2, "broken at byte 2048"),
    ],
)
def test_damage_is_met_after_what_is_good(tmp_path: Path, damage, found: int, message: str) -> None:
    path = _write(tmp_path / "0.tar", ["0.jpg", "1.jpg", "2.jpg"], tarfile.USTAR_FORMAT)
    path.write_bytes(damage(path.read_bytes()))
    members: list[str] = []
    with pytest.raises(DataError, match=message):
        _walk_into(members, path)
    assert members == [f"{number}.jpg" for number in range(found)]


def _walk_into(names: list[str], path: Path) -> None:
    for member in walk_tar(path):
        names.append(member.name)  # one by one: what came before the damage counts
