"""How vehicles draw themselves, from the side; only the plane is seen from above.

Paper: none; part of the drawn world.
"""

from __future__ import annotations

from minigpt4.world.draw.pen import Pen


def draw_car(pen: Pen) -> None:
    """Draw a car: a rounded cabin on a low body, two wheels."""
    roof = pen.vary(0.03)
    pen.blob(
        [
            (0.01, 0.72), (0.03, 0.5), (0.2, 0.42), (0.3, 0.12 + roof), (0.5, 0.07),
            (0.68, 0.12 + roof), (0.8, 0.42), (0.96, 0.52), (0.99, 0.74), (0.9, 0.84),
            (0.1, 0.84),
        ],
        pen.main,
    )  # fmt: skip
    pen.polygon([(0.28, 0.42), (0.35, 0.18), (0.47, 0.16), (0.47, 0.42)], pen.accent)
    pen.polygon([(0.54, 0.42), (0.54, 0.16), (0.65, 0.18), (0.73, 0.42)], pen.accent)
    pen.rectangle(0.04, 0.66, 0.96, 0.72, pen.dark, contour=False)
    pen.ellipse(0.9, 0.52, 0.98, 0.66, pen.gold)
    for x in (0.24, 0.76):
        _wheel(pen, x, 0.13)


def draw_bus(pen: Pen) -> None:
    """Draw a bus: one tall box with a row of windows."""
    pen.polygon(
        [
            (0.04, 0.06), (0.93, 0.06), (0.97, 0.12), (0.99, 0.5), (0.99, 0.86), (0.01, 0.86),
            (0.01, 0.12),
        ],
        pen.main,
    )  # fmt: skip
    for x in (0.06, 0.25, 0.44, 0.63):
        pen.rectangle(x, 0.17, x + 0.14, 0.42, pen.accent)
    pen.polygon([(0.82, 0.17), (0.94, 0.17), (0.96, 0.5), (0.82, 0.5)], pen.accent)
    pen.rectangle(0.02, 0.54, 0.8, 0.62, pen.light, contour=False)
    pen.rectangle(0.02, 0.76, 0.98, 0.82, pen.dark, contour=False)
    pen.rectangle(0.92, 0.64, 0.99, 0.72, pen.gold)
    for x in (0.22 + pen.vary(0.02), 0.76 + pen.vary(0.02)):
        _wheel(pen, x, 0.105)


def draw_bicycle(pen: Pen) -> None:
    """Draw a bicycle: two thick rims and a frame, saddle and handlebar."""
    turn = pen.vary(0.03)
    rear, front, pedal = (0.24, 0.68), (0.76, 0.68), (0.48, 0.68)
    seat, head = (0.4, 0.34), (0.66, 0.34)
    tall = 0.19 * pen.aspect
    for x, y in (rear, front):
        rim = (x - 0.19, y - tall, x + 0.19, y + tall)
        pen.arc(rim, (0, 365), width=0.12)
        pen.arc(rim, (0, 365), pen.main, width=0.075)
        pen.circle(x, y, 0.04, pen.outline, contour=False)
    pen.stroke([rear, pedal, head, seat, rear], pen.main, width=0.06)
    pen.stroke([seat, pedal], pen.main, width=0.06)
    pen.stroke([front, head, (0.65 + turn, 0.1)], pen.main, width=0.06)
    pen.stroke([(0.65 + turn, 0.1), (0.8 + turn, 0.08)], pen.dark, width=0.05)
    pen.line([seat, (0.38, 0.2)], width=0.05)
    pen.stroke([(0.29, 0.18), (0.46, 0.18)], pen.dark, width=0.08)


