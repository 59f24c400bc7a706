"""How food draws itself: whole pieces, seen from the side. Paper: none; part of the drawn world."""

from __future__ import annotations

import math

from minigpt4.world.draw.pen import Pen


def draw_apple(pen: Pen) -> None:
    """Draw an apple with two shoulders, a stem and a leaf."""
    lean = pen.vary(0.04)
    pen.blob(
        [
            (0.5, 0.3), (0.7, 0.22), (0.92, 0.32), (0.98, 0.56), (0.86, 0.86), (0.66, 1.0),
            (0.5, 0.95), (0.34, 1.0), (0.14, 0.86), (0.02, 0.56), (0.08, 0.32), (0.3, 0.22),
        ],
        pen.main,
    )  # fmt: skip
    pen.blob([(0.16, 0.46), (0.26, 0.34), (0.34, 0.4), (0.22, 0.62)], pen.light, contour=False)
    pen.stroke([(0.5, 0.34), (0.5 + lean, 0.1)], pen.wood, width=0.06)
    pen.blob([(0.54, 0.2), (0.66, 0.02), (0.92, 0.02), (0.8, 0.18)], pen.leaf)


def draw_banana(pen: Pen) -> None:
    """Draw a banana lying on its back: a crescent with two dark ends."""
    bend = pen.vary(0.03)
    pen.polygon([(0.84, 0.0), (0.99, 0.02), (0.98, 0.26), (0.86, 0.24)], pen.ink)
    pen.blob(
        [
            (0.02, 0.34), (0.1, 0.68), (0.32, 0.94), (0.6, 0.98), (0.84, 0.82), (0.97, 0.5),
            (0.98, 0.18), (0.87, 0.16), (0.8, 0.36), (0.64, 0.5 + bend), (0.42, 0.5 + bend),
            (0.22, 0.4), (0.1, 0.26),
        ],
        pen.main,
    )  # fmt: skip
    pen.line(
        [
            (0.14, 0.5), (0.32, 0.7), (0.56, 0.76), (0.78, 0.64), (0.9, 0.4),
        ],
        pen.dark, width=0.06,
    )  # fmt: skip
    pen.circle(0.06, 0.31, 0.045, pen.outline, contour=False)


def draw_cake(pen: Pen) -> None:
    """Draw a cake of two tiers with icing and burning candles."""
    candles = (0.34, 0.5, 0.66) if pen.rng.random() < 0.5 else (0.4, 0.6)
    for x in candles:
        pen.rectangle(x - 0.035, 0.14, x + 0.035, 0.38, pen.accent)
        pen.blob([(x, 0.0), (x + 0.05, 0.1), (x, 0.16), (x - 0.05, 0.1)], pen.gold)
    for left, top, bottom in ((0.2, 0.34, 0.66), (0.02, 0.62, 1.0)):
        right, drop = 1 - left, (bottom - top) * 0.35
        pen.rectangle(left, top, right, bottom, pen.main)
        count = round((right - left) / 0.16)
        step = (right - left) / count
        icing = [(left, top), (right, top)]
        for i in range(2 * count, -1, -1):
            icing.append((left + i * step / 2, top + drop * (1.0 if i % 2 else 0.45)))
        pen.polygon(icing, pen.accent)
        shade = (left + 0.02, bottom - 0.07, right - 0.02, bottom - 0.03)
        pen.rectangle(*shade, pen.dark, contour=False)


def draw_pizza(pen: Pen) -> None:
    """Draw a slice of pizza, tip down, with a thick crust and round toppings."""
    turn = pen.vary(0.03)
    pen.polygon([(0.06, 0.16), (0.94, 0.16), (0.5 + turn, 1.0)], pen.main)
    crust = [(0.07, 0.17), (0.28, 0.09), (0.5, 0.07), (0.72, 0.09), (0.93, 0.17)]
    pen.stroke(crust, pen.wood, width=0.12)
    for x, y in ((0.32, 0.34), (0.66, 0.32), (0.5, 0.62)):
        x, y = x + pen.vary(0.02), y + pen.vary(0.02)
        pen.circle(x, y, 0.095, pen.dark)
    for x, y in ((0.49, 0.4), (0.62, 0.52), (0.47, 0.84)):
        pen.circle(x, y, 0.035, pen.accent, contour=False)


def draw_carrot(pen: Pen) -> None:
    """Draw a carrot lying aslant, its green tuft in the upper corner."""
    for x, y in ((0.72, 0.02), (0.88, 0.1), (0.98, 0.26)):
        end = (x + pen.vary(0.02), y + pen.vary(0.02))
        pen.stroke([(0.7, 0.3), end], pen.leaf, width=0.09)
    pen.blob(
        [
            (0.0, 0.99), (0.18, 0.66), (0.4, 0.3), (0.56, 0.19), (0.74, 0.26), (0.82, 0.44),
            (0.72, 0.6), (0.36, 0.82),
        ],
        pen.main,
    )  # fmt: skip
    for x, y, span in (
        (0.47, 0.36, 0.14), (0.62, 0.6, -0.13), (0.3, 0.55, 0.12), (0.38, 0.74, -0.1),
    ):  # fmt: skip
        pen.line([(x, y), (x + span, y + span * 0.8)], pen.dark, width=0.05)


def draw_burger(pen: Pen) -> None:
    """Draw a burger: a seeded dome, lettuce, a patty and the lower half of the bun."""
    puff = pen.vary(0.03)
    pen.blob(
        [
            (0.08, 0.76), (0.92, 0.76), (0.96, 0.88), (0.84, 1.0), (0.16, 1.0), (0.04, 0.88),
        ],
        pen.main,
    )  # fmt: skip
    pen.blob(
        [
            (0.03, 0.66), (0.97, 0.66), (0.99, 0.74), (0.9, 0.8), (0.1, 0.8), (0.01, 0.74),
        ],
        pen.wood,
    )  # fmt: skip
    frill = [(0.02 + 0.12 * i, 0.66 if i % 2 else 0.72) for i in range(9)]
    pen.polygon([(0.02, 0.58), *frill, (0.98, 0.58)], pen.leaf)
    dome = [
        (0.5 - 0.47 * math.cos(a), 0.6 - (0.55 + puff) * math.sin(a))
        for a in (math.pi * i / 16 for i in range(17))
    ]
    pen.polygon(dome, pen.main)
    pen.line([dome[4], dome[5], dome[6]], pen.light, width=0.04)
    for x, y in ((0.36, 0.32), (0.52, 0.2), (0.68, 0.34), (0.52, 0.42), (0.22, 0.46), (0.82, 0.46)):
        pen.ellipse(x - 0.04, y - 0.03, x + 0.04, y + 0.03, pen.accent, contour=False)


def draw_cheese(pen: Pen) -> None:
    """Draw a wedge of cheese with round holes."""
    peak = 0.72 + pen.vary(0.05)
    pen.polygon([(0.01, 0.54), (peak, 0.06), (0.99, 0.46)], pen.light)
    pen.polygon([(0.01, 0.54), (0.99, 0.46), (0.99, 0.99), (0.01, 0.99)], pen.main)
    for x, y, radius in (
        (0.24, 0.76, 0.09), (0.52, 0.68, 0.06), (0.76, 0.78, 0.1), (0.48, 0.9, 0.05),
    ):  # fmt: skip
        pen.circle(x + pen.vary(0.02), y, radius, pen.dark)
    pen.ellipse(0.56, 0.26, 0.74, 0.38, pen.dark)
