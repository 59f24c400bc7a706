"""Detailed descriptions are true, complete and worded in many ways."""

from __future__ import annotations

import random

import pytest

from minigpt4.world.language.descriptions import description
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import SCENE_KINDS
from world.language.truths import assert_true_and_complete


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_every_description_is_true_and_complete(kind):
    for index in range(100):
        scene = sample_scene("train", 8, index, kind=kind)
        assert_true_and_complete(scene, description(scene, random.Random(index)))


def test_sizes_and_positions_are_said_too():
    for index in range(60):
        scene = sample_scene("train", 8, index, kind="scene")
        text = description(scene, random.Random(index)).lower()
        synonyms = {"small": ("small", "little", "tiny"), "large": ("large", "big")}
        places = {"left": ("left",), "right": ("right",), "center": ("center", "middle")}
        for thing in scene.objects:
            said = [f"{word} {thing.color} {thing.kind}" for word in synonyms[thing.size]]
            assert any(phrase in text for phrase in said), text
            assert any(word in text for word in places[thing.position]), text


@pytest.mark.parametrize(("kind", "least"), [("scene", 55), *((k, 10) for k in SCENE_KINDS[1:])])
def test_one_scene_is_described_in_many_ways(kind, least):
    scene = sample_scene("train", 8, 4, kind=kind)
    assert len({description(scene, random.Random(seed)) for seed in range(60)}) >= least


def test_the_same_chance_writes_the_same_description():
    scene = sample_scene("train", 8, 4)
    assert description(scene, random.Random(1)) == description(scene, random.Random(1))
