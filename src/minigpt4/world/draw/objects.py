"""Draw any one thing of the world in any of its colours.

Here are the one table from kind to drawing function, what a placed thing needs to know of a kind
(how wide it is, where something may stand on it) and the palette of a colour. Paper: none; part
of the drawn world.
"""

from __future__ import annotations

import colorsys
import random
from collections.abc import Callable

from PIL import ImageDraw

from minigpt4.world.draw import animal, building, food, household, plant, toy, vehicle
from minigpt4.world.draw.pen import RGB, Palette, Pen

DRAWERS: dict[str, Callable[[Pen], None]] = {
    "dog": animal.draw_dog,
    "cat": animal.draw_cat,
    "horse": animal.draw_horse,
    "bird": animal.draw_bird,
    "fish": animal.draw_fish,
    "rabbit": animal.draw_rabbit,
    "elephant": animal.draw_elephant,
    "snail": animal.draw_snail,
    "apple": food.draw_apple,
    "banana": food.draw_banana,
    "cake": food.draw_cake,
    "pizza": food.draw_pizza,
    "carrot": food.draw_carrot,
    "burger": food.draw_burger,
    "cheese": food.draw_cheese,
    "car": vehicle.draw_car,
    "bus": vehicle.draw_bus,
    "bicycle": vehicle.draw_bicycle,
    "boat": vehicle.draw_boat,
    "train": vehicle.draw_train,
    "plane": vehicle.draw_plane,
    "tree": plant.draw_tree,
    "palm": plant.draw_palm,
    "flower": plant.draw_flower,
    "cactus": plant.draw_cactus,
    "mushroom": plant.draw_mushroom,
    "bush": plant.draw_bush,
    "house": building.draw_house,
    "tower": building.draw_tower,
    "church": building.draw_church,
    "tent": building.draw_tent,
    "castle": building.draw_castle,
    "windmill": building.draw_windmill,
    "chair": household.draw_chair,
    "table": household.draw_table,
    "lamp": household.draw_lamp,
    "umbrella": household.draw_umbrella,
    "bottle": household.draw_bottle,
    "cup": household.draw_cup,
    "clock": household.draw_clock,
    "book": household.draw_book,
    "ball": toy.draw_ball,
    "balloon": toy.draw_balloon,
    "kite": toy.draw_kite,
    "robot": toy.draw_robot,
    "snowman": toy.draw_snowman,
}

ASPECT: dict[str, float] = {
    "dog": 1.15, "cat": 0.8, "horse": 1.05, "bird": 1.1, "fish": 1.4, "rabbit": 0.85,
    "elephant": 1.3, "snail": 1.3,
    "apple": 0.95, "banana": 1.3, "cake": 1.1, "pizza": 0.95, "carrot": 1.0, "burger": 1.15,
    "cheese": 1.25,
    "car": 1.4, "bus": 1.4, "bicycle": 1.35, "boat": 1.05, "train": 1.4, "plane": 1.2,
    "tree": 0.85, "palm": 0.95, "flower": 0.68, "cactus": 0.75, "mushroom": 1.0, "bush": 1.35,
    "house": 1.05, "tower": 0.6, "church": 0.9, "tent": 1.3, "castle": 1.15, "windmill": 0.85,
    "chair": 0.7, "table": 1.4, "lamp": 0.62, "umbrella": 1.0, "bottle": 0.6, "cup": 1.0,
    "clock": 0.9, "book": 0.85,
    "ball": 1.0, "balloon": 0.65, "kite": 0.8, "robot": 0.8, "snowman": 0.7,
}  # fmt: skip
"""Width of a kind's box divided by its height."""

TOP: dict[str, float] = {
    "table": 0.22,
    "chair": 0.48,
    "car": 0.09,
    "bus": 0.07,
    "boat": 0.66,
    "train": 0.37,
    "house": 0.13,
    "book": 0.04,
    "bicycle": 0.22,
}
"""The height (0 is the top of the box) where a small thing stands on a support, in its middle."""

_HUES: dict[str, tuple[float, float, float]] = {
    "red": (0.993, 0.84, 0.84),
    "orange": (0.075, 0.92, 0.97),
    "yellow": (0.143, 0.82, 0.99),
    "green": (0.352, 0.66, 0.64),
    "blue": (0.604, 0.8, 0.84),
    "purple": (0.78, 0.66, 0.7),
    "white": (0.14, 0.015, 0.97),
    "black": (0.66, 0.1, 0.19),
}
_HUE_SPREAD, _TONE_SPREAD = 0.008, 0.05
_LEAST_LIGHT = 0.7
_LIGHTEN = {"black": 0.13, "orange": 0.16}
"""Share of white in the light shade: an orange much lighter would be a yellow."""
_STEADY = frozenset(TOP) | {"tower", "church", "castle", "windmill", "tent", "lamp", "tree", "palm"}


def palette_for(color: str, rng: random.Random, light: float = 1.0) -> Palette:
    """Return the shades of `color`, varied a little; `light` below 1 dims them (evening, night).

    Hue moves by less than a tenth of the way to the neighbouring colour, and dimming stops where
    colours would begin to run into black.
    """
    light = max(_LEAST_LIGHT, min(1.0, light))
    hue, saturation, value = _HUES[color]
    hue += rng.uniform(-_HUE_SPREAD, _HUE_SPREAD)
    tone = rng.uniform(-_TONE_SPREAD, _TONE_SPREAD)
    if color in ("white", "black"):
        value += tone * 0.4
    else:
        saturation, value = min(1.0, saturation + tone), min(1.0, value + tone * 0.6)
    main = _rgb(hue % 1.0, saturation, min(1.0, value))
    black = color == "black"
    return Palette(
        main=_scale(main, 1.0 if black else light),
        dark=_scale(main, 0.62 if black else (0.87 if color == "yellow" else 0.8) * light),
        light=_scale(_toward_white(main, _LIGHTEN.get(color, 0.26)), 1.0 if black else light),
        outline=_scale((160, 162, 170), light) if black else (38, 32, 40),
        accent=_scale((194, 199, 206) if color == "white" else (250, 244, 220), light),
        wood=_scale((128, 88, 56), light),
        leaf=_scale((92, 160, 72), light),
        gold=_scale((240, 176, 56), light),
    )


def draw_object(
    canvas: ImageDraw.ImageDraw,
    thing_kind: str,
    color: str,
    box: tuple[float, float, float, float],
    *,
    rng: random.Random,
    light: float = 1.0,
) -> None:
    """Draw one thing into its pixel box, mirrored and tilted as `rng` says."""
    palette = palette_for(color, rng, light)
    sway = 0.025 if thing_kind in _STEADY else 0.07
    pen = Pen(
        canvas,
        box,
        palette,
        rng=rng,
        mirrored=rng.random() < 0.5,
        tilt=rng.uniform(-sway, sway),
    )
    DRAWERS[thing_kind](pen)


def _rgb(hue: float, saturation: float, value: float) -> RGB:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def _scale(color: RGB, factor: float) -> RGB:
    red, green, blue = color
    return round(red * factor), round(green * factor), round(blue * factor)


def _toward_white(color: RGB, share: float) -> RGB:
    red, green, blue = (round(part + (255 - part) * share) for part in color)
    return red, green, blue
