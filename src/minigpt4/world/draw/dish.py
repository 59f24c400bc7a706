"""Dishes: a vessel that tells the dish, with large pieces of its ingredients.

All dishes are seen from above, except the sandwich, whose slices only show from the side. Sizes
are in pixels of the canvas, which is twice the size of the picture.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from PIL import Image, ImageDraw

from minigpt4.world.draw.ingredients import draw_ingredient
from minigpt4.world.draw.pen import RGB
from minigpt4.world.draw.weather import gradient, mix
from minigpt4.world.scene import Dish

_CLOTHS: tuple[RGB, ...] = (
    (186, 206, 222),
    (222, 206, 186),
    (200, 216, 196),
    (214, 200, 216),
    (208, 210, 212),
)
Spot = tuple[float, float]


def draw_dish(image: Image.Image, dish: Dish, *, rng: random.Random) -> None:
    """Fill the canvas with a table and one dish."""
    canvas = ImageDraw.Draw(image, "RGBA")
    _draw_cloth(image, canvas, rng)
    center = (image.width / 2 + rng.uniform(-5, 5), image.height / 2 + rng.uniform(-5, 5))
    _VESSELS[dish.name](canvas, center, rng)
    spots = _side_spots if dish.name == "sandwich" else _round_spots
    pieces, places, radius = _deal(dish, spots, center, rng)
    for name, (x, y) in zip(pieces, places, strict=True):
        draw_ingredient(canvas, name, (x, y), radius * rng.uniform(0.95, 1.05), rng=rng)
    if dish.name == "sandwich":
        _draw_bread(canvas, center)


def _deal(
    dish: Dish,
    spots: Callable[[int, tuple[float, float], random.Random], tuple[list[Spot], float]],
    center: tuple[float, float],
    rng: random.Random,
) -> tuple[list[str], list[Spot], float]:
    """Give each ingredient two or three pieces and each piece a place of its own."""
    each = 3 if len(dish.ingredients) == 2 else 2
    pieces = [name for _ in range(each) for name in dish.ingredients]
    places, radius = spots(len(pieces), center, rng)
    if dish.name != "sandwich":
        rng.shuffle(pieces)
    return pieces, places, radius


def _round_spots(
    count: int, center: tuple[float, float], rng: random.Random
) -> tuple[list[Spot], float]:
    """Return places on a plate, one in the middle and the others around it, and a radius."""
    around = count - 1
    start, reach = rng.uniform(0, math.tau), 58.0
    radius = min(27.0, reach * math.sin(math.pi / around) - 0.5)
    places = [(center[0] + rng.uniform(-3, 3), center[1] + rng.uniform(-3, 3))]
    for index in range(around):
        angle = start + math.tau * index / around + rng.uniform(-0.04, 0.04)
        far = reach + rng.uniform(-1, 3)
        places.append((center[0] + far * math.cos(angle), center[1] + far * math.sin(angle)))
    return places, radius


def _side_spots(
    count: int, center: tuple[float, float], rng: random.Random
) -> tuple[list[Spot], float]:
    """Return places in the two fillings of a sandwich, and a radius."""
    per_row = count // 2
    step = 206 / per_row
    places = []
    for row in range(2):
        for index in range(per_row):
            x = center[0] + (index - (per_row - 1) / 2) * step + rng.uniform(-2, 2)
            places.append((x, center[1] + (-33, 33)[row] + rng.uniform(-1, 1)))
    return places, 24.0


def _draw_cloth(image: Image.Image, canvas: ImageDraw.ImageDraw, rng: random.Random) -> None:
    cloth = rng.choice(_CLOTHS)
    image.paste(
        gradient(mix(cloth, (255, 255, 255), 0.15), cloth, width=image.width, height=image.height)
    )
    stripe = (*mix(cloth, (255, 255, 255), 0.55), 110)
    pattern = rng.choice(("checks", "stripes", "plain"))
    if pattern == "plain":
        return
    for x in range(rng.randint(-16, 0), image.width, 32):
        canvas.rectangle((x, 0, x + 15, image.height), fill=stripe)
        if pattern == "checks":
            canvas.rectangle((0, x, image.width, x + 15), fill=stripe)


def _draw_plate(canvas: ImageDraw.ImageDraw, center: Spot, rng: random.Random) -> None:
    rim = rng.choice(((252, 252, 252), (236, 242, 248), (250, 244, 232)))
    _disc(canvas, (center[0] + 3, center[1] + 5), 117, (60, 60, 80, 80))
    _disc(canvas, center, 116, rim, outline=(150, 152, 160))
    _disc(canvas, center, 98, mix(rim, (180, 184, 196), 0.25))
    _disc(canvas, center, 95, rim)


def _draw_salad(canvas: ImageDraw.ImageDraw, center: Spot, rng: random.Random) -> None:
    _draw_plate(canvas, center, rng)
    greens: tuple[RGB, ...] = ((126, 196, 66), (150, 214, 88), (104, 176, 58), (174, 226, 112))
    for ring, (count, far) in enumerate(((13, 76), (9, 46), (4, 16))):
        for index in range(count):
            angle = math.tau * (index + rng.uniform(-0.2, 0.2)) / count + ring
            _draw_leaf(canvas, center, angle, far, rng.choice(greens))


def _draw_leaf(
    canvas: ImageDraw.ImageDraw, center: Spot, angle: float, far: float, color: RGB
) -> None:
    x, y = center[0] + far * math.cos(angle), center[1] + far * math.sin(angle)
    points = []
    for step in range(18):
        a = math.tau * step / 18
        reach = 27 + (4 if step % 2 else -2)
        along, across = reach * math.cos(a), reach * 0.68 * math.sin(a)
        points.append(
            (
                x + along * math.cos(angle) - across * math.sin(angle),
                y + along * math.sin(angle) + across * math.cos(angle),
            )
        )
    edge = mix(color, (30, 80, 20), 0.5)
    canvas.polygon(points, fill=color)
    canvas.line([*points, points[0]], fill=edge, width=2)
    dx, dy = 22 * math.cos(angle), 22 * math.sin(angle)
    canvas.line((x - dx, y - dy, x + dx, y + dy), fill=mix(color, (255, 255, 255), 0.6), width=2)


def _draw_soup(canvas: ImageDraw.ImageDraw, center: Spot, rng: random.Random) -> None:
    bowl = rng.choice(((70, 116, 190), (66, 150, 160), (240, 240, 244)))
    _disc(canvas, (center[0] + 3, center[1] + 5), 113, (60, 60, 80, 90))
    _disc(canvas, center, 112, bowl, outline=mix(bowl, (0, 0, 0), 0.45))
    _disc(canvas, center, 100, mix(bowl, (255, 255, 255), 0.4))
    _disc(canvas, center, 93, (196, 74, 26))
    _disc(canvas, (center[0], center[1] + 1), 90, (238, 112, 40))
    for _ in range(16):
        angle, far, r = rng.uniform(0, math.tau), rng.uniform(0, 82), rng.uniform(3, 7)
        x, y = center[0] + far * math.cos(angle), center[1] + far * math.sin(angle)
        canvas.ellipse((x - r, y - r, x + r, y + r), outline=(255, 178, 92), width=2)
    # A spoon leans on the rim: the sign of a soup.
    sx, sy = center[0] + 84, center[1] - 84
    canvas.line((sx - 8, sy + 8, sx + 40, sy - 40), fill=(120, 124, 134), width=13)
    canvas.line((sx - 8, sy + 8, sx + 40, sy - 40), fill=(206, 210, 218), width=9)


def _draw_pasta(canvas: ImageDraw.ImageDraw, center: Spot, rng: random.Random) -> None:
    _draw_plate(canvas, center, rng)
    _disc(canvas, center, 92, (232, 186, 92), outline=(184, 130, 44))
    for _ in range(74):
        angle, far = rng.uniform(0, math.tau), 72 * math.sqrt(rng.random())
        x, y, r = (
            center[0] + far * math.cos(angle),
            center[1] + far * math.sin(angle),
            rng.uniform(13, 25),
        )
        start = rng.uniform(0, 360)
        box, end = (x - r, y - r, x + r, y + r), start + rng.uniform(150, 290)
        canvas.arc(
            (box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1),
            start,
            end,
            fill=(184, 130, 44),
            width=7,
        )
        canvas.arc(box, start, end, fill=(255, 228, 140), width=4)


def _draw_pie(canvas: ImageDraw.ImageDraw, center: Spot, rng: random.Random) -> None:
    _disc(canvas, (center[0] + 3, center[1] + 5), 119, (60, 60, 80, 90))
    _disc(canvas, center, 118, (168, 172, 180), outline=(110, 114, 124))
    crust, deep = (222, 164, 84), (158, 98, 38)
    for index in range(24):
        angle = math.tau * index / 24
        x, y = center[0] + 100 * math.cos(angle), center[1] + 100 * math.sin(angle)
        canvas.ellipse((x - 14, y - 14, x + 14, y + 14), fill=crust, outline=deep, width=2)
    _disc(canvas, center, 92, deep)
    _disc(canvas, center, 88, (150, 70, 48))
    for offset in range(-72, 73, 36):
        half = math.sqrt(90**2 - offset**2)
        for flip in (False, True):
            x, y = center[0] + offset, center[1] + offset
            box = (center[0] - half, y - 8, center[0] + half, y + 8)
            if flip:
                box = (x - 8, center[1] - half, x + 8, center[1] + half)
            canvas.rectangle(box, fill=(236, 188, 112), outline=deep, width=2)


def _draw_stew(canvas: ImageDraw.ImageDraw, center: Spot, rng: random.Random) -> None:
    iron, edge = (62, 58, 62), (26, 24, 28)
    x, y = center
    for side in (-1, 1):
        hx = x + side * 106
        canvas.rounded_rectangle(
            (hx - 20, y - 30, hx + 20, y + 30), 12, fill=iron, outline=edge, width=3
        )
        canvas.rounded_rectangle((hx - 8, y - 17, hx + 8, y + 17), 6, fill=(170, 168, 166))
    _disc(canvas, (x + 3, y + 5), 106, (40, 40, 60, 90))
    _disc(canvas, center, 105, iron, outline=edge)
    _disc(canvas, center, 96, (96, 92, 96))
    _disc(canvas, center, 91, (84, 46, 22))
    _disc(canvas, (x, y + 1), 88, (122, 72, 36))
    for _ in range(26):
        angle, far, r = rng.uniform(0, math.tau), rng.uniform(0, 80), rng.uniform(4, 11)
        bx, by = x + far * math.cos(angle), y + far * math.sin(angle)
        shade = rng.choice(((146, 92, 48), (100, 56, 26)))
        canvas.ellipse((bx - r, by - r * 0.7, bx + r, by + r * 0.7), fill=shade)


def _draw_sandwich(canvas: ImageDraw.ImageDraw, center: Spot, rng: random.Random) -> None:
    x, y = center
    canvas.ellipse(
        (x - 122, y + 78, x + 122, y + 116), fill=(250, 250, 252), outline=(150, 152, 160), width=2
    )
    canvas.ellipse((x - 96, y + 84, x + 96, y + 108), fill=(224, 228, 234))
    for low in (-8, 58):
        canvas.rectangle((x - 98, y + low - 50, x + 98, y + low), fill=(250, 240, 206))


def _draw_bread(canvas: ImageDraw.ImageDraw, center: Spot) -> None:
    """Draw the three slices that hold the fillings, over the edges of the pieces."""
    x, y = center
    crumb, crust = (240, 208, 150), (164, 98, 40)
    for top, tall, round_px in ((-100, 46, 22), (-9, 19, 8), (56, 36, 12)):
        box = (x - 110, y + top, x + 110, y + top + tall)
        canvas.rounded_rectangle(box, round_px, fill=crust)
        canvas.rounded_rectangle(
            (box[0] + 5, box[1] + 5, box[2] - 5, box[3] - 4), round_px - 3, fill=crumb
        )
        for hole in range(9):
            hx = x - 90 + hole * 22
            hy = y + top + tall * (0.36 if hole % 2 else 0.6)
            canvas.ellipse((hx, hy, hx + 5, hy + 3), fill=(214, 174, 112))


def _disc(
    canvas: ImageDraw.ImageDraw,
    center: Spot,
    radius: float,
    fill: tuple[int, ...],
    *,
    outline: RGB | None = None,
) -> None:
    x, y = center
    canvas.ellipse(
        (x - radius, y - radius, x + radius, y + radius), fill=fill, outline=outline, width=2
    )


_VESSELS: dict[str, Callable[[ImageDraw.ImageDraw, Spot, random.Random], None]] = {
    "salad": _draw_salad,
    "soup": _draw_soup,
    "pasta": _draw_pasta,
    "pie": _draw_pie,
    "stew": _draw_stew,
    "sandwich": _draw_sandwich,
}
