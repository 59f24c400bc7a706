"""Dishes and their ingredients."""

import itertools
import random

import numpy as np
import pytest
from PIL import Image, ImageDraw

from minigpt4.world.draw.dish import draw_dish
from minigpt4.world.draw.ingredients import draw_ingredient
from minigpt4.world.scene import Dish
from minigpt4.world.vocabulary import DISHES, INGREDIENTS


def picture(dish: Dish, seed: int = 0) -> np.ndarray:
    image = Image.new("RGB", (256, 256))
    draw_dish(image, dish, rng=random.Random(seed))
    return np.asarray(image.reduce(2), dtype=float)


def piece(name: str) -> np.ndarray:
    image = Image.new("RGB", (64, 64), (200, 200, 200))
    draw_ingredient(ImageDraw.Draw(image), name, (32, 32), 26, rng=random.Random(5))
    return np.asarray(image, dtype=float)


@pytest.mark.parametrize("name", DISHES)
@pytest.mark.parametrize("count", [2, 3, 4])
def test_every_dish_takes_two_to_four_ingredients(name, count):
    pixels = picture(Dish(name=name, ingredients=INGREDIENTS[:count]))
    other = picture(Dish(name=name, ingredients=INGREDIENTS[-count:]))
    assert (np.abs(pixels - other).sum(axis=-1) > 60).mean() > 0.05


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(INGREDIENTS, 2)))
def test_no_two_ingredients_look_alike(first, second):
    assert np.abs(piece(first) - piece(second)).mean() > 12


@pytest.mark.parametrize("name", INGREDIENTS)
def test_a_piece_stays_near_its_place_and_is_large(name):
    ys, xs = np.nonzero(np.abs(piece(name) - 200).sum(axis=-1) > 30)
    assert xs.max() - xs.min() >= 40 or ys.max() - ys.min() >= 40
    assert abs(xs.mean() - 32) < 8
    assert abs(ys.mean() - 32) < 8
