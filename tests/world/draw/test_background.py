"""Places, times and weathers look different from each other."""

import itertools
import random

import numpy as np
import pytest
from PIL import Image

from minigpt4.world.draw.background import draw_background
from minigpt4.world.draw.weather import Air, draw_precipitation
from minigpt4.world.vocabulary import PLACES, TIMES, WEATHERS


def view(place: str, time: str = "day", weather: str = "clear", seed: int = 3) -> np.ndarray:
    image, rng, air = Image.new("RGB", (256, 256)), random.Random(seed), Air(time, weather)
    draw_background(image, place, air, rng=rng)
    draw_precipitation(image, air, rng=rng)
    return np.asarray(image.reduce(4), dtype=float)


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(PLACES, 2)))
def test_two_places_differ_more_than_two_views_of_one_place(first, second):
    same = np.abs(view(first, seed=1) - view(first, seed=2)).mean()
    assert np.abs(view(first, seed=1) - view(second, seed=2)).mean() > same


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("weather", WEATHERS)
def test_night_is_darker_than_evening_and_evening_than_day(place, weather):
    brightness = [view(place, time, weather).mean() for time in TIMES]
    assert brightness[0] > brightness[1] > brightness[2] + 20


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("time", TIMES)
def test_every_weather_shows_at_every_place_and_time(place, time):
    views = [view(place, time, weather) for weather in WEATHERS]
    for first, second in itertools.combinations(views, 2):
        assert np.abs(first - second).mean() > 2.5


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("weather", WEATHERS)
def test_no_part_of_the_canvas_is_left_unpainted(place, time, weather):
    image = Image.new("RGB", (256, 256), (255, 0, 255))
    draw_background(image, place, Air(time, weather), rng=random.Random(0))
    pixels = np.asarray(image)
    assert not (pixels == (255, 0, 255)).all(axis=-1).any()


def test_snow_whitens_the_ground():
    clear, snowy = view("park"), view("park", weather="snowy")
    assert snowy[40:, :, 2].mean() > clear[40:, :, 2].mean() + 60
