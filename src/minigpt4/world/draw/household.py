"""How things of the household draw themselves. Paper: none; part of the drawn world.

Tables, chairs and books carry small things, lamps and umbrellas shelter them: the table's
underside stays open, lamp and umbrella stand on a thin pole.
"""

from __future__ import annotations

import math

from minigpt4.world.draw.pen import Pen


def draw_chair(pen: Pen) -> None:
    """Draw a chair from the side: a high back, a seat, two pairs of legs."""
    lean = pen.vary(0.03)
    pen.polygon([(0.3, 0.58), (0.4, 0.58), (0.4, 0.98), (0.3, 0.98)], pen.dark)
    pen.polygon([(0.7, 0.58), (0.8, 0.58), (0.8, 0.94), (0.7, 0.94)], pen.dark)
    pen.polygon(
        [
            (0.02 + lean, 0.0), (0.2 + lean, 0.0), (0.24, 0.6), (0.22, 1.0), (0.06, 1.0),
        ],
        pen.main,
    )  # fmt: skip
    pen.polygon([(0.82, 0.56), (0.97, 0.56), (0.97, 1.0), (0.84, 1.0)], pen.main)
    pen.blob(
        [
            (0.2, 0.44), (0.5, 0.42), (0.9, 0.43), (0.96, 0.5), (0.9, 0.54), (0.2, 0.54),
        ],
        pen.light,
    )  # fmt: skip
    pen.rectangle(0.08, 0.52, 0.99, 0.64, pen.main)
    pen.line([(0.12 + lean, 0.08), (0.14, 0.4)], pen.light, width=0.06)


def draw_table(pen: Pen) -> None:
    """Draw a table: a broad top on four legs, open underneath."""
    splay = pen.vary(0.015)
    for x in (0.24, 0.66):
        pen.rectangle(x, 0.4, x + 0.1, 0.84, pen.dark)
    for x, foot in ((0.04, -splay), (0.83, splay)):
        pen.polygon(
            [
                (x, 0.44), (x + 0.13, 0.44), (x + 0.12 + foot, 1.0), (x + 0.01 + foot, 1.0),
            ],
            pen.main,
        )  # fmt: skip
    pen.polygon([(0.0, 0.3), (0.12, 0.1), (0.88, 0.1), (1.0, 0.3)], pen.light)
    pen.rectangle(0.0, 0.3, 1.0, 0.48, pen.main)


def draw_lamp(pen: Pen) -> None:
    """Draw a standing lamp: a wide shade on a thin pole with a round foot."""
    flare = pen.vary(0.03)
    pen.rectangle(0.46, 0.4, 0.54, 0.94, pen.wood)
    pen.line([(0.7, 0.4), (0.7, 0.56)], width=0.035)
    pen.circle(0.7, 0.57, 0.04, pen.gold)
    pen.ellipse(0.22, 0.88, 0.78, 1.0, pen.main)
    pen.polygon([(0.26 + flare, 0.01), (0.74 - flare, 0.01), (0.99, 0.42), (0.01, 0.42)], pen.main)
    pen.polygon([(0.33, 0.04), (0.44, 0.04), (0.32, 0.38), (0.14, 0.38)], pen.light, contour=False)
    pen.rectangle(0.04, 0.37, 0.96, 0.43, pen.dark)


def draw_umbrella(pen: Pen) -> None:
    """Draw an open umbrella: a scalloped canopy, a thin pole and a hooked handle."""
    dome = pen.vary(0.02)
    pen.line([(0.5, 0.02), (0.5, 0.14)], width=0.06)
    pen.stroke([(0.5, 0.4), (0.5, 0.88)], pen.wood, width=0.045)
    pen.arc((0.5, 0.8, 0.68, 0.98), (0, 180), width=0.08)
    top = [
        (0.5 - 0.5 * math.cos(a), 0.54 - (0.48 + dome) * math.sin(a))
        for a in (math.pi * i / 16 for i in range(17))
    ]
    edge = [
        (0.94, 0.49), (0.82, 0.46), (0.7, 0.49), (0.66, 0.54), (0.62, 0.49), (0.5, 0.46),
        (0.38, 0.49), (0.34, 0.54), (0.3, 0.49), (0.18, 0.46), (0.06, 0.49),
    ]  # fmt: skip
    pen.polygon([*top, *edge], pen.main)
    rib = [(0.34, 0.53), (0.37, 0.3), (0.5, 0.06 - dome), (0.63, 0.3), (0.66, 0.53)]
    pen.polygon([*rib, *edge[3:8]], pen.light)


