"""How buildings draw themselves, from the front. Paper: none; part of the drawn world."""

from __future__ import annotations

import math

from minigpt4.world.draw.pen import Pen


def draw_house(pen: Pen) -> None:
    """Draw a house: a broad roof with a chimney, a door and two windows."""
    ridge = 0.12 + pen.vary(0.02)
    pen.rectangle(0.74, 0.0, 0.88, 0.4, pen.wood)
    pen.rectangle(0.08, 0.42, 0.92, 1.0, pen.main)
    pen.polygon([(0.0, 0.48), (0.24, ridge), (0.76, ridge), (1.0, 0.48)], pen.dark)
    pen.rectangle(0.41, 0.66, 0.59, 1.0, pen.wood)
    for x in (0.16, 0.68):
        pen.rectangle(x, 0.6, x + 0.16, 0.78, pen.accent)
        pen.line([(x + 0.08, 0.6), (x + 0.08, 0.78)], width=0.025)


def draw_tower(pen: Pen) -> None:
    """Draw a lone tower: a slim shaft under a wide battlement."""
    wide = pen.vary(0.03)
    pen.polygon([(0.18 - wide, 1.0), (0.26, 0.26), (0.74, 0.26), (0.82 + wide, 1.0)], pen.main)
    pen.polygon(
        [
            (0.1, 0.3), (0.1, 0.08), (0.1, 0.0), (0.28, 0.0), (0.28, 0.08), (0.41, 0.08),
            (0.41, 0.0), (0.59, 0.0), (0.59, 0.08), (0.72, 0.08), (0.72, 0.0), (0.9, 0.0),
            (0.9, 0.3), (0.76, 0.36), (0.24, 0.36),
        ],
        pen.light,
    )  # fmt: skip
    for x, y in ((0.5, 0.48), (0.5, 0.66)):
        pen.rectangle(x - 0.07, y - 0.055, x + 0.07, y + 0.055, pen.accent)
    _arch(pen, 0.38, 0.8, 0.62)
    for x, y in ((0.3, 0.55), (0.62, 0.74), (0.66, 0.56), (0.24, 0.88), (0.28, 0.72)):
        pen.rectangle(x, y, x + 0.12, y + 0.03, pen.dark, contour=False)


def draw_church(pen: Pen) -> None:
    """Draw a church: a nave beside a steeple with a spire and a cross."""
    spire = pen.vary(0.02)
    pen.rectangle(0.4, 0.6, 0.98, 1.0, pen.main)
    pen.polygon([(0.36, 0.64), (0.46, 0.4), (0.86, 0.4), (1.0, 0.64)], pen.dark)
    pen.rectangle(0.08, 0.44, 0.46, 1.0, pen.main)
    pen.polygon([(0.03, 0.48), (0.27, 0.14 + spire), (0.51, 0.48)], pen.dark)
    pen.line([(0.27, 0.18), (0.27, 0.0)], width=0.055)
    pen.line([(0.18, 0.06), (0.36, 0.06)], width=0.055)
    pen.circle(0.27, 0.6, 0.075, pen.accent)
    _arch(pen, 0.18, 0.78, 0.36)
    for x in (0.54, 0.68, 0.82):
        pen.rectangle(x, 0.7, x + 0.08, 0.9, pen.accent)


def draw_tent(pen: Pen) -> None:
    """Draw a ridge tent with an open flap and crossed poles."""
    lean = pen.vary(0.03)
    peak = 0.5 + lean
    pen.line([(peak - 0.06, 0.0), (peak + 0.03, 0.14)], pen.wood, width=0.05)
    pen.line([(peak + 0.06, 0.0), (peak - 0.03, 0.14)], pen.wood, width=0.05)
    pen.polygon([(0.0, 1.0), (peak, 0.07), (1.0, 1.0)], pen.main)
    pen.polygon([(0.0, 1.0), (peak, 0.07), (0.24, 1.0)], pen.dark)
    pen.polygon([(peak + 0.02, 0.4), (0.7, 1.0), (0.46, 1.0)], pen.ink)
    pen.polygon([(peak + 0.02, 0.4), (0.46, 1.0), (0.32, 1.0), (0.4, 0.72)], pen.light)


def draw_castle(pen: Pen) -> None:
    """Draw a castle: two pointed towers and a wall with a gate."""
    wave = pen.vary(0.04)
    wall = [(0.24, 1.0), (0.24, 0.44)]
    for x in (0.31, 0.45, 0.59):
        wall += [(x, 0.44), (x, 0.53), (x + 0.07, 0.53), (x + 0.07, 0.44)]
    pen.polygon([*wall, (0.76, 0.44), (0.76, 1.0)], pen.main)
    for x in (0.15, 0.85):
        pen.line([(x, 0.16), (x, 0.0)], width=0.035)
        pen.polygon([(x, 0.0), (x + 0.13, 0.04 + wave / 2), (x, 0.09)], pen.gold)
        pen.rectangle(x - 0.13, 0.36, x + 0.13, 1.0, pen.main)
        pen.polygon([(x - 0.17, 0.4), (x, 0.1), (x + 0.17, 0.4)], pen.dark)
        pen.rectangle(x - 0.04, 0.5, x + 0.04, 0.66, pen.accent)
    _arch(pen, 0.37, 0.68, 0.63)


def draw_windmill(pen: Pen) -> None:
    """Draw a windmill: a tapering tower behind four broad sails."""
    pen.polygon([(0.24, 1.0), (0.36, 0.36), (0.64, 0.36), (0.76, 1.0)], pen.main)
    pen.blob([(0.34, 0.4), (0.36, 0.26), (0.5, 0.18), (0.64, 0.26), (0.66, 0.4)], pen.dark)
    _arch(pen, 0.42, 0.82, 0.58)
    turn = math.pi / 4 + pen.vary(0.25)
    for i in range(4):
        angle = turn + i * math.pi / 2
        along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))

        def at(length: float, side: float, along=along, across=across) -> tuple[float, float]:
            dx, dy = (length * a + side * b for a, b in zip(along, across, strict=True))
            return 0.5 + dx, 0.38 + dy * pen.aspect

        pen.polygon([at(0.12, 0.0), at(0.54, 0.0), at(0.54, 0.2), at(0.16, 0.2)], pen.light)
        pen.line([at(0.34, 0.02), at(0.34, 0.18)], pen.dark, width=0.04)
        pen.line([at(0.0, 0.0), at(0.54, 0.0)], width=0.05)
    pen.circle(0.5, 0.38, 0.06, pen.gold)


def _arch(pen: Pen, left: float, top: float, right: float) -> None:
    """Draw a dark gate with a round top, standing on the ground."""
    middle, half = (left + right) / 2, (right - left) / 2
    shoulder = top + half * pen.aspect
    curve = [
        (middle - half * math.cos(a), shoulder - half * pen.aspect * math.sin(a))
        for a in (math.pi * i / 8 for i in range(9))
    ]
    pen.polygon([(left, 1.0), *curve, (right, 1.0)], pen.wood)
