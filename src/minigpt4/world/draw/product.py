"""A single product: one object, large, on a plain studio ground with a price tag."""

from __future__ import annotations

import random

from PIL import Image, ImageDraw

from minigpt4.world.draw.objects import ASPECT, draw_object
from minigpt4.world.draw.pen import RGB
from minigpt4.world.draw.weather import gradient, mix
from minigpt4.world.scene import SceneObject

_STUDIOS: tuple[RGB, ...] = (
    (216, 222, 230),
    (230, 220, 210),
    (212, 226, 218),
    (226, 214, 228),
    (222, 222, 222),
)


def draw_product(image: Image.Image, thing: SceneObject, *, rng: random.Random) -> None:
    """Fill the canvas with a studio and show `thing` in it."""
    studio, width, height = rng.choice(_STUDIOS), image.width, image.height
    floor = rng.randint(170, 186)
    image.paste(
        gradient(
            mix(studio, (110, 116, 130), 0.18),
            mix(studio, (255, 255, 255), 0.6),
            width=width,
            height=floor,
        )
    )
    image.paste(
        gradient(studio, mix(studio, (120, 120, 130), 0.25), width=width, height=height - floor),
        (0, floor),
    )
    canvas = ImageDraw.Draw(image, "RGBA")
    x, foot = width / 2 + rng.uniform(-12, 12), 214 + rng.uniform(-6, 6)
    _draw_pedestal(canvas, x, foot, studio)
    draw_object(
        ImageDraw.Draw(image),
        thing.kind,
        thing.color,
        fit(thing.kind, x, foot, width=190, height=164),
        rng=rng,
    )
    _draw_tag(canvas, rng.choice((10, width - 62)), rng.randint(10, 20))


def fit(
    kind: str, x: float, foot: float, *, width: float, height: float
) -> tuple[float, float, float, float]:
    """Return the largest box of a kind's shape that stands at `foot` within width and height."""
    tall = min(height, width / ASPECT[kind])
    wide = tall * ASPECT[kind]
    return (x - wide / 2, foot - tall, x + wide / 2, foot)


def _draw_pedestal(canvas: ImageDraw.ImageDraw, x: float, foot: float, studio: RGB) -> None:
    side, top = mix(studio, (90, 94, 110), 0.42), mix(studio, (255, 255, 255), 0.75)
    canvas.ellipse((x - 106, foot + 2, x + 106, foot + 34), fill=side)
    canvas.rectangle((x - 106, foot, x + 106, foot + 18), fill=side)
    canvas.ellipse((x - 106, foot - 16, x + 106, foot + 16), fill=top)
    canvas.ellipse((x - 70, foot - 8, x + 70, foot + 9), fill=(60, 60, 80, 60))


def _draw_tag(canvas: ImageDraw.ImageDraw, x: float, y: float) -> None:
    """Draw a price tag; its strokes can't be read."""
    paper, edge, ink = (252, 250, 240), (130, 126, 118), (90, 88, 92)
    canvas.polygon(
        [(x, y + 13), (x + 12, y), (x + 52, y), (x + 52, y + 26), (x + 12, y + 26)],
        fill=paper,
        outline=edge,
    )
    canvas.ellipse((x + 7, y + 10, x + 13, y + 16), fill=edge)
    for index, wide in enumerate((3, 2, 4, 2, 3, 2)):
        canvas.rectangle((x + 18 + index * 5, y + 6, x + 18 + index * 5 + wide, y + 19), fill=ink)
