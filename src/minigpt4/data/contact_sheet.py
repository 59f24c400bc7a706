"""A contact sheet: some pictures of a data set with what is said about them, as one picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from minigpt4.data.example import Example

COLUMNS = 6
TILE_PX = 192
_TEXT_PX = 64
_MARGIN_PX = 8
_LINES, _LETTERS = 4, 32
_PAPER, _INK, _FRAME = (255, 255, 255), (20, 20, 20), (200, 200, 200)


def draw_contact_sheet(examples: Sequence[Example], out: str | Path) -> None:
    """Write a PNG with the pictures of decoded examples in rows of six, texts below them."""
    out = Path(out)
    num_rows = max(1, -(-len(examples) // COLUMNS))
    cell_width, cell_height = TILE_PX + _MARGIN_PX, TILE_PX + _TEXT_PX + _MARGIN_PX
    size = (COLUMNS * cell_width + _MARGIN_PX, num_rows * cell_height + _MARGIN_PX)
    sheet = Image.new("RGB", size, _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, example in enumerate(examples):
        assert isinstance(example.image, Image.Image)
        row, column = divmod(number, COLUMNS)
        left, top = _MARGIN_PX + column * cell_width, _MARGIN_PX + row * cell_height
        tile = ImageOps.contain(example.image.convert("RGB"), (TILE_PX, TILE_PX))
        sheet.paste(tile, (left + (TILE_PX - tile.width) // 2, top + (TILE_PX - tile.height) // 2))
        pen.rectangle((left, top, left + TILE_PX - 1, top + TILE_PX - 1), outline=_FRAME)
        pen.multiline_text((left, top + TILE_PX + 2), _text(example), _INK, font)
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.partial")
    try:
        sheet.save(aside, "PNG")
        aside.replace(out)
    finally:
        aside.unlink(missing_ok=True)


def _text(example: Example) -> str:
    turn = example.turns[0]
    said = f"{turn.prompt} > {turn.answer}" if turn.prompt else turn.answer
    # The built-in font has no sign for most scripts; a box says that something is there.
    lines = textwrap.wrap(" ".join(said.split()), _LETTERS, max_lines=_LINES, placeholder=" ...")
    return "\n".join(lines)
