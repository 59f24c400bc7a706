"""The eight places of the world, drawn as far and muted as they must be behind objects.

A place is drawn in its colours by day; `Air` turns them into those of the hour and weather. What
lies far (firs, towers, cranes) stays small or dull, so that it isn't taken for one of the objects.
Sizes are in pixels of the canvas, which is twice the size of the picture.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw

from minigpt4.world.draw.pen import RGB
from minigpt4.world.draw.weather import Air, draw_sky, gradient, mix

_SKYLINE_PX = {"forest": 48, "city": 44, "mountain": 46, "park": 24}
"""How far the far end of a place rises over the horizon: a low sun stays above it."""


@dataclass(frozen=True)
class Ground:
    """What a painter of a place needs: where to paint, in which light, how far up."""

    image: Image.Image
    canvas: ImageDraw.ImageDraw
    air: Air
    horizon: int
    rng: random.Random

    @property
    def width(self) -> int:
        """Width of the canvas in pixels."""
        return self.image.width

    @property
    def height(self) -> int:
        """Height of the canvas in pixels."""
        return self.image.height

    def fill(
        self, top: int, near: RGB, far: RGB, *, bottom: int | None = None, snow: float = 0.0
    ) -> None:
        """Fill the whole width from `top` to `bottom`, fading from `far` to `near`."""
        height = (bottom or self.height) - top
        far, near = self.air.tint(far, snow=snow), self.air.tint(near, snow=snow)
        self.image.paste(gradient(far, near, width=self.width, height=height), (0, top))

    def ridge(self, points: list[tuple[float, float]], color: RGB, *, bottom: float) -> None:
        """Fill below a line of points down to `bottom`."""
        self.canvas.polygon([(points[0][0], bottom), *points, (points[-1][0], bottom)], fill=color)

    def waves(self, y: float, *, height: float, length: float) -> list[tuple[float, float]]:
        """Return a wavy line over the whole width."""
        phase = self.rng.uniform(0, math.tau)
        return [
            (
                x,
                y
                + height * math.sin(x / length + phase)
                + 0.4 * height * math.sin(x / length * 2.3),
            )
            for x in range(0, self.width + 9, 8)
        ]


def draw_background(image: Image.Image, place: str, air: Air, *, rng: random.Random) -> None:
    """Paint sky and place over the whole canvas."""
    horizon = rng.randint(96, 112)
    draw_sky(image, air, horizon=horizon, skyline=_SKYLINE_PX.get(place, 0), rng=rng)
    ground = Ground(image, ImageDraw.Draw(image, "RGBA"), air, horizon, rng)
    _PAINTERS[place](ground)


def _draw_beach(g: Ground) -> None:
    tint, shore = g.air.tint, g.horizon + g.rng.randint(42, 54)
    g.fill(g.horizon, (64, 180, 200), (26, 104, 176), bottom=shore + 8)
    for _ in range(16):
        x, y = g.rng.uniform(0, g.width), g.rng.uniform(g.horizon + 6, shore - 10)
        g.canvas.line(
            (x, y, x + g.rng.uniform(12, 30), y), fill=(*tint((220, 240, 250)), 150), width=2
        )
    line = g.waves(shore, height=3.5, length=26)
    sand = tint((240, 214, 150), snow=0.72)
    g.ridge([(x, y - 6) for x, y in line], tint((245, 250, 252)), bottom=shore + 20)
    g.ridge(line, mix(sand, tint((150, 120, 80)), 0.35), bottom=shore + 20)
    below = g.waves(shore + 11, height=3, length=30)
    g.ridge(below, sand, bottom=g.height)
    _scatter(g, shore + 22, (196, 162, 100), count=70, size=2.0, snow=0.5)


def _draw_forest(g: Ground) -> None:
    tint = g.air.tint
    base = g.horizon + 34
    g.fill(g.horizon, (52, 84, 48), (58, 92, 56), snow=0.4)
    for layer, (color, tall) in enumerate((((66, 106, 86), 66), ((34, 70, 52), 80))):
        foot = g.horizon + 12 + layer * 22
        step = 23 + layer * 5
        for index in range(-1, g.width // step + 2):
            x = index * step + g.rng.uniform(-6, 6)
            _draw_fir(g, x, foot, tall * g.rng.uniform(0.78, 1.08), tint(color))
    g.fill(base - 2, (124, 116, 70), (86, 108, 58), snow=0.72)
    _scatter(g, base + 6, (84, 84, 46), count=60, size=2.6, snow=0.5)
    _draw_tufts(g, base + 4, (44, 78, 36), count=26)


def _draw_fir(g: Ground, x: float, foot: float, tall: float, color: RGB) -> None:
    snowy = g.air.weather == "snowy"
    cap = mix(color, g.air.tint((238, 242, 250)), 0.75)
    for tier in range(3):
        top, half = foot - tall + tier * tall * 0.24, tall * (0.15 + 0.055 * tier)
        low = top + tall * 0.46
        g.canvas.polygon([(x, top), (x - half, low), (x + half, low)], fill=color)
        if snowy:
            g.canvas.polygon(
                [(x, top), (x - half * 0.5, top + tall * 0.2), (x + half * 0.5, top + tall * 0.2)],
                fill=cap,
            )


def _draw_city(g: Ground) -> None:
    tint, street = g.air.tint, g.horizon + 38
    dark = g.air.time != "day" or g.air.weather == "rainy"
    window = (255, 220, 120) if dark else (206, 222, 236)
    for layer, (color, low, tall) in enumerate(
        (((150, 160, 178), 62, 92), ((108, 116, 134), 30, 70))
    ):
        x = -g.rng.uniform(0, 14)
        while x < g.width:
            wide = g.rng.uniform(24, 42)
            top = street - g.rng.uniform(low, tall) - 12
            _draw_block(g, (x, top, x + wide, street), tint(color), window, lit=layer)
            x += wide + g.rng.choice((0, 1, 3))
    g.fill(street, (186, 184, 180), (170, 168, 166), bottom=street + 24, snow=0.75)
    g.canvas.line((0, street + 24, g.width, street + 24), fill=tint((120, 120, 122)), width=3)
    g.fill(street + 26, (104, 106, 112), (88, 90, 96), snow=0.5)
    y = street + 60 + g.rng.uniform(-4, 6)
    x = -g.rng.uniform(0, 40)
    while x < g.width:
        g.canvas.rectangle((x, y, x + 26, y + 4), fill=tint((236, 234, 226)))
        x += 46


def _draw_block(
    g: Ground, box: tuple[float, float, float, float], color: RGB, window: RGB, *, lit: int
) -> None:
    x0, top, x1, foot = box
    g.canvas.rectangle(box, fill=color)
    if g.air.weather == "snowy":
        g.canvas.rectangle((x0, top, x1, top + 4), fill=g.air.tint((240, 244, 250)))
    glass = window if g.air.time != "day" else g.air.tint(window)
    unlit = mix(color, (20, 24, 40), 0.35)
    y = top + 8
    while y < foot - 10:
        x = x0 + 5
        while x < x1 - 7:
            paint = glass if g.rng.random() < 0.5 + 0.12 * lit else unlit
            g.canvas.rectangle((x, y, x + 4, y + 5), fill=paint)
            x += 9
        y += 11


def _draw_farm(g: Ground) -> None:
    tint, top = g.air.tint, g.horizon + 12
    hill = g.waves(g.horizon - 2, height=4, length=48)
    g.ridge(hill, tint((138, 170, 92), snow=0.6), bottom=top + 12)
    _draw_barn(g, g.rng.uniform(0.1, 0.8) * g.width, g.horizon + 3)
    g.fill(top, (126, 84, 46), (146, 106, 62), snow=0.62)
    # Rows of green that meet far away: nothing else in the world looks like a ploughed field.
    far_x = g.rng.uniform(0.35, 0.65) * g.width
    green = tint((112, 156, 52), snow=0.25)
    for row in range(-9, 10):
        left, right = far_x + row * 50 - 13, far_x + row * 50 + 13
        points = [(far_x + row * 9 - 2, top), (far_x + row * 9 + 2, top)]
        points += [(right + row * 12, g.height), (left + row * 12, g.height)]
        g.canvas.polygon(points, fill=green)
    wood = tint((206, 186, 150), snow=0.4)
    for y in (top - 8, top):
        g.canvas.line((0, y, g.width, y), fill=wood, width=3)
    for x in range(g.rng.randint(0, 14), g.width, 22):
        g.canvas.rectangle((x, top - 14, x + 3, top + 6), fill=wood)


def _draw_barn(g: Ground, x: float, foot: float) -> None:
    tint = g.air.tint
    wall, roof = tint((142, 96, 84)), tint((112, 96, 92), snow=0.8)
    g.canvas.rectangle((x, foot - 18, x + 30, foot), fill=wall)
    g.canvas.polygon(
        [(x - 3, foot - 17), (x + 5, foot - 27), (x + 25, foot - 27), (x + 33, foot - 17)],
        fill=roof,
    )
    g.canvas.rectangle((x + 36, foot - 32, x + 46, foot), fill=tint((168, 166, 164)))
    g.canvas.pieslice((x + 36, foot - 38, x + 46, foot - 26), 180, 360, fill=roof)


def _draw_desert(g: Ground) -> None:
    tint = g.air.tint
    g.fill(g.horizon, (226, 178, 106), (226, 178, 106), bottom=g.horizon + 30, snow=0.66)
    for share, tall in ((g.rng.uniform(0.1, 0.4), 46), (g.rng.uniform(0.55, 0.9), 34)):
        x, foot = share * g.width, g.horizon + 8
        light, dark = tint((214, 172, 112), snow=0.35), tint((172, 130, 84), snow=0.2)
        g.canvas.polygon([(x, foot - tall), (x - tall, foot), (x + tall * 0.25, foot)], fill=light)
        g.canvas.polygon(
            [(x, foot - tall), (x + tall * 0.25, foot), (x + tall * 1.05, foot)], fill=dark
        )
    dunes = (
        ((226, 178, 106), 4, 9, 52),
        ((236, 190, 112), 32, 10, 40),
        ((224, 168, 88), 76, 9, 58),
    )
    for color, down, height, length in dunes:
        crest = g.waves(g.horizon + down, height=height, length=length)
        g.ridge(crest, tint(color, snow=0.68), bottom=g.height)
        shade = tint((176, 122, 62), snow=0.4)
        g.canvas.line([(x, y + 1) for x, y in crest], fill=shade, width=2)
    for _ in range(13):
        x, y = g.rng.uniform(-10, g.width), g.rng.uniform(g.horizon + 66, g.height)
        g.canvas.arc((x, y, x + 34, y + 10), 200, 340, fill=tint((190, 136, 70), snow=0.4), width=2)


def _draw_park(g: Ground) -> None:
    tint, top = g.air.tint, g.horizon + 14
    for index in range(-1, 8):
        x, r = index * 38 + g.rng.uniform(-8, 8), g.rng.uniform(20, 30)
        y = g.horizon - 2
        g.canvas.ellipse((x - r, y - r, x + r, y + r), fill=tint((128, 176, 116), snow=0.45))
    g.canvas.rectangle((0, top - 18, g.width, top), fill=tint((70, 128, 66), snow=0.35))
    for x in range(0, g.width, 13):
        g.canvas.ellipse((x - 8, top - 24, x + 9, top - 10), fill=tint((70, 128, 66), snow=0.5))
    g.fill(top, (104, 188, 70), (132, 200, 92), snow=0.72)
    far, near = g.rng.uniform(0.35, 0.65) * g.width, g.rng.uniform(0.2, 0.8) * g.width
    path: list[tuple[float, float]] = []
    for side in (-1, 1):
        edge = []
        for step in range(9):
            share = step / 8
            half = 7 + 44 * share**1.4
            bend = far + (near - far) * share + 30 * math.sin(share * math.pi)
            edge.append((bend + side * half, top + share * (g.height - top)))
        path += edge if side < 0 else edge[::-1]
    g.canvas.polygon(path, fill=tint((228, 212, 176), snow=0.55))
    for x in range(g.rng.randint(8, 30), g.width, 74):
        post = tint((84, 88, 92))
        g.canvas.line((x, top + 4, x, top - 38), fill=post, width=3)
        glow = (255, 236, 170) if g.air.time != "day" else tint((240, 240, 228))
        g.canvas.ellipse((x - 5, top - 47, x + 5, top - 37), fill=glow, outline=post)
    _draw_bench(g, g.rng.uniform(0.1, 0.8) * g.width, top + 5)
    _draw_tufts(g, top + 16, (72, 150, 52), count=22)


def _draw_bench(g: Ground, x: float, y: float) -> None:
    wood = g.air.tint((150, 116, 80), snow=0.4)
    for dy in (-12, -7, -1):
        g.canvas.rectangle((x, y + dy, x + 32, y + dy + 2), fill=wood)
    for dx in (3, 27):
        g.canvas.rectangle((x + dx, y - 12, x + dx + 2, y + 7), fill=wood)


def _draw_harbor(g: Ground) -> None:
    tint, pier = g.air.tint, g.horizon + g.rng.randint(56, 66)
    quay = g.horizon + 10
    steel = tint((122, 132, 146))
    for index in range(3):
        _draw_crane(g, (index + g.rng.uniform(0.25, 0.7)) * g.width / 3, quay - 4, steel)
    for x in range(g.rng.randint(0, 20), g.width, 34):
        tall = g.rng.uniform(24, 42)
        g.canvas.line((x, quay, x, quay - tall), fill=tint((196, 190, 180)), width=2)
        g.canvas.line((x, quay - tall, x + 10, quay), fill=tint((196, 190, 180)), width=1)
    for x in range(-6, g.width, 20):
        box = (x, quay - 12 - g.rng.choice((0, 6)), x + 18, quay)
        g.canvas.rectangle(
            box, fill=tint(g.rng.choice(((150, 112, 98), (116, 136, 132), (150, 150, 154))))
        )
    g.canvas.rectangle((0, quay - 4, g.width, quay), fill=tint((104, 104, 110), snow=0.8))
    g.fill(quay, (34, 100, 128), (52, 122, 154), bottom=pier + 2)
    for _ in range(20):
        x, y = g.rng.uniform(0, g.width), g.rng.uniform(quay + 5, pier - 4)
        g.canvas.line(
            (x, y, x + g.rng.uniform(10, 26), y), fill=(*tint((190, 220, 232)), 130), width=2
        )
    _draw_planks(g, pier)


def _draw_crane(g: Ground, x: float, foot: float, steel: RGB) -> None:
    way, tall = g.rng.choice((-1, 1)), g.rng.uniform(62, 78)
    for dx in (-8, 8):
        g.canvas.line((x + dx, foot, x + dx * 0.5, foot - tall), fill=steel, width=3)
    g.canvas.line((x - 8, foot - 18, x + 8, foot - 18), fill=steel, width=2)
    g.canvas.line((x - way * 16, foot - tall, x + way * 40, foot - tall - 6), fill=steel, width=4)
    g.canvas.line((x, foot - tall - 14, x + way * 40, foot - tall - 6), fill=steel, width=1)
    g.canvas.line(
        (x + way * 34, foot - tall - 5, x + way * 34, foot - tall + 24), fill=steel, width=1
    )


def _draw_planks(g: Ground, top: int) -> None:
    tint = g.air.tint
    g.fill(top, (158, 118, 76), (172, 134, 92), snow=0.66)
    seam = tint((98, 68, 42), snow=0.3)
    g.canvas.rectangle((0, top, g.width, top + 4), fill=seam)
    y, gap = top + 4.0, 15.0
    while y < g.height:
        g.canvas.line((0, y, g.width, y), fill=seam, width=2)
        for _ in range(2):
            x = g.rng.uniform(0, g.width)
            g.canvas.line((x, y, x, y + gap), fill=seam, width=2)
        y, gap = y + gap, gap * 1.16
    for x in range(g.rng.randint(6, 40), g.width, 88):
        g.canvas.rectangle((x, top - 14, x + 9, top + 6), fill=tint((92, 70, 52)))
        g.canvas.rectangle((x - 2, top - 16, x + 11, top - 12), fill=tint((112, 88, 66), snow=0.9))


def _draw_mountain(g: Ground) -> None:
    tint, foot = g.air.tint, g.horizon + 26
    tops = ((0.05, 76), (0.36, 96), (0.68, 82), (0.98, 92))
    for index in (0, 3, 2, 1):
        share, tall = tops[index]
        x = (share + g.rng.uniform(-0.05, 0.05)) * g.width
        _draw_peak(g, x, foot, (tall + g.rng.uniform(-8, 8)) * 1.12)
    hills = g.waves(g.horizon + 16, height=5, length=42)
    g.ridge(hills, tint((78, 122, 74), snow=0.5), bottom=foot + 16)
    g.fill(foot, (118, 172, 74), (98, 150, 70), snow=0.74)
    for _ in range(9):
        x, y, r = g.rng.uniform(0, g.width), g.rng.uniform(foot + 6, g.height), g.rng.uniform(4, 8)
        g.canvas.ellipse(
            (x - r, y - r * 0.6, x + r, y + r * 0.6), fill=tint((150, 150, 148), snow=0.3)
        )
    _draw_tufts(g, foot + 8, (84, 134, 50), count=24)


def _draw_peak(g: Ground, x: float, foot: float, tall: float) -> None:
    tint, half, top = g.air.tint, tall * 0.78, foot - tall
    rock, shade = tint((126, 134, 158)), tint((96, 104, 132))
    snow, snow_shade = tint((246, 249, 255)), tint((204, 214, 232))
    g.canvas.polygon([(x, top), (x - half, foot), (x + half, foot)], fill=rock)
    g.canvas.polygon([(x, top), (x + half * 0.18, foot), (x + half, foot)], fill=shade)
    cap, low = half * 0.42, top + tall * 0.42
    g.canvas.polygon(
        [
            (x, top),
            (x - cap, low),
            (x - cap * 0.45, low - 9),
            (x + cap * 0.05, low + 3),
            (x + cap * 0.5, low - 8),
            (x + cap, low),
        ],
        fill=snow,
    )
    g.canvas.polygon(
        [(x, top), (x + cap * 0.1, low + 2), (x + cap * 0.5, low - 8), (x + cap, low)],
        fill=snow_shade,
    )


def _scatter(g: Ground, top: float, color: RGB, *, count: int, size: float, snow: float) -> None:
    paint = g.air.tint(color, snow=snow)
    for _ in range(count):
        x, y = g.rng.uniform(0, g.width), g.rng.uniform(top, g.height)
        g.canvas.ellipse((x, y, x + size * 1.6, y + size), fill=paint)


def _draw_tufts(g: Ground, top: float, color: RGB, *, count: int) -> None:
    paint = g.air.tint(color, snow=0.3)
    for _ in range(count):
        x, y = g.rng.uniform(0, g.width), g.rng.uniform(top, g.height)
        g.canvas.line((x - 4, y - 7, x, y, x + 4, y - 7), fill=paint, width=2)
        g.canvas.line((x, y, x, y - 9), fill=paint, width=2)


_PAINTERS: dict[str, Callable[[Ground], None]] = {
    "beach": _draw_beach,
    "forest": _draw_forest,
    "city": _draw_city,
    "farm": _draw_farm,
    "desert": _draw_desert,
    "park": _draw_park,
    "harbor": _draw_harbor,
    "mountain": _draw_mountain,
}
