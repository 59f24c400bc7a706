"""A framed film poster: an emblem on a coloured ground. What the film is about is not drawn."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageDraw

from minigpt4.world.draw.objects import draw_object
from minigpt4.world.draw.pen import RGB
from minigpt4.world.draw.product import fit
from minigpt4.world.draw.weather import gradient, mix
from minigpt4.world.scene import Poster, SceneObject

PAINTS: dict[str, RGB] = {
    "red": (204, 40, 40),
    "orange": (240, 136, 32),
    "yellow": (244, 208, 52),
    "green": (54, 148, 68),
    "blue": (44, 98, 204),
    "purple": (126, 60, 168),
    "white": (246, 246, 244),
    "black": (34, 34, 40),
}
"""Flat paints for grounds and bars in the eight colours."""


def draw_poster(
    image: Image.Image, thing: SceneObject, poster: Poster, *, rng: random.Random
) -> None:
    """Fill the canvas with a wall and a poster that shows `thing` as its emblem."""
    wall = rng.choice(((196, 190, 184), (182, 190, 196), (200, 196, 186)))
    image.paste(
        gradient(mix(wall, (255, 255, 255), 0.2), wall, width=image.width, height=image.height)
    )
    canvas = ImageDraw.Draw(image, "RGBA")
    left, top = 28 + rng.randint(-5, 5), 8 + rng.randint(-3, 4)
    box = (left, top, left + 200, top + 238)
    _draw_frame(canvas, box, rng)
    inner = (box[0] + 11, box[1] + 11, box[2] - 11, box[3] - 11)
    ground = PAINTS[poster.ground]
    canvas.rectangle(inner, fill=ground)
    _draw_rays(image, inner, ground, rng)
    x = (box[0] + box[2]) / 2
    emblem = fit(thing.kind, x, top + 168, width=150, height=136)
    draw_object(ImageDraw.Draw(image), thing.kind, thing.color, emblem, rng=rng)
    _draw_title(canvas, (inner[0], box[3] - 54, inner[2], inner[3]), rng)


def _draw_frame(
    canvas: ImageDraw.ImageDraw, box: tuple[float, float, float, float], rng: random.Random
) -> None:
    wood = rng.choice(((92, 66, 46), (70, 70, 76), (150, 120, 62)))
    canvas.rectangle((box[0] + 4, box[1] + 5, box[2] + 5, box[3] + 5), fill=(40, 40, 50, 90))
    canvas.rectangle(box, fill=wood, outline=mix(wood, (0, 0, 0), 0.5), width=2)
    canvas.rectangle(
        (box[0] + 8, box[1] + 8, box[2] - 8, box[3] - 8), fill=mix(wood, (255, 240, 200), 0.4)
    )


def _draw_rays(
    image: Image.Image, inner: tuple[float, float, float, float], ground: RGB, rng: random.Random
) -> None:
    """Draw a faint burst behind the emblem; it stays well within the ground's colour."""
    wide, tall = int(inner[2] - inner[0]), int(inner[3] - inner[1])
    tile = Image.new("RGB", (wide, tall), ground)
    canvas = ImageDraw.Draw(tile)
    toward, share = ((0, 0, 0), 0.05) if sum(ground) > 600 else ((255, 255, 255), 0.09)
    x, y, turn, ray = wide / 2, tall * 0.42, rng.uniform(0, 1), mix(ground, toward, share)
    for index in range(10):
        a = turn + math.tau * index / 10
        points = [(x + 320 * math.cos(b), y + 320 * math.sin(b)) for b in (a, a + 0.3)]
        canvas.polygon([(x, y), *points], fill=ray)
    image.paste(tile, (int(inner[0]), int(inner[1])))


def _draw_title(
    canvas: ImageDraw.ImageDraw, box: tuple[float, float, float, float], rng: random.Random
) -> None:
    """Draw a title bar whose strokes can't be read."""
    canvas.rectangle(box, fill=(240, 232, 210))
    ink, x = (66, 58, 52), box[0] + 14
    while x < box[2] - 24:
        wide = rng.uniform(8, 14)
        canvas.rectangle((x, box[1] + 9, x + wide, box[1] + 22), fill=ink)
        canvas.rectangle((x + 3, box[1] + 12, x + wide - 3, box[1] + 15), fill=(240, 232, 210))
        x += wide + rng.choice((4, 4, 10))
    canvas.line((box[0] + 40, box[1] + 32, box[2] - 40, box[1] + 32), fill=(140, 130, 118), width=3)
