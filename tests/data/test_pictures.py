"""A picture is decoded or its fault is named in a few words."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from minigpt4.data.pictures import decode_picture
from minigpt4.errors import DataError


def test_bytes_and_paths_decode_alike(tmp_path: Path) -> None:
    Image.new("L", (3, 2), 77).save(tmp_path / "a.png")
    one = decode_picture(tmp_path / "a.png", where="a")
    other = decode_picture((tmp_path / "a.png").read_bytes(), where="a")
    assert one.tobytes() == other.tobytes() == bytes([77]) * 6


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"junk", "undecodable"), (Path("/nowhere/x.png"), "missing")],
)
def test_the_fault_comes_first(content: bytes | Path, reason: str) -> None:
    with pytest.raises(DataError, match=rf"^{reason} picture: here"):
        decode_picture(content, where="here")


def test_a_bomb_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    Image.new("RGB", (30, 30)).save(file, "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DataError, match=r"^huge picture"):
        decode_picture(file.getvalue(), where="here")
