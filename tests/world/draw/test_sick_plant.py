"""The six illnesses of plants are seen on every plant."""

import itertools
import random

import numpy as np
import pytest
from PIL import Image

from minigpt4.world.draw.sick_plant import draw_sick_plant
from minigpt4.world.scene import Illness, SceneObject
from minigpt4.world.vocabulary import ILLNESSES, SICK_PLANTS, SYMPTOMS


def picture(kind: str, illness: str, color: str = "green", seed: int = 4) -> np.ndarray:
    image = Image.new("RGB", (256, 256))
    thing = SceneObject(kind=kind, color=color, size="large", position="center")
    sickness = Illness(name=illness, symptom=SYMPTOMS[illness])
    draw_sick_plant(image, thing, sickness, rng=random.Random(seed))
    return np.asarray(image, dtype=float)


@pytest.mark.parametrize("kind", SICK_PLANTS)
def test_each_illness_shows_on_each_plant(kind):
    pictures = [picture(kind, illness) for illness in ILLNESSES]
    for first, second in itertools.combinations(pictures, 2):
        assert (np.abs(first - second).sum(axis=-1) > 60).mean() > 0.02


@pytest.mark.parametrize("kind", SICK_PLANTS)
def test_rot_blackens_the_foot_and_spares_the_crown(kind):
    healthy_share = (picture(kind, "spots").sum(axis=-1) < 90).mean()
    rotten = picture(kind, "rot").sum(axis=-1) < 90
    assert rotten.mean() > healthy_share
    assert rotten[150:].mean() > rotten[:150].mean()


def test_mildew_is_white_and_rust_is_orange():
    mildew, rust = picture("tree", "mildew"), picture("tree", "rust")
    assert (mildew.min(axis=-1) > 225).mean() > 0.03
    orange = (rust[..., 0] > 235) & (abs(rust[..., 1] - 132) < 15) & (rust[..., 2] < 40)
    assert orange.mean() > 0.03
