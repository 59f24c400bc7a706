"""Narratives are as true and as full as descriptions, and all built alike."""

from __future__ import annotations

import random
import re

import pytest

from minigpt4.evaluation.truth import judge_description
from minigpt4.recipes.extra_measures import sameness
from minigpt4.world.language.descriptions import description
from minigpt4.world.language.narratives import narrative
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import SCENE_KINDS


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_every_narrative_is_true_and_complete(kind):
    for index in range(100):
        scene = sample_scene("train", 8, index, kind=kind)
        text = narrative(scene)
        verdict = judge_description(scene, text)
        assert verdict.recalled == verdict.expected, text
        assert not verdict.hallucinated, text
        assert not verdict.miscolored, text
        assert not verdict.false_relations, text
        assert verdict.complete, (verdict.fault, text)
        rights = (verdict.place_right, verdict.time_right, verdict.weather_right)
        assert rights == ((True,) * 3 if scene.place else (None,) * 3), text
        assert verdict.extra_right is not False, text


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
