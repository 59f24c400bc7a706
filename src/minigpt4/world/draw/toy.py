"""How toys draw themselves. Paper: none; part of the drawn world."""

from __future__ import annotations

import math

from minigpt4.world.draw.pen import Pen


def draw_ball(pen: Pen) -> None:
    """Draw a bouncing ball: panels that meet in a button."""
    turn = pen.rng.uniform(-0.5, 0.5)
    pen.circle(0.5, 0.5, 0.49, pen.main)
    for i in range(3):
        start = turn + i * 2 * math.pi / 3
        sweep = [start + 0.08 * k for k in range(10)]
        rim = [(0.49 * math.cos(angle), 0.49 * math.sin(angle)) for angle in sweep]
        panel = [(0.42, 0.4), *((0.5 + x, 0.5 + y) for x, y in rim)]
        pen.polygon(panel, pen.accent)
    pen.circle(0.42, 0.4, 0.09, pen.light)
    pen.circle(0.5, 0.5, 0.49, None)


def draw_balloon(pen: Pen) -> None:
    """Draw a balloon on a wavy string."""
    drift = pen.vary(0.08)
    string = [(0.5 + 0.12 * math.sin(a) + drift * a / 8, 0.68 + 0.04 * a) for a in range(0, 9)]
    pen.line(string, width=0.075)
    pen.polygon([(0.5, 0.6), (0.62, 0.7), (0.38, 0.7)], pen.dark)
    pen.blob(
        [
            (0.5, 0.0), (0.84, 0.09), (0.99, 0.3), (0.84, 0.52), (0.5, 0.65), (0.16, 0.52),
            (0.01, 0.3), (0.16, 0.09),
        ],
        pen.main,
    )  # fmt: skip
    pen.blob(
        [
            (0.2, 0.26), (0.3, 0.12), (0.42, 0.11), (0.3, 0.22), (0.26, 0.34),
        ],
        pen.light, contour=False,
    )  # fmt: skip


def draw_kite(pen: Pen) -> None:
    """Draw a kite: a diamond on crossed sticks with a tail of bows."""
    sway = pen.vary(0.06)
    tail = [(0.5, 0.7), (0.66 + sway, 0.8), (0.36 + sway, 0.9), (0.56 + sway, 0.99)]
    pen.line(tail, width=0.045)
    for x, y in tail[1:3]:
        bow = [
            (x - 0.11, y - 0.05), (x + 0.11, y + 0.05), (x + 0.11, y - 0.05),
            (x - 0.11, y + 0.05),
        ]  # fmt: skip
        pen.polygon(bow, pen.main)
    top, bottom, cross = (0.5, 0.0), (0.5, 0.74), (0.5, 0.28)
    left, right = (0.02, 0.28), (0.98, 0.28)
    pen.polygon([top, right, bottom, left], pen.main)
    pen.polygon([top, right, cross], pen.light)
    pen.polygon([cross, left, bottom], pen.dark)
    pen.line([top, bottom], width=0.04)
    pen.line([left, right], width=0.04)


def draw_robot(pen: Pen) -> None:
    """Draw a toy robot: square head, antenna, chest panel, clamped hands."""
    wave = pen.vary(0.06)
    pen.line([(0.5, 0.14), (0.5, 0.04)], width=0.05)
    pen.circle(0.5, 0.05, 0.06, pen.gold)
    for side in (-1, 1):
        arm = [
            (0.5 + side * 0.3, 0.52), (0.5 + side * 0.43, 0.6),
            (0.5 + side * 0.43, 0.74 + side * wave),
        ]  # fmt: skip
        pen.stroke(arm, pen.dark, width=0.1)
        pen.rectangle(0.5 + side * 0.17 - 0.09, 0.8, 0.5 + side * 0.17 + 0.09, 1.0, pen.dark)
    pen.rectangle(0.2, 0.46, 0.8, 0.86, pen.main)
    pen.rectangle(0.18, 0.12, 0.82, 0.44, pen.main)
    for x in (0.36, 0.64):
        pen.circle(x, 0.25, 0.09, pen.accent)
        pen.circle(x, 0.25, 0.035, pen.ink, contour=False)
    pen.line([(0.34, 0.38), (0.66, 0.38)], width=0.05)
    pen.rectangle(0.32, 0.56, 0.68, 0.72, pen.light)
    for x, fill in ((0.4, pen.gold), (0.5, pen.accent), (0.6, pen.gold)):
        pen.circle(x, 0.64, 0.035, fill, contour=False)


def draw_snowman(pen: Pen) -> None:
    """Draw a snowman of two balls with a hat, twig arms and a carrot nose."""
    lift = pen.vary(0.05)
    for side in (-1, 1):
        pen.line(
            [
                (0.5 + side * 0.3, 0.56), (0.5 + side * 0.5, 0.4 + side * lift),
            ],
            pen.wood, width=0.055,
        )  # fmt: skip
    pen.ellipse(0.1, 0.46, 0.9, 1.0, pen.main)
    pen.ellipse(0.22, 0.16, 0.78, 0.54, pen.main)
    pen.line([(0.26, 0.49), (0.5, 0.53), (0.74, 0.49)], pen.dark, width=0.1)
    pen.polygon([(0.58, 0.5), (0.72, 0.5), (0.7, 0.68), (0.58, 0.66)], pen.dark)
    pen.rectangle(0.32, 0.0, 0.68, 0.17, pen.ink)
    pen.rectangle(0.16, 0.16, 0.84, 0.21, pen.ink)
    for x in (0.4, 0.6):
        pen.circle(x, 0.31, 0.045, pen.outline, contour=False)
    pen.polygon([(0.48, 0.34), (0.48, 0.41), (0.8, 0.4)], pen.gold)
    for y in (0.68, 0.8):
        pen.circle(0.46, y, 0.045, pen.outline, contour=False)
