"""Sky, light and weather: what time of day and weather do to a picture.

`Air` turns the colours of a place, given as by day, into those of the hour and weather. The sky is
drawn before the place, rain and snow after everything else, so that both lie over all objects.
Sizes are in pixels of the canvas, which is twice the size of the picture.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from minigpt4.world.draw.pen import RGB

_SKIES: dict[str, tuple[RGB, RGB]] = {
    "day": ((70, 150, 232), (190, 226, 250)),
    "evening": ((126, 84, 160), (255, 158, 78)),
    "night": ((10, 14, 44), (34, 44, 92)),
}
_OVERCAST: dict[str, tuple[RGB, RGB]] = {
    "day": ((132, 142, 156), (188, 196, 206)),
    "evening": ((112, 86, 124), (238, 150, 104)),
    "night": ((20, 22, 38), (46, 50, 70)),
}
_CLOUDS: dict[str, RGB] = {
    "day": (250, 251, 253),
    "evening": (250, 190, 180),
    "night": (92, 100, 130),
}
_RAIN_CLOUDS: dict[str, RGB] = {
    "day": (94, 102, 116),
    "evening": (92, 70, 98),
    "night": (64, 68, 88),
}
_SNOW_CLOUDS: dict[str, RGB] = {
    "day": (222, 227, 234),
    "evening": (214, 170, 178),
    "night": (86, 92, 116),
}
_TINTS: dict[str, tuple[float, float, float]] = {
    "day": (1.0, 1.0, 1.0),
    "evening": (1.0, 0.76, 0.66),
    "night": (0.42, 0.46, 0.66),
}
_SNOW_WHITE: RGB = (236, 241, 248)


@dataclass(frozen=True)
class Air:
    """The light of one picture."""

    time: str
    weather: str

    @property
    def object_light(self) -> float:
        """Brightness of objects: never so dark that their colour is lost."""
        return {"day": 1.0, "evening": 0.96, "night": 0.86}[self.time]

    def tint(self, color: RGB, *, snow: float = 0.0) -> RGB:
        """Turn a colour by day into that of this hour; `snow` is its cover when it snows."""
        if self.weather == "snowy" and snow:
            color = mix(color, _SNOW_WHITE, snow)
        elif self.weather == "rainy":
            grey = sum(color) // 3
            color = mix(color, (grey, grey, grey), 0.3)
            color = (int(color[0] * 0.84), int(color[1] * 0.85), int(color[2] * 0.9))
        r, g, b = _TINTS[self.time]
        return int(color[0] * r), int(color[1] * g), int(color[2] * b)


def mix(first: RGB, second: RGB, share: float) -> RGB:
    """Blend two colours; `share` 0 gives the first, 1 the second."""
    a, b = 1 - share, share
    return (
        int(first[0] * a + second[0] * b),
        int(first[1] * a + second[1] * b),
        int(first[2] * a + second[2] * b),
    )


def gradient(top: RGB, bottom: RGB, *, width: int, height: int) -> Image.Image:
    """Return a picture that fades from `top` to `bottom`."""
    share = np.linspace(0, 1, max(height, 1), dtype=np.float32)[:, None]
    column = np.array(top) * (1 - share) + np.array(bottom) * share  # (H, 3)
    rows = np.repeat(column[:, None, :].astype(np.uint8), width, axis=1)  # (H, W, 3)
    return Image.fromarray(rows)


def draw_sky(
    image: Image.Image, air: Air, *, horizon: int, skyline: int, rng: random.Random
) -> None:
    """Paint the sky down to `horizon`, with sun, moon, stars and clouds.

    `skyline` pixels above the horizon will be hidden by the place.
    """
    overcast = air.weather in ("rainy", "snowy")
    top, bottom = (_OVERCAST if overcast else _SKIES)[air.time]
    if air.weather == "cloudy":
        top, bottom = (
            mix(top, _OVERCAST[air.time][0], 0.35),
            mix(bottom, _OVERCAST[air.time][1], 0.3),
        )
    width = image.width
    image.paste(bottom, (0, horizon, width, horizon + 24))  # shows where hills and quays leave gaps
    image.paste(gradient(top, bottom, width=width, height=horizon + 2), (0, 0))
    canvas = ImageDraw.Draw(image, "RGBA")
    if air.weather == "clear":
        if air.time == "night":
            _draw_stars(canvas, width, horizon, rng)
            _draw_moon(canvas, width, top, rng)
        else:
            _draw_sun(canvas, width, horizon - skyline, air.time, rng)
    elif air.weather == "cloudy":
        _draw_clouds(canvas, width, _CLOUDS[air.time], rng)
    else:
        clouds = _RAIN_CLOUDS if air.weather == "rainy" else _SNOW_CLOUDS
        _draw_cover(canvas, width, clouds[air.time], rng)


def draw_precipitation(image: Image.Image, air: Air, *, rng: random.Random) -> None:
    """Draw rain or snow over the finished picture."""
    canvas = ImageDraw.Draw(image, "RGBA")
    width, height = image.size
    if air.weather == "rainy":
        light = {
            "day": (226, 238, 255, 165),
            "evening": (255, 226, 216, 150),
            "night": (170, 190, 235, 150),
        }
        slant = rng.uniform(-0.45, 0.45)
        for _ in range(74):
            x, y = rng.uniform(-10, width + 10), rng.uniform(-20, height)
            length = rng.uniform(16, 30)
            canvas.line((x, y, x + slant * length, y + length), fill=light[air.time], width=2)
    elif air.weather == "snowy":
        for _ in range(78):
            x, y = rng.uniform(0, width), rng.uniform(0, height)
            radius = rng.choice((2.0, 2.6, 3.2, 4.0))
            canvas.ellipse(
                (x - radius, y - radius, x + radius, y + radius), fill=(255, 255, 255, 225)
            )


def _draw_sun(
    canvas: ImageDraw.ImageDraw, width: int, edge: int, time: str, rng: random.Random
) -> None:
    x = rng.uniform(0.14, 0.86) * width
    if time == "day":
        y, radius, core, glow = rng.uniform(22, 34), 17, (255, 236, 120), (255, 246, 190)
    else:
        y, radius, core, glow = edge - rng.uniform(8, 18), 24, (255, 226, 130), (255, 190, 100)
    for ring in range(4, 0, -1):
        reach = radius + ring * (5 if time == "day" else 7)
        canvas.ellipse((x - reach, y - reach, x + reach, y + reach), fill=(*glow, 46))
    canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=core)


def _draw_moon(canvas: ImageDraw.ImageDraw, width: int, sky: RGB, rng: random.Random) -> None:
    x, y, radius = rng.uniform(0.12, 0.88) * width, rng.uniform(24, 36), 15
    canvas.ellipse((x - 22, y - 22, x + 22, y + 22), fill=(200, 210, 255, 28))
    canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(244, 242, 214))
    shift = rng.choice((-9, 9))
    canvas.ellipse(
        (x - radius + shift, y - radius - 3, x + radius + shift, y + radius - 3),
        fill=mix(sky, (200, 210, 255), 0.08),
    )


def _draw_stars(canvas: ImageDraw.ImageDraw, width: int, horizon: int, rng: random.Random) -> None:
    for _ in range(42):
        x, y = rng.uniform(0, width), rng.uniform(0, horizon)
        size = rng.choice((1.0, 1.4, 2.0))
        canvas.ellipse((x - size, y - size, x + size, y + size), fill=(255, 255, 235, 235))


def _draw_clouds(canvas: ImageDraw.ImageDraw, width: int, color: RGB, rng: random.Random) -> None:
    count = rng.choice((3, 4))
    for index in range(count):
        x = (index + 0.5 + rng.uniform(-0.22, 0.22)) * width / count
        _draw_cloud(
            canvas, x, rng.uniform(22, 60), rng.uniform(0.8, 1.15) * 4 / (count + 0.6), color
        )


def _draw_cloud(canvas: ImageDraw.ImageDraw, x: float, y: float, scale: float, color: RGB) -> None:
    shadow = mix(color, (60, 70, 110), 0.24)
    puffs = ((-26, 2, 15), (-9, -7, 18), (10, -4, 16), (27, 3, 13), (0, 6, 17))
    for dy, paint in ((4, shadow), (0, color)):
        for px, py, radius in puffs:
            cx, cy, r = x + px * scale, y + py * scale + dy, radius * scale
            canvas.ellipse((cx - r, cy - r * 0.72, cx + r, cy + r * 0.72), fill=paint)


def _draw_cover(canvas: ImageDraw.ImageDraw, width: int, color: RGB, rng: random.Random) -> None:
    """Draw a closed cover of clouds along the upper edge."""
    for row, (y, share) in enumerate(((50, 0.22), (30, 0.1), (8, 0.0))):
        paint = mix(color, (255, 255, 255), share * (0.6 if color[0] < 100 else 1.0))
        canvas.rectangle((0, 0, width, y), fill=paint)
        for index in range(8):
            x = (index + rng.uniform(0, 0.6)) * width / 7 - 10
            rx, ry = rng.uniform(24, 34), rng.uniform(11, 19) + (row == 2) * 8
            canvas.ellipse((x - rx, y - ry, x + rx, y + ry), fill=paint)
