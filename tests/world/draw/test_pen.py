"""The pen maps the unit square into a box and keeps to it."""

import random

import numpy as np
from PIL import Image, ImageDraw

from minigpt4.world.draw.pen import Palette, Pen

PALETTE = Palette(main=(200, 0, 0), dark=(150, 0, 0), light=(255, 90, 90), outline=(10, 10, 10))


def _pen(box: tuple[float, float, float, float], **settings) -> tuple[Image.Image, Pen]:
    image = Image.new("RGB", (120, 120), (255, 255, 255))
    return image, Pen(ImageDraw.Draw(image), box, PALETTE, rng=random.Random(0), **settings)


def _extent(image: Image.Image) -> tuple[int, int, int, int]:
    mask = (np.asarray(image) != 255).any(-1)  # (H, W)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def test_the_unit_square_fills_the_box() -> None:
    image, pen = _pen((20, 40, 100, 80))
    pen.rectangle(0, 0, 1, 1, pen.main, contour=False)
    assert _extent(image) == (20, 40, 100, 80)


def test_mirroring_swaps_left_and_right() -> None:
    image, pen = _pen((20, 40, 100, 80), mirrored=True)
    pen.rectangle(0, 0, 0.25, 1, pen.main, contour=False)
    assert _extent(image) == (80, 40, 100, 80)


def test_a_tilted_thing_keeps_its_foot_in_place() -> None:
    image, pen = _pen((20, 20, 100, 100), tilt=0.1)
    pen.line([(0.5, 1.0), (0.5, 0.0)], width=0.02)
    left, top, right, bottom = _extent(image)
    assert abs(bottom - 100) <= 1
    assert abs(left - 60) <= 1
    assert right > 65
    assert top < 24


def test_a_circle_is_round_in_a_wide_box() -> None:
    image, pen = _pen((10, 40, 110, 80))
    pen.circle(0.5, 0.5, 0.15, pen.main, contour=False)
    left, top, right, bottom = _extent(image)
    assert abs((right - left) - (bottom - top)) <= 2


def test_a_blob_passes_through_its_points() -> None:
    image, pen = _pen((10, 10, 110, 110))
    pen.blob([(0.5, 0.2), (0.8, 0.5), (0.5, 0.8), (0.2, 0.5)], pen.main, contour=False)
    left, top, right, bottom = _extent(image)
    assert (left, top, right, bottom) == (30, 30, 90, 90)


def test_a_stroke_has_a_contour_on_both_sides() -> None:
    image, pen = _pen((10, 10, 110, 110))
    pen.stroke([(0.5, 0.1), (0.5, 0.9)], pen.main, width=0.1)
    row = np.asarray(image)[60]
    assert tuple(row[60]) == PALETTE.main
    inked = np.flatnonzero((row == PALETTE.outline).all(-1))
    assert inked.min() < 56
    assert inked.max() > 63
