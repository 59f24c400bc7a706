"""Small data sets for tests: pictures of one colour, archives, JSON files."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from PIL import Image


def picture(number: int, size: tuple[int, int] = (48, 40)) -> Image.Image:
    """A picture of one colour that no other number below 12 has."""
    return Image.new("RGB", size, (number * 20 % 256, 100, 0))


def picture_bytes(number: int, kind: str = "png") -> bytes:
    file = io.BytesIO()
    picture(number).save(file, kind)
    return file.getvalue()


def write_pictures(folder: Path, *names: str) -> Path:
    """Write a picture under each name, the first of colour 0, the next of colour 1 and so on."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(path)
    return folder


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_lines(path: Path, *rows: Any) -> Path:
    """Write JSON lines; a text is written as it is."""
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def write_tar(path: Path, members: dict[str, bytes], *, format: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w", format=format) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
