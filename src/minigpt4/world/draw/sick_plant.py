"""A plant with a visible illness in a corner of a garden.

The plant is drawn on a layer of its own. Its outline there says where marks may lie, so that every
symptom follows the shape of the plant. Sizes are in pixels of the canvas.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from minigpt4.world.draw.objects import draw_object
from minigpt4.world.draw.pen import RGB
from minigpt4.world.draw.product import fit
from minigpt4.world.draw.weather import gradient, mix
from minigpt4.world.scene import Illness, SceneObject

Spot = tuple[float, float]


def draw_sick_plant(
    image: Image.Image, thing: SceneObject, illness: Illness, *, rng: random.Random
) -> None:
    """Fill the canvas with a garden and a plant that shows the illness."""
    x, foot = image.width / 2 + rng.uniform(-10, 6), 222 + rng.uniform(-5, 5)
    _draw_garden(image, x, foot, rng)
    layer = Image.new("RGBA", image.size)
    box = fit(thing.kind, x, foot, width=190, height=176)
    draw_object(ImageDraw.Draw(layer), thing.kind, thing.color, box, rng=rng)
    layer = _SYMPTOMS[illness.name](layer, box, rng)
    image.paste(layer, (0, 0), layer)
    if illness.name == "wilt":
        _draw_fallen_leaves(ImageDraw.Draw(image), x, foot, rng)


def _draw_garden(image: Image.Image, x: float, foot: float, rng: random.Random) -> None:
    wall = rng.choice(((186, 206, 178), (176, 200, 214), (212, 198, 164)))
    ground = rng.choice(((214, 200, 172), (206, 208, 176)))
    edge = rng.randint(176, 186)
    image.paste(gradient(wall, mix(wall, (255, 255, 255), 0.2), width=image.width, height=edge))
    image.paste(
        gradient(
            ground, mix(ground, (120, 100, 70), 0.2), width=image.width, height=image.height - edge
        ),
        (0, edge),
    )
    canvas = ImageDraw.Draw(image, "RGBA")
    board = mix(wall, (150, 140, 120), 0.28)
    for post in range(rng.randint(-10, 6), image.width, 32):
        canvas.line((post, 60, post, edge), fill=board, width=3)
    canvas.rectangle((0, 84, image.width, 90), fill=board)
    canvas.line((0, edge, image.width, edge), fill=mix(ground, (90, 80, 60), 0.4), width=3)
    canvas.ellipse((x - 82, foot - 16, x + 82, foot + 20), fill=(134, 98, 66))
    canvas.ellipse((x - 72, foot - 12, x + 72, foot + 13), fill=(152, 114, 78))
    side = rng.choice((22, image.width - 22))
    _draw_label(canvas, side, 232)


def _draw_label(canvas: ImageDraw.ImageDraw, x: float, foot: float) -> None:
    wood, edge = (206, 174, 126), (120, 90, 54)
    canvas.rectangle((x - 3, foot - 44, x + 3, foot + 6), fill=wood, outline=edge)
    canvas.rectangle((x - 17, foot - 58, x + 17, foot - 34), fill=wood, outline=edge, width=2)
    for y in (-51, -44):
        canvas.line((x - 11, foot + y, x + 9, foot + y), fill=edge, width=2)


def _mask(layer: Image.Image) -> np.ndarray:
    return np.asarray(layer.getchannel("A")) > 0


def _places(layer: Image.Image, count: int, apart: float, rng: random.Random) -> list[Spot]:
    """Return up to `count` places on the plant, at least `apart` pixels from each other."""
    rows, columns = np.nonzero(_mask(layer))
    places: list[Spot] = []
    for _ in range(count * 12):
        index = rng.randrange(len(rows))
        x, y = float(columns[index]), float(rows[index])
        if all(math.hypot(x - px, y - py) >= apart for px, py in places):
            places.append((x, y))
            if len(places) == count:
                break
    return places


def _over(layer: Image.Image, marks: Image.Image) -> Image.Image:
    """Lay `marks` over the plant, only where the plant is."""
    alpha = layer.getchannel("A")
    marked = Image.alpha_composite(layer, marks)
    marked.putalpha(alpha)
    return marked


def _disc(canvas: ImageDraw.ImageDraw, place: Spot, radius: float, fill: tuple[int, ...]) -> None:
    x, y = place
    canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _draw_spots(layer: Image.Image, box: tuple[float, ...], rng: random.Random) -> Image.Image:
    marks = Image.new("RGBA", layer.size)
    canvas = ImageDraw.Draw(marks)
    for place in _places(layer, 26, 17, rng):
        radius = rng.uniform(6.5, 9.5)
        _disc(canvas, place, radius + 2, (206, 168, 92, 255))
        _disc(canvas, place, radius, (104, 58, 22, 255))
        _disc(canvas, place, radius * 0.4, (66, 34, 12, 255))
    return _over(layer, marks)


def _draw_mildew(layer: Image.Image, box: tuple[float, ...], rng: random.Random) -> Image.Image:
    marks = Image.new("RGBA", layer.size)
    canvas = ImageDraw.Draw(marks)
    for x, y in _places(layer, 20, 20, rng):
        for _ in range(16):
            place = (x + rng.gauss(0, 8), y + rng.gauss(0, 6))
            _disc(canvas, place, rng.uniform(2, 5), (246, 247, 250, 240))
    dusted = _over(layer, marks)
    loose = ImageDraw.Draw(dusted)
    for x, y in _places(layer, 26, 8, rng):
        _disc(loose, (x + rng.uniform(-9, 9), y + rng.uniform(-4, 9)), 1.7, (255, 255, 255, 255))
    return dusted


def _draw_holes(layer: Image.Image, box: tuple[float, ...], rng: random.Random) -> Image.Image:
    """Cut holes through which the ground is seen; a dark rim tells them from spots."""
    marks, alpha = Image.new("RGBA", layer.size), layer.getchannel("A")
    canvas, cut = ImageDraw.Draw(marks), ImageDraw.Draw(alpha)
    upper = layer.copy()
    # A bitten stem would fall; holes keep to the upper part.
    upper.paste(
        (0, 0, 0, 0), (0, int(box[3] - 0.42 * (box[3] - box[1])), layer.width, layer.height)
    )
    holes = [(place, rng.uniform(7.5, 12)) for place in _places(upper, 12, 27, rng)]
    bites = [
        (x + 0.55 * radius * math.cos(a), y + 0.55 * radius * math.sin(a), radius * 0.62)
        for (x, y), radius in holes
        for a in (0.3, 1.9, 3.3, 4.8)
    ]
    for x, y, radius in bites:
        _disc(canvas, (x, y), radius + 3, (70, 52, 24, 255))
    layer = _over(layer, marks)
    for x, y, radius in bites:
        _disc(cut, (x, y), radius, (0,))
    layer.putalpha(alpha)
    return layer


def _draw_rust(layer: Image.Image, box: tuple[float, ...], rng: random.Random) -> Image.Image:
    marks = Image.new("RGBA", layer.size)
    canvas = ImageDraw.Draw(marks)
    slope = rng.choice((-1, 1)) * rng.uniform(0.35, 0.7)
    shift, step = rng.uniform(0, 20), rng.uniform(22, 27)
    for index in range(-6, 20):
        y = index * step + shift
        line = [(x, y + slope * x + 2.5 * math.sin(x / 7)) for x in range(0, layer.width + 8, 8)]
        canvas.line(line, fill=(96, 36, 4, 255), width=12)
        canvas.line(line, fill=(250, 132, 16, 255), width=8)
    return _over(layer, marks)


def _draw_rot(layer: Image.Image, box: tuple[float, ...], rng: random.Random) -> Image.Image:
    """Blacken the lower part of the plant with a ragged edge, and draw a wet foot."""
    marks = Image.new("RGBA", layer.size)
    canvas = ImageDraw.Draw(marks)
    tall = box[3] - box[1]
    line = box[3] - tall * rng.uniform(0.3, 0.37)
    edge = [(x, line + rng.uniform(-9, 9)) for x in range(0, layer.width + 9, 9)]
    canvas.polygon([(0, layer.height), *edge, (layer.width, layer.height)], fill=(20, 15, 16, 255))
    canvas.line(edge, fill=(84, 54, 34, 255), width=5)
    rotten = _over(layer, marks)
    foot = ImageDraw.Draw(rotten)
    x, y = (box[0] + box[2]) / 2, box[3]
    foot.ellipse((x - 30, y - 9, x + 30, y + 8), fill=(20, 15, 16, 255))
    for index in range(-2, 3):
        _disc(
            foot,
            (x + index * 15 + rng.uniform(-4, 4), y + rng.uniform(-3, 5)),
            9,
            (20, 15, 16, 255),
        )
    return rotten


def _draw_wilt(layer: Image.Image, box: tuple[float, ...], rng: random.Random) -> Image.Image:
    """Bend the plant to one side and hang limp leaves on it."""
    way = rng.choice((-1, 1))
    pixels = np.asarray(layer)
    height, width = pixels.shape[:2]
    foot, tall = box[3], box[3] - box[1]
    sag = 0.84
    rows = np.arange(height)
    source = np.clip(foot - (foot - rows) / sag, 0, height - 1).astype(int)  # shorter
    bend = way * 40 * np.clip((foot - rows) / (tall * sag), 0, 1) ** 2
    columns = np.clip(np.arange(width)[None, :] - bend[:, None], 0, width - 1).astype(int)
    drooping = Image.fromarray(pixels[source[:, None], columns])
    canvas = ImageDraw.Draw(drooping)
    for index in range(8):
        share = 0.25 + 0.6 * (index // 2) / 3
        y = foot - tall * sag * share
        row = np.nonzero(_mask(drooping)[int(np.clip(y, 0, height - 1))])[0]
        if len(row) == 0:
            continue
        side = -1 if index % 2 else 1
        x = float(row[0] + 3 if side < 0 else row[-1] - 3)
        _draw_limp_leaf(canvas, x, y, side, rng)
    return drooping


def _draw_limp_leaf(
    canvas: ImageDraw.ImageDraw, x: float, y: float, side: int, rng: random.Random
) -> None:
    color: RGB = rng.choice(((150, 140, 56), (134, 128, 60), (168, 150, 66)))
    edge, long = mix(color, (50, 40, 10), 0.6), rng.uniform(34, 44)
    x = min(max(x, 20), 236)
    bend = x + side * 12
    leaf = [
        (bend - 8, y + 12),
        (bend - 9, y + long * 0.6),
        (bend - side * 2, y + long),
        (bend + 9, y + long * 0.55),
        (bend + 8, y + 12),
        (bend, y + 3),
    ]
    canvas.line([(x, y), (x + side * 7, y - 5), (bend, y + 4)], fill=edge, width=4)
    canvas.polygon(leaf, fill=color)
    canvas.line([*leaf, leaf[0]], fill=edge, width=2)
    canvas.line([(bend, y + 6), (bend, y + long * 0.85)], fill=edge, width=2)


def _draw_fallen_leaves(
    canvas: ImageDraw.ImageDraw, x: float, foot: float, rng: random.Random
) -> None:
    for side in (-1, 1):
        fx, fy = x + side * rng.uniform(44, 66), foot + rng.uniform(6, 16)
        leaf = [(fx - 15, fy), (fx - 4, fy - 7), (fx + 13, fy - 2), (fx + 2, fy + 6)]
        canvas.polygon(leaf, fill=(160, 138, 62), outline=(84, 66, 24))


_SYMPTOMS: dict[str, Callable[[Image.Image, tuple[float, ...], random.Random], Image.Image]] = {
    "spots": _draw_spots,
    "mildew": _draw_mildew,
    "holes": _draw_holes,
    "wilt": _draw_wilt,
    "rust": _draw_rust,
    "rot": _draw_rot,
}