def draw_bottle(pen: Pen) -> None:
    """Draw a bottle: shoulders, a narrow neck, a cork and a label."""
    fill = pen.vary(0.03)
    pen.rectangle(0.39, 0.0, 0.61, 0.12, pen.wood)
    pen.polygon(
        [
            (0.36, 0.1), (0.64, 0.1), (0.64, 0.3), (0.78, 0.4), (0.86, 0.5), (0.86, 0.96),
            (0.8, 1.0), (0.2, 1.0), (0.14, 0.96), (0.14, 0.5), (0.22, 0.4), (0.36, 0.3),
        ],
        pen.main,
    )  # fmt: skip
    pen.rectangle(0.33, 0.1, 0.67, 0.16, pen.dark)
    pen.rectangle(0.14, 0.6 + fill, 0.86, 0.82 + fill, pen.accent)
    pen.line([(0.28, 0.71 + fill), (0.72, 0.71 + fill)], width=0.05)
    pen.line([(0.26, 0.48), (0.26, 0.56)], pen.light, width=0.08)


def draw_cup(pen: Pen) -> None:
    """Draw a steaming mug with a big handle."""
    for x in (0.28, 0.48):
        x += pen.vary(0.03)
        pen.line(
            [
                (x, 0.24), (x + 0.05, 0.16), (x - 0.01, 0.09), (x + 0.04, 0.01),
            ],
            pen.outline, width=0.04,
        )  # fmt: skip
    handle = [(0.68, 0.44), (0.86, 0.42), (0.93, 0.56), (0.88, 0.72), (0.66, 0.8)]
    pen.stroke(handle, pen.main, width=0.11)
    pen.polygon(
        [
            (0.03, 0.34), (0.75, 0.34), (0.71, 0.9), (0.62, 1.0), (0.16, 1.0), (0.07, 0.9),
        ],
        pen.main,
    )  # fmt: skip
    pen.ellipse(0.03, 0.26, 0.75, 0.42, pen.dark)
    pen.ellipse(0.1, 0.3, 0.68, 0.41, pen.wood, contour=False)
    pen.line([(0.16, 0.52), (0.19, 0.82)], pen.light, width=0.09)


def draw_clock(pen: Pen) -> None:
    """Draw an alarm clock: a dial in a thick case, two bells, two feet."""
    for side in (-1, 1):
        pen.stroke([(0.5 + side * 0.26, 0.8), (0.5 + side * 0.36, 0.97)], pen.main, width=0.1)
        pen.blob(
            [
                (0.5 + side * 0.12, 0.16), (0.5 + side * 0.2, 0.01), (0.5 + side * 0.38, 0.04),
                (0.5 + side * 0.46, 0.2), (0.5 + side * 0.36, 0.3),
            ],
            pen.main,
        )  # fmt: skip
    pen.line([(0.5, 0.16), (0.5, 0.04)], width=0.07)
    pen.circle(0.5, 0.54, 0.43, pen.main)
    pen.circle(0.5, 0.54, 0.27, pen.accent)
    hour, minute = pen.rng.uniform(0, 2 * math.pi), pen.rng.uniform(0, 2 * math.pi)
    for angle, length in ((hour, 0.14), (minute, 0.21)):
        tip = (0.5 + length * math.sin(angle), 0.54 - length * math.cos(angle) * pen.aspect)
        pen.line([(0.5, 0.54), tip], pen.ink, width=0.055)


def draw_book(pen: Pen) -> None:
    """Draw a closed book standing upright: cover, spine, pages and a ribbon."""
    sign = pen.vary(0.03)
    pen.polygon(
        [
            (0.1, 0.88), (0.86, 0.88), (0.98, 0.06), (0.98, 0.9), (0.86, 1.0), (0.1, 1.0),
        ],
        pen.dark,
    )  # fmt: skip
    pen.polygon([(0.12, 0.86), (0.94, 0.84), (0.94, 0.92), (0.16, 0.95)], pen.accent)
    pen.rectangle(0.08, 0.02, 0.96, 0.84, pen.main)
    pen.blob(
        [
            (0.02, 0.08), (0.1, 0.02), (0.22, 0.02), (0.22, 0.84), (0.14, 0.9), (0.1, 0.98),
            (0.02, 0.92),
        ],
        pen.dark,
    )  # fmt: skip
    pen.rectangle(0.36, 0.2 + sign, 0.82, 0.42 + sign, pen.accent)
    pen.line([(0.44, 0.31 + sign), (0.74, 0.31 + sign)], width=0.05)
    pen.polygon([(0.74, 0.84), (0.84, 0.84), (0.84, 1.0), (0.79, 0.95), (0.74, 1.0)], pen.gold)
