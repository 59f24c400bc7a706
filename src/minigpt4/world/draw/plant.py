"""How plants draw themselves; crown, petals, cap or ribs carry the colour.

Paper: none; part of the drawn world.
"""

from __future__ import annotations

import math

from minigpt4.world.draw.pen import Pen


def draw_tree(pen: Pen) -> None:
    """Draw a tree: a tall trunk under a crown of round lobes."""
    pen.polygon(
        [
            (0.4, 0.98), (0.44, 0.5), (0.56, 0.5), (0.6, 0.98), (0.7, 1.0), (0.3, 1.0),
        ],
        pen.wood,
    )  # fmt: skip
    lobes = [
        (0.24, 0.42, 0.23), (0.76, 0.42, 0.23), (0.34, 0.22, 0.24), (0.66, 0.22, 0.24),
        (0.5, 0.4, 0.26),
    ]  # fmt: skip
    lobes = [(x + pen.vary(0.02), y + pen.vary(0.015), radius) for x, y, radius in lobes]
    for x, y, radius in lobes:
        pen.circle(x, y, radius, pen.main)
    for x, y, radius in lobes:
        pen.circle(x, y, radius - 0.025, pen.main, contour=False)
    for x, y in ((0.28, 0.46), (0.7, 0.46), (0.56, 0.3)):
        pen.arc((x - 0.1, y - 0.08, x + 0.1, y + 0.08), (20, 160), pen.dark, width=0.05)
    pen.circle(0.36, 0.16, 0.08, pen.light, contour=False)


def draw_palm(pen: Pen) -> None:
    """Draw a palm: a bent trunk and a star of hanging fronds."""
    bend = pen.vary(0.04)
    trunk = [
        (0.38, 1.0), (0.42 + bend, 0.7), (0.47, 0.34), (0.57, 0.34), (0.56 + bend, 0.7),
        (0.54, 1.0),
    ]  # fmt: skip
    pen.polygon(trunk, pen.wood)
    for y in (0.54, 0.68, 0.82):
        pen.line([(0.44 + bend / 2, y), (0.55 + bend / 2, y)], width=0.03)
    for side in (-1, 1):
        fronds = (
            [(0.0, 0.22), (0.18, 0.28), (0.34, 0.42), (0.4, 0.7), (0.22, 0.56), (0.06, 0.42)],
            [(0.0, 0.2), (0.24, 0.14), (0.42, 0.22), (0.5, 0.44), (0.32, 0.4), (0.1, 0.36)],
            [(0.0, 0.3), (0.04, 0.08), (0.2, 0.0), (0.42, 0.06), (0.28, 0.16), (0.14, 0.28)],
        )
        for frond, fill in zip(fronds, (pen.dark, pen.main, pen.main), strict=True):
            droop = pen.vary(0.03)
            pen.blob([(0.5 + side * x, y + droop * x * 2) for x, y in frond], fill)
    pen.circle(0.45, 0.37, 0.06, pen.wood)
    pen.circle(0.57, 0.36, 0.06, pen.wood)


def draw_flower(pen: Pen) -> None:
    """Draw one big blossom on a stem with two leaves."""
    pen.stroke([(0.5, 0.5), (0.5 + pen.vary(0.03), 0.97)], pen.leaf, width=0.07)
    for side in (-1, 1):
        pen.blob(
            [
                (0.5, 0.94), (0.5 + side * 0.18, 0.74), (0.5 + side * 0.44, 0.72),
                (0.5 + side * 0.3, 0.9),
            ],
            pen.leaf,
        )  # fmt: skip
    petals, turn = pen.rng.choice((6, 7)), pen.vary(0.4)
    middle = 0.335
    for i in range(petals):
        angle = turn + 2 * math.pi * i / petals
        x, y = 0.5 + 0.3 * math.cos(angle), middle + 0.3 * pen.aspect * math.sin(angle)
        pen.circle(x, y, 0.185, pen.main)
    pen.circle(0.5, middle, 0.28, pen.main, contour=False)
    pen.circle(0.5, middle, 0.17, pen.gold if pen.main[2] > 70 or pen.main[1] < 150 else pen.wood)


