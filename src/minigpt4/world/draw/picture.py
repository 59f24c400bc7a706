"""From a scene's truth to its pixels: lay the objects out, draw, reduce, add the noise of a camera.

`draw(scene)` depends on the scene alone, its seed included. Pictures are drawn at twice their size
and reduced, which smooths all edges.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from minigpt4.errors import SettingsError
from minigpt4.world.draw.background import draw_background
from minigpt4.world.draw.dish import draw_dish
from minigpt4.world.draw.mockup import draw_mockup
from minigpt4.world.draw.objects import ASPECT, TOP, draw_object
from minigpt4.world.draw.poster import draw_poster
from minigpt4.world.draw.product import draw_product
from minigpt4.world.draw.sick_plant import draw_sick_plant
from minigpt4.world.draw.weather import Air, draw_precipitation
from minigpt4.world.scene import Dish, Illness, Mockup, Poster, Scene, SceneObject
from minigpt4.world.vocabulary import POSITIONS

PICTURE_PX = 128
"""Width and height of every picture."""

_CANVAS_PX = 2 * PICTURE_PX
_MARGIN_PX, _GAP_PX = 4, 5
_LARGEST_PX = {"large": (104.0, 98.0), "small": (78.0, 72.0)}
"""Largest width and height of an object on the canvas."""
_FLYING_SHARE = {"plane": 0.85, "balloon": 0.8, "kite": 0.85, "bird": 0.5}
"""How often a kind that stands alone in its column is up in the air."""


@dataclass(frozen=True)
class Placement:
    """Where one object of a scene is drawn; the box is in pixels of the canvas."""

    index: int
    box: tuple[float, float, float, float]
    shadow: bool


@dataclass
class _Stack:
    """What shares a column: a base and perhaps what is on or under it. Sizes in pixels."""

    base: int
    rider: int | None
    relation: str | None
    position: str
    base_size: tuple[float, float]
    rider_size: tuple[float, float] = (0.0, 0.0)
    x: float = 0.0

    @property
    def width(self) -> float:
        return max(self.base_size[0], self.rider_size[0])


def draw(scene: Scene) -> Image.Image:
    """Draw a scene as an RGB picture of `PICTURE_PX` squared.

    Raises:
        SettingsError: if the scene lacks what its kind needs to be drawn.
    """
    rng = random.Random(scene.seed)
    image = Image.new("RGB", (_CANVAS_PX, _CANVAS_PX))
    extra = scene.extra
    if scene.kind in ("scene", "incongruous"):
        _draw_view(image, scene, rng)
    elif scene.kind == "dish" and isinstance(extra, Dish):
        draw_dish(image, extra, rng=rng)
    elif scene.kind == "mockup" and isinstance(extra, Mockup):
        draw_mockup(image, extra, rng=rng)
    elif scene.kind == "product" and scene.objects:
        draw_product(image, scene.objects[0], rng=rng)
    elif scene.kind == "plant" and scene.objects and isinstance(extra, Illness):
        draw_sick_plant(image, scene.objects[0], extra, rng=rng)
    elif scene.kind == "poster" and scene.objects and isinstance(extra, Poster):
        draw_poster(image, scene.objects[0], extra, rng=rng)
    else:
        raise SettingsError(
            f"a {scene.kind} with {len(scene.objects)} objects and extra {extra!r} can't be drawn; "
            "give it the objects and the extra of its kind"
        )
    return _photograph(image.reduce(2), rng)


def place_objects(scene: Scene, *, rng: random.Random) -> list[Placement]:
    """Lay the objects of a scene out in three columns, in the order in which to draw them."""
    stacks = _stack(scene, rng)
    for shrink in (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6):
        _spread(stacks, shrink, rng)
        if all(_fits(stack, shrink) for stack in stacks):
            break
    level = rng.uniform(202, 238)
    placements: list[tuple[float, list[Placement]]] = []
    for stack in stacks:
        foot = min(level + rng.uniform(-7, 7), 244)
        placements.append((foot, _place_stack(scene.objects, stack, foot, shrink, rng)))
    placements.sort(key=lambda item: item[0])  # nearer things are drawn later
    return [placement for _, column in placements for placement in column]


def object_boxes(scene: Scene) -> list[tuple[float, float, float, float]]:
    """Return where each object of a scene stands, as (x0, y0, x1, y1) in pixels of the picture."""
    if scene.kind not in ("scene", "incongruous"):
        return [(0.2 * PICTURE_PX, 0.2 * PICTURE_PX, 0.8 * PICTURE_PX, 0.8 * PICTURE_PX)] * len(
            scene.objects
        )
    placements = sorted(place_objects(scene, rng=_layout_rng(scene)), key=lambda p: p.index)
    return [(p.box[0] / 2, p.box[1] / 2, p.box[2] / 2, p.box[3] / 2) for p in placements]


def _layout_rng(scene: Scene) -> random.Random:
    # A generator of its own, so that the layout is known without drawing.
    return random.Random(f"layout {scene.seed}")


def _draw_view(image: Image.Image, scene: Scene, rng: random.Random) -> None:
    if scene.place is None or scene.time is None or scene.weather is None:
        raise SettingsError(
            f"a {scene.kind} needs a place, time and weather; scene {scene.seed} lacks one"
        )
    air = Air(scene.time, scene.weather)
    draw_background(image, scene.place, air, rng=rng)
    # Objects have a layer of their own: a rim of moonlight can then follow their outline.
    layer = Image.new("RGBA", image.size)
    shadows, canvas = ImageDraw.Draw(image, "RGBA"), ImageDraw.Draw(layer)
    for placement in place_objects(scene, rng=_layout_rng(scene)):
        thing, (x0, _, x1, y1) = scene.objects[placement.index], placement.box
        if placement.shadow:
            deep = max(5.0, 0.09 * (x1 - x0))
            shadows.ellipse((x0 + 2, y1 - deep, x1 - 2, y1 + deep * 0.8), fill=(10, 10, 30, 80))
        draw_object(canvas, thing.kind, thing.color, placement.box, rng=rng, light=air.object_light)
    if scene.time == "night":
        alpha = layer.getchannel("A")
        for dx, dy in ((-2, 0), (2, 0), (0, -2), (0, 2)):
            image.paste((140, 152, 196), (dx, dy), alpha)
    image.paste(layer, (0, 0), layer)
    draw_precipitation(image, air, rng=rng)


def _stack(scene: Scene, rng: random.Random) -> list[_Stack]:
    """Group the objects by column, from left to right."""
    carried = {r.subject: r for r in scene.relations if r.name in ("on", "under")}
    riders = {relation.object: relation for relation in carried.values()}
    stacks = []
    for index, thing in enumerate(scene.objects):
        if index in carried:
            continue
        relation = riders.get(index)
        stack = _Stack(
            base=index,
            rider=relation.subject if relation else None,
            relation=relation.name if relation else None,
            position=thing.position,
            base_size=_size(thing, rng),
        )
        if relation:
            stack.rider_size = _size(scene.objects[relation.subject], rng)
            _fit_rider(stack, thing.kind)
        stacks.append(stack)
    return sorted(stacks, key=lambda stack: POSITIONS.index(stack.position))


def _size(thing: SceneObject, rng: random.Random) -> tuple[float, float]:
    wide, tall = _LARGEST_PX[thing.size]
    height = min(tall, wide / ASPECT[thing.kind]) * rng.uniform(0.94, 1.08)
    return height * ASPECT[thing.kind], height


def _fit_rider(stack: _Stack, base_kind: str) -> None:
    """Keep what is on or under a base in proportion, so that both stay visible."""
    wide, tall = stack.base_size
    if stack.relation == "under":
        tall = min(1.22 * tall, 116.0)
        wide = tall * ASPECT[base_kind]
        stack.base_size = (wide, tall)
        room = (1 - TOP[base_kind]) * tall * 0.8 + 16 if base_kind == "table" else 0.5 * tall
        most = (max(0.7 * wide, 62.0), min(room, 68.0))
    else:
        most = (max(1.05 * wide, 56.0), 70.0)
    shrink = min(1.0, most[0] / stack.rider_size[0], most[1] / stack.rider_size[1])
    stack.rider_size = (stack.rider_size[0] * shrink, stack.rider_size[1] * shrink)


def _spread(stacks: list[_Stack], shrink: float, rng: random.Random) -> None:
    """Set the middle of each column: near its third, apart from its neighbours, inside."""
    left, right = float(_MARGIN_PX), float(_CANVAS_PX - _MARGIN_PX)
    edge = left
    for stack in stacks:
        half = stack.width * shrink / 2
        wish = _CANVAS_PX * (2 * POSITIONS.index(stack.position) + 1) / 6 + rng.uniform(-10, 10)
        stack.x = max(wish, edge + half)
        edge = stack.x + half + _GAP_PX
    edge = right
    for stack in reversed(stacks):
        half = stack.width * shrink / 2
        stack.x = min(stack.x, edge - half)
        edge = stack.x - half - _GAP_PX


def _fits(stack: _Stack, shrink: float) -> bool:
    """Say whether a column stands in its third and inside the picture."""
    third, half = _CANVAS_PX / 3, stack.width * shrink / 2
    index = POSITIONS.index(stack.position)
    inside = stack.x - half >= _MARGIN_PX and stack.x + half <= _CANVAS_PX - _MARGIN_PX
    return inside and index * third <= stack.x <= (index + 1) * third


def _place_stack(
    objects: tuple[SceneObject, ...], stack: _Stack, foot: float, shrink: float, rng: random.Random
) -> list[Placement]:
    kind = objects[stack.base].kind
    wide, tall = stack.base_size[0] * shrink, stack.base_size[1] * shrink
    if stack.rider is None:
        flies = rng.random() < _FLYING_SHARE.get(kind, 0.0)
        if flies:
            foot = rng.uniform(tall + 10, max(tall + 12, 156))
        return [Placement(stack.base, _box(stack.x, foot, wide, tall), not flies)]
    # A crowd shrinks what carries, but what is carried only as far as it must: it is small already.
    keep = min(1.0, stack.width * shrink / stack.rider_size[0])
    if stack.relation == "under":
        keep = min(keep, 1.1 * shrink)
    rider_wide, rider_tall = stack.rider_size[0] * keep, stack.rider_size[1] * keep
    if stack.relation == "on":
        rider_foot = foot - tall * (1 - TOP[kind]) + 2
    else:
        rider_foot, foot = foot + 2, foot - 16
    return [
        Placement(stack.base, _box(stack.x, foot, wide, tall), True),
        Placement(
            stack.rider,
            _box(stack.x, rider_foot, rider_wide, rider_tall),
            stack.relation == "under",
        ),
    ]


def _box(x: float, foot: float, wide: float, tall: float) -> tuple[float, float, float, float]:
    return (x - wide / 2, foot - tall, x + wide / 2, foot)


def _photograph(image: Image.Image, rng: random.Random) -> Image.Image:
    """Vary the exposure a little and add the noise of a sensor."""
    noise = np.random.default_rng(rng.getrandbits(32))
    pixels = np.asarray(image, dtype=np.float32) * rng.uniform(0.95, 1.05)  # (H, W, 3)
    height, width, _ = pixels.shape
    pixels += 2.2 * noise.standard_normal((height, width, 1), dtype=np.float32)
    pixels += 1.2 * noise.standard_normal((height, width, 3), dtype=np.float32)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
