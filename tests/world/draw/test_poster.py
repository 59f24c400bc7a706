"""Posters show their ground colour; emblem and ground can be told apart."""

import random

import numpy as np
import pytest
from PIL import Image

from minigpt4.world.draw.poster import PAINTS, draw_poster
from minigpt4.world.knowledge import FILMS
from minigpt4.world.scene import Poster, SceneObject
from minigpt4.world.vocabulary import COLORS


def test_there_is_a_paint_for_every_color():
    assert set(PAINTS) == set(COLORS)


@pytest.mark.parametrize("film", FILMS, ids=lambda film: film.emblem)
def test_the_ground_of_a_poster_has_its_color_and_an_emblem_on_it(film):
    image = Image.new("RGB", (256, 256))
    emblem = SceneObject(kind=film.emblem, color=film.color, size="large", position="center")
    draw_poster(image, emblem, Poster(film=film.title, ground=film.ground), rng=random.Random(2))
    pixels = np.asarray(image, dtype=float)
    inner = pixels[26:180, 46:206]
    near = np.abs(inner - PAINTS[film.ground]).max(axis=-1) < 30
    assert 0.3 < near.mean() < 0.93
