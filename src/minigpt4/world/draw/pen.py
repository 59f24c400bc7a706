"""A pen that draws in the unit square of one object.

Kinds draw themselves in coordinates from 0 to 1 (y grows downwards, 1 is the ground) and know
nothing of pixels; the pen maps them into the object's box, mirrors, tilts and wobbles them a
little, so that no two pictures of a kind are the same.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import ImageDraw

RGB = tuple[int, int, int]
Point = tuple[float, float]

_SPLINE = tuple(
    (
        (-t + 2 * t * t - t**3) / 2,
        (2 - 5 * t * t + 3 * t**3) / 2,
        (t + 4 * t * t - 3 * t**3) / 2,
        (t**3 - t * t) / 2,
    )
    for t in (0.0, 0.2, 0.4, 0.6, 0.8)
)
"""Weights of four neighbouring points along one span of a smooth curve."""


@dataclass(frozen=True)
class Palette:
    """The shades of one object: its body colour, lighter and darker, and its outline."""

    main: RGB
    dark: RGB
    light: RGB
    outline: RGB
    accent: RGB = (250, 244, 220)
    """A neutral second colour: windows, plates, eyes' white."""
    wood: RGB = (128, 88, 56)
    """Trunks, masts, poles: natural brown, whatever the body colour is."""
    leaf: RGB = (84, 150, 66)
    """Stems and leaves of what is not itself a crown of leaves."""
    gold: RGB = (240, 176, 56)
    """Beaks, flames, head-lights."""
    ink: RGB = (40, 38, 46)
    """Near-black of tyres, pupils and dark openings."""


class Pen:
    """Draw shapes given in the unit square into a pixel box."""

    def __init__(
        self,
        canvas: ImageDraw.ImageDraw,
        box: tuple[float, float, float, float],
        palette: Palette,
        *,
        rng: random.Random,
        mirrored: bool = False,
        tilt: float = 0.0,
    ) -> None:
        self.canvas = canvas
        self.palette = palette
        self.rng = rng
        self._box = box
        self._mirrored = mirrored
        self._cos, self._sin = math.cos(tilt), math.sin(tilt)
        self._width = box[2] - box[0]
        self._height = box[3] - box[1]
        self.outline_px = max(1, round(self._width / 34))

    @property
    def main(self) -> RGB:
        """Body colour."""
        return self.palette.main

    @property
    def dark(self) -> RGB:
        """Body colour in shadow."""
        return self.palette.dark

    @property
    def light(self) -> RGB:
        """Body colour in light."""
        return self.palette.light

    @property
    def outline(self) -> RGB:
        """Contour colour."""
        return self.palette.outline

    @property
    def accent(self) -> RGB:
        """Neutral second colour."""
        return self.palette.accent

    @property
    def wood(self) -> RGB:
        """Natural brown."""
        return self.palette.wood

    @property
    def leaf(self) -> RGB:
        """Natural green."""
        return self.palette.leaf

    @property
    def gold(self) -> RGB:
        """Warm yellow of beaks, flames and lights."""
        return self.palette.gold

    @property
    def ink(self) -> RGB:
        """Near-black of tyres, pupils and openings."""
        return self.palette.ink

    @property
    def aspect(self) -> float:
        """Width of the box divided by its height."""
        return self._width / self._height

    def vary(self, amount: float) -> float:
        """Return a random number in [-amount, amount]: natural variation of a pose."""
        return self.rng.uniform(-amount, amount)

    def polygon(self, points: Sequence[Point], fill: RGB | None, *, contour: bool = True) -> None:
        """Fill a polygon; `contour` draws its outline."""
        pixels = [self._map(x, y) for x, y in points]
        if fill is not None:
            self.canvas.polygon(pixels, fill=fill)
        if contour:
            closed = [*pixels, pixels[0], pixels[1]]
            self.canvas.line(closed, fill=self.outline, width=self.outline_px, joint="curve")

    def ellipse(
        self, x0: float, y0: float, x1: float, y1: float, fill: RGB | None, *, contour: bool = True
    ) -> None:
        """Fill the ellipse inscribed in the unit rectangle."""
        cx, cy, rx, ry = (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2
        steps = [2 * math.pi * i / 28 for i in range(28)]
        self.polygon(
            [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in steps], fill, contour=contour
        )

    def circle(
        self, cx: float, cy: float, radius: float, fill: RGB | None, *, contour: bool = True
    ) -> None:
        """Fill a true circle; `radius` is a share of the object's width."""
        tall = radius * self.aspect
        self.ellipse(cx - radius, cy - tall, cx + radius, cy + tall, fill, contour=contour)

    def blob(self, points: Sequence[Point], fill: RGB | None, *, contour: bool = True) -> None:
        """Fill the smooth closed curve through `points` (a Catmull-Rom spline)."""
        curve, count = [], len(points)
        for i, (bx, by) in enumerate(points):
            ax, ay = points[i - 1]
            cx, cy = points[(i + 1) % count]
            dx, dy = points[(i + 2) % count]
            for wa, wb, wc, wd in _SPLINE:
                curve.append(
                    (wa * ax + wb * bx + wc * cx + wd * dx, wa * ay + wb * by + wc * cy + wd * dy)
                )
        self.polygon(curve, fill, contour=contour)

    def stroke(self, points: Sequence[Point], fill: RGB, *, width: float) -> None:
        """Draw a thick line with round ends and a contour: a limb, a tail, a pole."""
        pixels = [self._map(x, y) for x, y in points]
        inner = width * self._width
        for colour, size in ((self.outline, inner + 2 * self.outline_px), (fill, inner)):
            self.canvas.line(pixels, fill=colour, width=max(1, round(size)))
            for x, y in pixels:
                box = (x - size / 2, y - size / 2, x + size / 2, y + size / 2)
                self.canvas.ellipse(box, fill=colour)

    def rectangle(
        self, x0: float, y0: float, x1: float, y1: float, fill: RGB | None, *, contour: bool = True
    ) -> None:
        """Fill a rectangle."""
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill, contour=contour)

    def line(
        self, points: Sequence[Point], fill: RGB | None = None, *, width: float = 0.05
    ) -> None:
        """Draw a line; `width` is a share of the object's width."""
        pixels = [self._map(x, y) for x, y in points]
        stroke = max(1, round(width * self._width))
        self.canvas.line(pixels, fill=fill or self.outline, width=stroke, joint="curve")

    def arc(
        self,
        box: tuple[float, float, float, float],
        degrees: tuple[float, float],
        fill: RGB | None = None,
        *,
        width: float = 0.05,
    ) -> None:
        """Draw an arc of the ellipse inscribed in `box`, clockwise between two `degrees`."""
        (x0, y0, x1, y1), (start, end) = box, degrees
        cx, cy, rx, ry = (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2
        angles = [math.radians(start + (end - start) * i / 16) for i in range(17)]
        self.line(
            [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in angles], fill, width=width
        )

    def _map(self, x: float, y: float) -> Point:
        if self._mirrored:
            x = 1 - x
        # Tilt about the foot of the object, so that it keeps standing on its ground.
        dx, dy = (x - 0.5) * self._width, (y - 1.0) * self._height
        rx, ry = dx * self._cos - dy * self._sin, dx * self._sin + dy * self._cos
        return (
            self._box[0] + self._width / 2 + rx,
            self._box[1] + self._height + ry,
        )
