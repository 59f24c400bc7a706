"""Whole pictures: every kind of scene is drawn, the same each time, with all objects in place."""

import itertools
import random

import numpy as np
import pytest

from minigpt4.errors import SettingsError
from minigpt4.world.draw.picture import PICTURE_PX, draw, place_objects
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import SCENE_KINDS, Relation, Scene, SceneObject
from minigpt4.world.vocabulary import POSITIONS, SHELTERS, SUPPORTS


def thing(kind="dog", size="large", position="center", color="red"):
    return SceneObject(kind=kind, color=color, size=size, position=position)


def scene(*objects, relations=(), seed=0):
    return Scene(
        kind="scene", seed=seed, place="park", time="day", weather="clear",
        objects=objects, relations=relations,
    )  # fmt: skip


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_every_kind_of_scene_is_drawn_and_is_the_same_each_time(kind):
    for index in range(4):
        truth = sample_scene("train", 11, index, kind=kind)
        image = draw(truth)
        assert image.mode == "RGB"
        assert image.size == (PICTURE_PX, PICTURE_PX)
        assert image.tobytes() == draw(truth).tobytes()
        assert np.asarray(image).std() > 10


def test_the_seed_alone_varies_a_picture():
    first, second = (np.asarray(draw(scene(thing(), seed=seed)), dtype=float) for seed in (1, 2))
    assert np.abs(first - second).mean() > 2


def test_objects_stand_in_their_columns_inside_the_picture_and_apart():
    for index in range(300):
        truth = sample_scene("train", 12, index, kind="scene")
        columns = {}
        for placement in place_objects(truth, rng=random.Random(index)):
            x0, y0, x1, y1 = placement.box
            position = truth.objects[placement.index].position
            assert POSITIONS.index(position) == int((x0 + x1) / 2 / 256 * 3)
            assert 0 <= x0 < x1 <= 256
            assert 0 <= y0 < y1 <= 256
            left, right = columns.get(position, (x0, x1))
            columns[position] = (min(left, x0), max(right, x1))
        spans = [columns[position] for position in POSITIONS if position in columns]
        assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))


def test_a_small_object_is_clearly_smaller_than_a_large_one():
    for seed in range(20):
        truth = scene(thing("dog", "large", "left"), thing("dog", "small", "right"))
        placed = {p.index: p.box for p in place_objects(truth, rng=random.Random(seed))}
        heights = [placed[index][3] - placed[index][1] for index in (0, 1)]
        assert heights[1] < 0.87 * heights[0]


@pytest.mark.parametrize("base", SUPPORTS)
def test_what_is_on_a_support_stands_higher_than_its_foot(base):
    truth = scene(
        thing(base), thing("cat", "small"), relations=(Relation(subject=1, name="on", object=0),)
    )
    support, rider = place_objects(truth, rng=random.Random(0))
    assert (support.index, rider.index) == (0, 1)
    assert support.box[1] < rider.box[3] < support.box[3]
    assert rider.box[1] >= 0


@pytest.mark.parametrize("base", SHELTERS)
def test_what_is_under_a_shelter_leaves_its_upper_part_visible(base):
    truth = scene(
        thing(base), thing("cat", "small"), relations=(Relation(subject=1, name="under", object=0),)
    )
    shelter, guest = place_objects(truth, rng=random.Random(0))
    tall = shelter.box[3] - shelter.box[1]
    assert guest.box[1] > shelter.box[1] + 0.2 * tall
    assert guest.box[3] > shelter.box[3]


def test_a_scene_without_what_its_kind_needs_is_refused():
    with pytest.raises(SettingsError, match="dish"):
        draw(Scene(kind="dish", seed=0))
    with pytest.raises(SettingsError, match="place"):
        draw(Scene(kind="scene", seed=0))
