"""A contact sheet shows each picture in its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from minigpt4.data.contact_sheet import COLUMNS, TILE_PX, draw_contact_sheet
from minigpt4.data.example import captioned

RED, BLUE = (200, 0, 0), (0, 0, 200)


def test_pictures_stand_in_rows_with_their_texts(tmp_path: Path) -> None:
    examples = [
        captioned(Image.new("RGB", (64, 64), BLUE if n == COLUMNS else RED), "a long " * 40, key="")
        for n in range(COLUMNS + 1)
    ]
    draw_contact_sheet(examples, tmp_path / "deep" / "sheet.png")
    with Image.open(tmp_path / "deep" / "sheet.png") as sheet:
        pixels = np.asarray(sheet)
    assert sheet.format == "PNG"
    middle = 8 + TILE_PX // 2
    assert tuple(pixels[middle, middle]) == RED
    second_row = middle + (pixels.shape[0] - 8) // 2
    assert tuple(pixels[second_row, middle]) == BLUE
    assert tuple(pixels[second_row, middle + TILE_PX + 8]) == (255, 255, 255)
    assert (pixels[8 + TILE_PX : 8 + TILE_PX + 60, 8 : 8 + TILE_PX] < 100).any()  # the text
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["sheet.png"]


def test_a_picture_is_not_stretched(tmp_path: Path) -> None:
    draw_contact_sheet(
        [captioned(Image.new("RGB", (100, 50), RED), "x", key="")], tmp_path / "s.png"
    )
    with Image.open(tmp_path / "s.png") as sheet:
        pixels = np.asarray(sheet)
    reds = (pixels == RED).all(axis=-1)
    assert reds.any(axis=1).sum() == TILE_PX // 2
    assert reds.any(axis=0).sum() == TILE_PX - 2  # its frame is drawn over both sides