def draw_boat(pen: Pen) -> None:
    """Draw a sailing boat: a hull, a mast and two sails."""
    wind = pen.vary(0.04)
    pen.rectangle(0.46, 0.0, 0.52, 0.66, pen.wood)
    pen.blob(
        [
            (0.54, 0.04), (0.78 + wind, 0.3), (0.96, 0.58), (0.74, 0.6), (0.54, 0.58),
            (0.55, 0.3),
        ],
        pen.light,
    )  # fmt: skip
    pen.polygon([(0.44, 0.12), (0.44, 0.58), (0.08, 0.58)], pen.main)
    pen.polygon(
        [
            (0.0, 0.64), (1.0, 0.64), (0.84, 0.94), (0.76, 1.0), (0.24, 1.0), (0.14, 0.92),
        ],
        pen.main,
    )  # fmt: skip
    pen.polygon([(0.05, 0.72), (0.95, 0.72), (0.91, 0.79), (0.09, 0.79)], pen.accent, contour=False)


def draw_train(pen: Pen) -> None:
    """Draw a steam engine: cab, boiler, chimney and cow-catcher."""
    stack = pen.vary(0.02)
    pen.polygon([(0.86, 0.7), (1.0, 0.98), (0.8, 0.98)], pen.dark)
    pen.polygon([(0.7, 0.38), (0.65 + stack, 0.04), (0.87 + stack, 0.04), (0.82, 0.38)], pen.main)
    pen.rectangle(0.64 + stack, 0.0, 0.88 + stack, 0.1, pen.dark)
    pen.ellipse(0.44, 0.26, 0.58, 0.48, pen.light)
    pen.blob([(0.36, 0.36), (0.88, 0.36), (0.94, 0.54), (0.88, 0.74), (0.36, 0.74)], pen.main)
    pen.rectangle(0.06, 0.1, 0.38, 0.76, pen.main)
    pen.rectangle(0.0, 0.02, 0.44, 0.13, pen.dark)
    pen.rectangle(0.13, 0.22, 0.31, 0.44, pen.accent)
    pen.rectangle(0.04, 0.7, 0.9, 0.82, pen.dark)
    pen.line([(0.62, 0.38), (0.62, 0.7)], pen.dark, width=0.05)
    pen.circle(0.91, 0.48, 0.045, pen.gold)
    for x, radius in ((0.14, 0.1), (0.38, 0.1), (0.58, 0.075), (0.76, 0.075)):
        _wheel(pen, x, radius)


def draw_plane(pen: Pen) -> None:
    """Draw a plane from above: swept wings, a tail and a row of windows."""
    sweep = pen.vary(0.03)
    for side in (-1, 1):
        wing = [(0.4, 0.08), (0.24 + sweep, 0.5), (0.38 + sweep, 0.5), (0.7, 0.08)]
        pen.polygon([(x, 0.5 + side * y) for x, y in wing], pen.main)
        pen.ellipse(0.46, 0.5 + side * 0.3 - 0.05, 0.6, 0.5 + side * 0.3 + 0.05, pen.dark)
        tail = [(0.08, 0.04), (0.0, 0.24), (0.1, 0.24), (0.26, 0.04)]
        pen.polygon([(x, 0.5 + side * y) for x, y in tail], pen.dark)
    pen.blob(
        [
            (0.02, 0.46), (0.3, 0.39), (0.78, 0.39), (0.94, 0.43), (1.0, 0.5), (0.94, 0.57),
            (0.78, 0.61), (0.3, 0.61), (0.02, 0.54),
        ],
        pen.main,
    )  # fmt: skip
    pen.line([(0.04, 0.5), (0.26, 0.5)], width=0.035)
    pen.polygon([(0.84, 0.42), (0.92, 0.45), (0.92, 0.55), (0.84, 0.58)], pen.accent)
    for x in (0.36, 0.48, 0.6, 0.72):
        pen.circle(x, 0.5, 0.03, pen.outline, contour=False)


def _wheel(pen: Pen, x: float, radius: float) -> None:
    """Draw a wheel that stands on the ground."""
    y = 1 - radius * pen.aspect
    pen.circle(x, y, radius, pen.ink)
    pen.circle(x, y, radius * 0.45, pen.accent, contour=False)
