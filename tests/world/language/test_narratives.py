"""Narratives are as true and as full as descriptions, and all built alike."""

from __future__ import annotations

import random
import re

import pytest

from minigpt4.recipes.extra_measures import sameness
from minigpt4.world.language.descriptions import description
from minigpt4.world.language.narratives import narrative
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import SCENE_KINDS
from world.language.truths import assert_true_and_complete


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_every_narrative_is_true_and_complete(kind):
    for index in range(100):
        scene = sample_scene("train", 8, index, kind=kind)
        assert_true_and_complete(scene, narrative(scene))


def test_each_sentence_is_built_as_the_one_before():
    for index in range(60):
        told = re.split(r"(?<=\.) ", narrative(sample_scene("train", 8, index)))
        assert told[0].startswith("In this picture we can see ")
        assert all("e can see " in sentence for sentence in told)


def test_narratives_are_more_alike_than_descriptions():
    scenes = [sample_scene("train", 8, index, kind="scene") for index in range(60)]
    narratives = sameness([narrative(scene) for scene in scenes])
    described = sameness([description(scene, random.Random(i)) for i, scene in enumerate(scenes)])
    assert narratives is not None
    assert described is not None
    assert narratives.interval[0] > described.interval[1]