def draw_cactus(pen: Pen) -> None:
    """Draw a cactus with two raised arms, ribs and a blossom."""
    low, high = 0.62 + pen.vary(0.04), 0.52 + pen.vary(0.04)
    pen.stroke([(0.5, low), (0.16, low), (0.16, low - 0.26)], pen.main, width=0.2)
    pen.stroke([(0.5, high), (0.84, high), (0.84, high - 0.26)], pen.main, width=0.2)
    pen.blob(
        [
            (0.32, 1.0), (0.31, 0.5), (0.34, 0.16), (0.5, 0.04), (0.66, 0.16), (0.69, 0.5),
            (0.68, 1.0),
        ],
        pen.main,
    )  # fmt: skip
    pen.line([(0.5, low), (0.18, low)], pen.main, width=0.19)
    pen.line([(0.5, high), (0.82, high)], pen.main, width=0.19)
    for x in (0.42, 0.58):
        pen.line([(x, 0.2), (x, 0.96)], pen.dark, width=0.045)
    for x, y in (
        (0.5, 0.2), (0.5, 0.44), (0.5, 0.68), (0.5, 0.9), (0.16, low - 0.14), (0.84, high - 0.14),
    ):  # fmt: skip
        pen.circle(x, y, 0.03, pen.accent, contour=False)
    pen.blob([(0.5, 0.1), (0.38, 0.04), (0.44, 0.0), (0.56, 0.0), (0.62, 0.04)], pen.gold)


def draw_mushroom(pen: Pen) -> None:
    """Draw a toadstool: a wide dotted cap on a stout stem."""
    squat = pen.vary(0.03)
    pen.blob(
        [
            (0.38, 0.5), (0.62, 0.5), (0.64, 0.76), (0.72, 0.96), (0.5, 1.0), (0.28, 0.96),
            (0.36, 0.76),
        ],
        pen.accent,
    )  # fmt: skip
    pen.blob(
        [
            (0.01, 0.56), (0.1, 0.26), (0.3, 0.06 + squat), (0.5, 0.01 + squat),
            (0.7, 0.06 + squat), (0.9, 0.26), (0.99, 0.56), (0.84, 0.66), (0.5, 0.68),
            (0.16, 0.66),
        ],
        pen.main,
    )  # fmt: skip
    pen.line([(0.12, 0.58), (0.5, 0.61), (0.88, 0.58)], pen.dark, width=0.05)
    for x, y, radius in (
        (0.26, 0.38, 0.075), (0.52, 0.2, 0.08), (0.76, 0.38, 0.075), (0.52, 0.46, 0.05),
    ):  # fmt: skip
        pen.circle(x + pen.vary(0.03), y, radius, pen.accent)


def draw_bush(pen: Pen) -> None:
    """Draw a bush: a low hedge of leaves with berries, no trunk."""
    lobes = [
        (0.12, 0.78, 0.12), (0.88, 0.78, 0.12), (0.2, 0.54, 0.14), (0.8, 0.54, 0.14),
        (0.34, 0.34, 0.15), (0.66, 0.34, 0.15), (0.5, 0.24, 0.15), (0.5, 0.6, 0.3),
    ]  # fmt: skip
    lobes = [(x, y + pen.vary(0.02), radius) for x, y, radius in lobes]
    for x, y, radius in lobes:
        pen.circle(x, y, radius, pen.main)
    pen.rectangle(0.06, 0.78, 0.94, 1.0, pen.main)
    for x, y, radius in lobes:
        pen.circle(x, y, radius - 0.022, pen.main, contour=False)
    pen.rectangle(0.1, 0.7, 0.9, 0.97, pen.main, contour=False)
    leaves = (
        (0.3, 0.5), (0.5, 0.32), (0.7, 0.5), (0.16, 0.8), (0.5, 0.62), (0.84, 0.8), (0.34, 0.84),
        (0.66, 0.84),
    )  # fmt: skip
    for i, (x, y) in enumerate(leaves):
        x, y = x + pen.vary(0.02), y + pen.vary(0.02)
        leaf = [
            (x - 0.09, y + 0.04), (x - 0.03, y - 0.08), (x + 0.09, y - 0.06),
            (x + 0.04, y + 0.07),
        ]  # fmt: skip
        pen.blob(leaf, pen.light if i % 2 else pen.dark, contour=False)
    for x, y in ((0.4, 0.42), (0.62, 0.68), (0.25, 0.68), (0.74, 0.36)):
        pen.circle(x, y, 0.03, pen.accent, contour=False)
