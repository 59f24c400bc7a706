"""The pieces of food that lie in a dish, each drawn so that no two can be confused.

A piece is drawn in the unit square by a `Pen`, as objects are. The colours are those of the food.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from PIL import ImageDraw

from minigpt4.world.draw.pen import RGB, Palette, Pen, Point

_OUTLINE: RGB = (58, 36, 24)


def draw_ingredient(
    canvas: ImageDraw.ImageDraw,
    name: str,
    center: tuple[float, float],
    radius: float,
    *,
    rng: random.Random,
) -> None:
    """Draw one piece of an ingredient around `center`; `radius` in pixels of the canvas."""
    main, dark, light = _COLORS[name]
    tilt = rng.uniform(-0.45, 0.45)
    # The pen turns a thing about its foot; moving the box keeps the piece where it was asked for.
    x, y = center[0] - math.sin(tilt) * radius, center[1] - (1 - math.cos(tilt)) * radius
    box = (x - radius, y - radius, x + radius, y + radius)
    palette = Palette(main=main, dark=dark, light=light, outline=_OUTLINE)
    pen = Pen(canvas, box, palette, rng=rng, mirrored=rng.random() < 0.5, tilt=tilt)
    pen.outline_px = 2
    _PAINTERS[name](pen)


def _draw_tomato(pen: Pen) -> None:
    pen.ellipse(0.0, 0.0, 1.0, 1.0, pen.main)
    pen.ellipse(0.09, 0.09, 0.91, 0.91, pen.light, contour=False)
    for index in range(4):
        angle = index * math.pi / 2 + 0.78
        x, y = 0.5 + 0.225 * math.cos(angle), 0.5 + 0.225 * math.sin(angle)
        pen.ellipse(x - 0.165, y - 0.165, x + 0.165, y + 0.165, pen.dark, contour=False)
        for side in (-0.5, 0.5):
            sx, sy = x + 0.07 * math.cos(angle + side * 3), y + 0.07 * math.sin(angle + side * 3)
            pen.ellipse(sx - 0.03, sy - 0.03, sx + 0.03, sy + 0.03, (250, 214, 130), contour=False)


def _draw_egg(pen: Pen) -> None:
    pen.polygon(_blob(0.5, 0.5, 0.52, 0.47, bumps=3, depth=0.06), pen.main)
    pen.ellipse(0.27, 0.26, 0.75, 0.74, pen.dark, contour=False)
    pen.ellipse(0.3, 0.28, 0.72, 0.7, pen.light, contour=False)
    pen.ellipse(0.36, 0.34, 0.5, 0.45, (255, 224, 130), contour=False)


def _draw_corn(pen: Pen) -> None:
    green, deep = (96, 168, 60), (58, 120, 44)
    pen.polygon(
        [
            (0.5, 0.0),
            (0.72, 0.12),
            (0.78, 0.5),
            (0.66, 0.86),
            (0.34, 0.86),
            (0.22, 0.5),
            (0.28, 0.12),
        ],
        pen.main,
    )
    for x in (0.385, 0.5, 0.615):
        pen.line([(x, 0.08), (x, 0.8)], pen.dark, width=0.035)
    for row in range(6):
        y = 0.14 + row * 0.115
        pen.line([(0.26, y), (0.74, y)], pen.dark, width=0.035)
    pen.polygon([(0.5, 1.0), (0.1, 0.84), (0.04, 0.42), (0.3, 0.66)], green)
    pen.polygon([(0.5, 1.0), (0.9, 0.84), (0.96, 0.42), (0.7, 0.66)], green)
    pen.polygon([(0.3, 0.66), (0.5, 0.8), (0.7, 0.66), (0.5, 1.0)], deep)


def _draw_olive(pen: Pen) -> None:
    for x0, y0 in ((0.0, 0.02), (0.4, 0.38)):
        x1, y1 = x0 + 0.6, y0 + 0.6
        pen.ellipse(x0, y0, x1, y1, pen.main)
        pen.arc((x0 + 0.07, y0 + 0.07, x1 - 0.07, y1 - 0.07), (190, 290), pen.light, width=0.05)
        pen.ellipse(x0 + 0.18, y0 + 0.18, x1 - 0.18, y1 - 0.18, (236, 222, 186))


def _draw_onion(pen: Pen) -> None:
    pen.ellipse(0.0, 0.02, 1.0, 0.98, pen.dark)
    for index, radius in enumerate((0.43, 0.34, 0.26, 0.17, 0.09)):
        fill = pen.main if index % 2 == 0 else pen.light
        pen.ellipse(0.5 - radius, 0.5 - radius, 0.5 + radius, 0.5 + radius, fill, contour=False)


def _draw_shrimp(pen: Pen) -> None:
    outer = [(0.5 + 0.46 * math.cos(a), 0.5 + 0.46 * math.sin(a)) for a in _angles(-150, 110)]
    inner = [(0.5 + 0.17 * math.cos(a), 0.46 + 0.17 * math.sin(a)) for a in _angles(110, -150)]
    pen.polygon(outer + inner, pen.main)
    for degrees in (-110, -65, -20, 25, 68):
        a = math.radians(degrees)
        pen.line(
            [
                (0.5 + 0.18 * math.cos(a), 0.47 + 0.18 * math.sin(a)),
                (0.5 + 0.43 * math.cos(a), 0.5 + 0.43 * math.sin(a)),
            ],
            pen.light,
            width=0.06,
        )
    pen.polygon([(0.38, 0.78), (0.02, 0.66), (0.1, 0.84), (0.0, 0.98), (0.34, 0.94)], pen.dark)
    pen.ellipse(0.2, 0.24, 0.3, 0.34, (30, 20, 20), contour=False)
    pen.line([(0.14, 0.3), (0.0, 0.12)], pen.dark, width=0.05)


def _draw_pepper(pen: Pen) -> None:
    pen.polygon(
        [
            (0.5, 0.24),
            (0.68, 0.16),
            (0.92, 0.24),
            (0.98, 0.5),
            (0.84, 0.9),
            (0.68, 1.0),
            (0.5, 0.92),
            (0.32, 1.0),
            (0.16, 0.9),
            (0.02, 0.5),
            (0.08, 0.24),
            (0.32, 0.16),
        ],
        pen.main,
    )
    pen.line([(0.36, 0.3), (0.33, 0.6), (0.38, 0.9)], pen.dark, width=0.06)
    pen.line([(0.64, 0.3), (0.67, 0.6), (0.62, 0.9)], pen.dark, width=0.06)
    pen.line([(0.17, 0.36), (0.16, 0.62)], pen.light, width=0.08)
    pen.polygon([(0.43, 0.24), (0.4, 0.02), (0.56, 0.0), (0.57, 0.24)], (54, 92, 34))


def _draw_broccoli(pen: Pen) -> None:
    stalk = (170, 206, 120)
    pen.polygon([(0.36, 0.5), (0.4, 1.0), (0.62, 1.0), (0.66, 0.5)], stalk)
    pen.polygon([(0.38, 0.62), (0.14, 0.56), (0.2, 0.46), (0.42, 0.46)], stalk)
    pen.polygon([(0.62, 0.62), (0.86, 0.56), (0.8, 0.46), (0.58, 0.46)], stalk)
    for x, y, r in ((0.2, 0.42, 0.2), (0.8, 0.42, 0.2), (0.34, 0.22, 0.21), (0.66, 0.22, 0.21)):
        pen.ellipse(x - r, y - r, x + r, y + r, pen.main)
    pen.ellipse(0.27, 0.16, 0.73, 0.6, pen.main, contour=False)
    for x, y in (
        (0.2, 0.34),
        (0.36, 0.16),
        (0.62, 0.16),
        (0.5, 0.36),
        (0.8, 0.36),
        (0.34, 0.44),
        (0.66, 0.46),
    ):
        pen.ellipse(x - 0.055, y - 0.05, x + 0.055, y + 0.05, pen.light, contour=False)


def _draw_potato(pen: Pen) -> None:
    pen.polygon(_blob(0.5, 0.5, 0.54, 0.4, bumps=2, depth=0.05), pen.main)
    pen.arc((0.06, 0.18, 0.9, 0.86), (20, 120), pen.dark, width=0.07)
    pen.arc((0.1, 0.2, 0.9, 0.84), (200, 270), pen.light, width=0.08)
    for x, y in ((0.32, 0.42), (0.56, 0.34), (0.68, 0.58), (0.44, 0.66), (0.22, 0.56)):
        pen.ellipse(x - 0.045, y - 0.03, x + 0.045, y + 0.03, (112, 74, 36), contour=False)


def _draw_strawberry(pen: Pen) -> None:
    pen.polygon(
        [
            (0.5, 0.2),
            (0.76, 0.14),
            (0.96, 0.32),
            (0.88, 0.6),
            (0.62, 0.94),
            (0.5, 1.0),
            (0.38, 0.94),
            (0.12, 0.6),
            (0.04, 0.32),
            (0.24, 0.14),
        ],
        pen.main,
    )
    for x, y in (
        (0.24, 0.4),
        (0.44, 0.4),
        (0.64, 0.4),
        (0.82, 0.42),
        (0.34, 0.56),
        (0.54, 0.56),
        (0.73, 0.57),
        (0.44, 0.72),
        (0.62, 0.72),
        (0.52, 0.87),
    ):
        pen.ellipse(x - 0.032, y - 0.04, x + 0.032, y + 0.04, (255, 232, 140), contour=False)
    leaf = (70, 156, 52)
    pen.polygon(
        [
            (0.5, 0.12),
            (0.86, 0.04),
            (0.76, 0.24),
            (0.62, 0.22),
            (0.5, 0.38),
            (0.38, 0.22),
            (0.24, 0.24),
            (0.14, 0.04),
        ],
        leaf,
    )
    pen.line([(0.5, 0.16), (0.54, 0.0)], (48, 110, 40), width=0.07)


def _draw_lemon(pen: Pen) -> None:
    pen.ellipse(0.0, 0.0, 1.0, 1.0, pen.main)
    pen.ellipse(0.08, 0.08, 0.92, 0.92, (255, 252, 226), contour=False)
    for index in range(8):
        a, b = math.tau * (index + 0.12) / 8, math.tau * (index + 0.88) / 8
        pen.polygon(
            [
                (0.5 + 0.07 * math.cos((a + b) / 2), 0.5 + 0.07 * math.sin((a + b) / 2)),
                (0.5 + 0.37 * math.cos(a), 0.5 + 0.37 * math.sin(a)),
                (0.5 + 0.37 * math.cos(b), 0.5 + 0.37 * math.sin(b)),
            ],
            pen.dark,
            contour=False,
        )


def _draw_bean(pen: Pen) -> None:
    for dx, dy in ((-0.02, -0.04), (0.06, 0.44)):
        top = [
            (0.5 + dx + 0.46 * math.cos(a), 0.34 + dy + 0.3 * math.sin(a))
            for a in _angles(170, 370)
        ]
        foot = [
            (0.84 + dx, 0.56 + dy),
            (0.68 + dx, 0.56 + dy),
            (0.5 + dx, 0.42 + dy),
            (0.32 + dx, 0.56 + dy),
            (0.14 + dx, 0.56 + dy),
        ]
        pen.polygon([*top, *foot], pen.main)
        pen.arc((0.16 + dx, 0.12 + dy, 0.84 + dx, 0.6 + dy), (200, 260), pen.light, width=0.07)


def _angles(start: float, end: float) -> list[float]:
    return [math.radians(start + (end - start) * step / 14) for step in range(15)]


def _blob(cx: float, cy: float, rx: float, ry: float, *, bumps: int, depth: float) -> list[Point]:
    points = []
    for step in range(26):
        a = math.tau * step / 26
        swell = 1 + depth * math.sin(bumps * a + 0.6) * 2
        points.append((cx + rx * swell * math.cos(a), cy + ry * swell * math.sin(a)))
    return points


_COLORS: dict[str, tuple[RGB, RGB, RGB]] = {
    "tomato": ((216, 34, 28), (206, 48, 26), (244, 112, 84)),
    "egg": ((252, 252, 248), (240, 150, 20), (252, 180, 36)),
    "corn": ((250, 208, 46), (212, 150, 18), (255, 232, 120)),
    "olive": ((40, 32, 44), (24, 18, 28), (120, 112, 132)),
    "onion": ((246, 238, 248), (136, 40, 124), (196, 136, 196)),
    "shrimp": ((255, 146, 124), (232, 92, 76), (255, 214, 200)),
    "pepper": ((62, 172, 52), (34, 116, 36), (166, 226, 130)),
    "broccoli": ((38, 112, 48), (24, 80, 36), (92, 164, 80)),
    "potato": ((206, 164, 100), (160, 116, 62), (234, 202, 146)),
    "strawberry": ((230, 30, 60), (176, 16, 44), (250, 110, 120)),
    "lemon": ((250, 222, 40), (252, 228, 70), (255, 244, 150)),
    "bean": ((134, 26, 34), (90, 14, 22), (206, 110, 108)),
}

_PAINTERS: dict[str, Callable[[Pen], None]] = {
    "tomato": _draw_tomato,
    "egg": _draw_egg,
    "corn": _draw_corn,
    "olive": _draw_olive,
    "onion": _draw_onion,
    "shrimp": _draw_shrimp,
    "pepper": _draw_pepper,
    "broccoli": _draw_broccoli,
    "potato": _draw_potato,
    "strawberry": _draw_strawberry,
    "lemon": _draw_lemon,
    "bean": _draw_bean,
}
