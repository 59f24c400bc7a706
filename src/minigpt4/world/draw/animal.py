"""How animals draw themselves, each in its own pose so that outlines stay apart.

The dog stands with a raised tail, the cat sits and looks at us, the rabbit crouches under its
ears; horse and elephant differ in legs, neck and trunk. Paper: the drawn world replaces §3.1's
photographs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from minigpt4.world.draw.pen import Pen


def draw_dog(pen: Pen) -> None:
    """Draw a standing dog with a hanging ear and a raised tail."""
    nod = pen.vary(0.03)
    pen.stroke([(0.17, 0.5), (0.08, 0.36), (0.1 + pen.vary(0.04), 0.16)], pen.main, width=0.09)
    _trunk_on_legs(pen, (0.1, 0.4, 0.76, 0.76), near=(0.2, 0.62), far=(0.34, 0.74), width=0.13)
    pen.polygon([(0.52, 0.3), (0.8, 0.3), (0.74, 0.6), (0.5, 0.52)], pen.main, contour=False)
    pen.ellipse(0.52, 0.06 + nod, 0.88, 0.48 + nod, pen.main)
    pen.ellipse(0.72, 0.22 + nod, 1.0, 0.48 + nod, pen.light)
    pen.circle(0.95, 0.28 + nod, 0.05, pen.outline, contour=False)
    pen.circle(0.75, 0.2 + nod, 0.035, pen.outline, contour=False)
    ear = [(0.5, 0.14), (0.6, 0.07), (0.67, 0.16), (0.66, 0.4), (0.56, 0.5), (0.48, 0.4)]
    pen.blob([(x, y + nod) for x, y in ear], pen.dark)


def draw_cat(pen: Pen) -> None:
    """Draw a sitting cat that looks at us: pointed ears, whiskers, a curled tail."""
    curl = pen.vary(0.05)
    tail = [(0.66, 0.92), (0.9, 0.9), (0.94, 0.74), (0.86 + curl, 0.58)]
    pen.stroke(tail, pen.main, width=0.12)
    pen.blob(
        [
            (0.5, 0.4), (0.7, 0.54), (0.8, 0.82), (0.72, 1.0), (0.28, 1.0), (0.2, 0.82),
            (0.3, 0.54),
        ],
        pen.main,
    )  # fmt: skip
    pen.ellipse(0.38, 0.56, 0.62, 0.84, pen.light, contour=False)
    for x in (0.36, 0.5, 0.64):
        pen.line([(x, 0.8), (x, 0.98)], width=0.03)
    for side in (-1, 1):
        pen.polygon(
            [
                (0.5 + side * 0.36, 0.34), (0.5 + side * 0.36, 0.0), (0.5 + side * 0.04, 0.14),
            ],
            pen.main,
        )  # fmt: skip
        pen.polygon(
            [
                (0.5 + side * 0.3, 0.2), (0.5 + side * 0.3, 0.07), (0.5 + side * 0.18, 0.12),
            ],
            pen.dark, contour=False,
        )  # fmt: skip
    pen.ellipse(0.12, 0.1, 0.88, 0.56, pen.main)
    for side in (-1, 1):
        eye = 0.5 + side * 0.18
        pen.ellipse(eye - 0.06, 0.24, eye + 0.06, 0.36, pen.outline, contour=False)
        for drop in (-0.03, 0.05):
            pen.line([(0.5 + side * 0.2, 0.42), (0.5 + side * 0.5, 0.42 + drop)], width=0.03)
    pen.polygon([(0.43, 0.39), (0.57, 0.39), (0.5, 0.45)], pen.outline, contour=False)


def draw_horse(pen: Pen) -> None:
    """Draw a horse: long legs, a rising neck with a mane, a hanging tail."""
    nod, step = pen.vary(0.03), pen.vary(0.03)
    pen.blob([(0.16, 0.4), (0.04, 0.5), (0.0, 0.82), (0.1, 0.8), (0.15, 0.56)], pen.dark)
    _trunk_on_legs(
        pen, (0.1, 0.36, 0.72, 0.66), near=(0.18 + step, 0.6 - step), far=(0.29, 0.68), width=0.095
    )
    pen.polygon([(0.48, 0.44), (0.72, 0.56), (0.86, 0.24 + nod), (0.66, 0.06 + nod)], pen.main)
    pen.ellipse(0.4, 0.4, 0.7, 0.64, pen.main, contour=False)
    pen.polygon([(0.68, 0.1 + nod), (0.7, 0.0), (0.79, 0.09 + nod)], pen.main)
    head = [(0.66, 0.08), (0.78, 0.05), (0.98, 0.27), (0.98, 0.37), (0.88, 0.39), (0.72, 0.26)]
    pen.blob([(x, y + nod) for x, y in head], pen.main)
    mane = [(0.72, 0.03 + nod), (0.6, 0.07 + nod), (0.42, 0.38), (0.52, 0.44), (0.68, 0.16 + nod)]
    pen.blob(mane, pen.dark)
    pen.circle(0.78, 0.17 + nod, 0.03, pen.outline, contour=False)
    pen.circle(0.93, 0.32 + nod, 0.02, pen.outline, contour=False)


def draw_bird(pen: Pen) -> None:
    """Draw a round bird on two thin legs, with a beak and a wedge tail."""
    lift = pen.vary(0.04)
    for x in (0.44, 0.58):
        pen.line([(x, 0.75), (x, 0.97), (x + 0.12, 0.97)], width=0.05)
    pen.polygon([(0.34, 0.48), (0.0, 0.3 + lift), (0.04, 0.52 + lift), (0.3, 0.72)], pen.dark)
    pen.polygon([(0.85, 0.18), (1.0, 0.27), (0.84, 0.36)], pen.gold)
    pen.blob(
        [
            (0.46, 0.1), (0.66, 0.02), (0.86, 0.1), (0.9, 0.3), (0.84, 0.6), (0.66, 0.82),
            (0.4, 0.84), (0.18, 0.68), (0.2, 0.5), (0.4, 0.36),
        ],
        pen.main,
    )  # fmt: skip
    pen.ellipse(0.54, 0.46, 0.8, 0.76, pen.light, contour=False)
    wing = [(0.26, 0.46 + lift), (0.52, 0.44), (0.6, 0.56), (0.46, 0.7), (0.14, 0.74 + lift)]
    pen.blob(wing, pen.dark)
    pen.circle(0.72, 0.2, 0.045, pen.outline, contour=False)


def draw_fish(pen: Pen) -> None:
    """Draw a fish from the side: a forked tail, two fins, scales."""
    sway = pen.vary(0.04)
    pen.polygon([(0.3, 0.5), (0.0, 0.12 + sway), (0.08, 0.5), (0.0, 0.88 + sway)], pen.dark)
    pen.blob([(0.42, 0.24), (0.5, 0.02), (0.72, 0.06), (0.8, 0.26)], pen.dark)
    pen.polygon([(0.46, 0.8), (0.4, 1.0), (0.62, 0.84)], pen.dark)
    pen.blob(
        [
            (0.2, 0.5), (0.4, 0.2), (0.66, 0.12), (0.88, 0.26), (1.0, 0.5), (0.88, 0.74),
            (0.66, 0.88), (0.4, 0.8),
        ],
        pen.main,
    )  # fmt: skip
    pen.arc((0.58, 0.2, 0.8, 0.8), (-70, 70), width=0.03)
    for x, y in ((0.4, 0.4), (0.4, 0.62), (0.54, 0.51)):
        pen.arc((x - 0.06, y - 0.09, x + 0.06, y + 0.09), (-80, 80), pen.dark, width=0.035)
    pen.circle(0.86, 0.42, 0.05, pen.accent)
    pen.circle(0.87, 0.42, 0.025, pen.outline, contour=False)


def draw_rabbit(pen: Pen) -> None:
    """Draw a crouching rabbit with two long ears and a ball of a tail."""
    lean = pen.vary(0.05)
    pen.circle(0.11, 0.8, 0.11, pen.accent)
    for x, fill in ((0.78, pen.dark), (0.58, pen.main)):
        ear = [
            (x - 0.07, 0.44), (x - 0.1 + lean, 0.2), (x - 0.02 + lean, 0.0),
            (x + 0.08 + lean, 0.18), (x + 0.07, 0.44),
        ]  # fmt: skip
        pen.blob(ear, fill)
    pen.line([(0.58, 0.36), (0.57 + lean, 0.14)], pen.light, width=0.06)
    pen.ellipse(0.5, 0.86, 0.92, 1.0, pen.main)
    pen.blob(
        [
            (0.12, 0.74), (0.3, 0.52), (0.6, 0.52), (0.78, 0.74), (0.74, 0.94), (0.5, 1.0),
            (0.2, 0.98),
        ],
        pen.main,
    )  # fmt: skip
    pen.ellipse(0.46, 0.34, 0.98, 0.7, pen.main)
    pen.arc((0.16, 0.62, 0.52, 1.06), (190, 350), width=0.04)
    pen.circle(0.74, 0.47, 0.045, pen.outline, contour=False)
    pen.circle(0.95, 0.52, 0.035, pen.outline, contour=False)


def draw_elephant(pen: Pen) -> None:
    """Draw an elephant: pillars of legs, a sail of an ear, trunk and tusk."""
    swing = pen.vary(0.03)
    pen.line([(0.08, 0.4), (0.01, 0.56), (0.02, 0.68)], width=0.04)
    _trunk_on_legs(pen, (0.04, 0.1, 0.74, 0.8), near=(0.16, 0.58), far=(0.32, 0.7), width=0.17)
    trunk = [(0.84, 0.36), (0.92, 0.56), (0.91 + swing, 0.76), (0.95 + swing, 0.9)]
    pen.stroke(trunk, pen.main, width=0.11)
    pen.ellipse(0.56, 0.06, 0.94, 0.6, pen.main)
    pen.line([(0.84, 0.36), (0.91, 0.54)], pen.main, width=0.1)
    pen.blob([(0.76, 0.54), (0.82, 0.54), (0.84, 0.78), (0.76, 0.68)], pen.accent)
    pen.blob(
        [
            (0.44, 0.14), (0.6, 0.08), (0.68, 0.24), (0.66, 0.5), (0.54, 0.66), (0.42, 0.5),
            (0.38, 0.3),
        ],
        pen.dark,
    )  # fmt: skip
    pen.circle(0.79, 0.27, 0.03, pen.outline, contour=False)


def draw_snail(pen: Pen) -> None:
    """Draw a snail: a big coiled shell on a low body with two feelers."""
    reach = pen.vary(0.03)
    for x, tip in ((0.84, 0.78), (0.9, 0.97)):
        pen.stroke([(x, 0.54), (tip + reach, 0.26)], pen.light, width=0.045)
        pen.circle(tip + reach, 0.24, 0.04, pen.outline, contour=False)
    pen.blob(
        [
            (0.0, 0.99), (0.12, 0.84), (0.5, 0.8), (0.74, 0.72), (0.78, 0.5), (0.9, 0.44),
            (1.0, 0.56), (0.97, 0.86), (0.86, 1.0),
        ],
        pen.light,
    )  # fmt: skip
    pen.ellipse(0.1, 0.04, 0.76, 0.92, pen.main)
    coil = [
        (0.43 + 0.025 * a * math.cos(a), 0.5 + 0.033 * a * math.sin(a))
        for a in (0.5 * i for i in range(1, 21))
    ]
    pen.line(coil, width=0.045)
    pen.circle(0.9, 0.56, 0.025, pen.outline, contour=False)


def _trunk_on_legs(
    pen: Pen,
    trunk: tuple[float, float, float, float],
    *,
    near: Sequence[float],
    far: Sequence[float],
    width: float,
) -> None:
    """Draw the trunk of an animal on four legs; `near` and `far` are the legs' middles."""
    middle, half = (trunk[1] + trunk[3]) / 2, width / 2
    for x in far:
        x += pen.vary(0.02)
        pen.rectangle(x - half, middle, x + half, 0.97, pen.dark)
    for x in near:
        pen.rectangle(x - half, middle, x + half, 1.0, pen.main)
    pen.ellipse(*trunk, pen.main)
    inner = half * 0.72
    for x in near:  # the leg grows out of the trunk: no contour between them
        pen.rectangle(x - inner, middle, x + inner, 0.92, pen.main, contour=False)
