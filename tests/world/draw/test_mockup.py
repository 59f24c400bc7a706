"""Sketches of web pages show exactly what their truth counts."""

import random

import numpy as np
import pytest
from PIL import Image

from minigpt4.world.draw.mockup import draw_mockup
from minigpt4.world.draw.poster import PAINTS
from minigpt4.world.scene import Mockup
from minigpt4.world.vocabulary import PAGE_BUTTONS, PAGE_LIST_ITEMS


def picture(seed: int = 0, **page) -> np.ndarray:
    truth = {"color": "red", "num_buttons": 2, "has_image_box": False, "num_list_items": 3, **page}
    image = Image.new("RGB", (256, 256))
    draw_mockup(image, Mockup(**truth), rng=random.Random(seed))
    return np.asarray(image)


def num_runs(flags: np.ndarray) -> int:
    """Count the separate stretches of True along a line."""
    return int(np.sum(flags[1:] & ~flags[:-1]) + flags[0])


@pytest.mark.parametrize("count", PAGE_BUTTONS)
@pytest.mark.parametrize("seed", range(6))
def test_the_buttons_can_be_counted(count, seed):
    pixels = picture(seed, num_buttons=count, num_list_items=0)
    painted = (pixels == PAINTS["red"]).all(axis=-1)
    painted[:54] = False  # the header
    columns = painted.sum(axis=0) >= 8
    assert num_runs(columns) == count


@pytest.mark.parametrize("count", PAGE_LIST_ITEMS)
@pytest.mark.parametrize("has_image_box", [False, True])
def test_the_list_items_can_be_counted(count, has_image_box):
    for seed in range(6):
        pixels = picture(seed, num_list_items=count, has_image_box=has_image_box)
        dark = (pixels.sum(axis=-1) < 230)[54:]
        # A bullet is the only thing twelve pixels wide and nearly as high that is all pencil.
        solid = np.lib.stride_tricks.sliding_window_view(dark, (7, 7)).all(axis=(2, 3))
        assert num_runs(solid.any(axis=1)) == count


def test_the_header_has_the_color_of_the_page():
    pixels = picture(color="blue")
    assert (pixels[20:48, 24:230] == PAINTS["blue"]).all(axis=-1).mean() > 0.7
