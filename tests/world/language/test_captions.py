"""Captions are short, true and varied; those of the web have the faults of the web."""

from __future__ import annotations

import random

import pytest

from minigpt4.evaluation.truth import judge_description, objects_named
from minigpt4.world.language.captions import (
    OFF_TOPIC,
    caption,
    count_of,
    full_caption,
    list_of,
    object_phrases,
    web_caption,
)
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import SCENE_KINDS


def pairs(kind, write, count=150):
    for index in range(count):
        scene = sample_scene("train", 7, index, kind=kind)
        yield scene, write(scene, random.Random(index))


@pytest.mark.parametrize("kind", SCENE_KINDS)
@pytest.mark.parametrize("write", [caption, web_caption, full_caption])
def test_captions_name_nothing_that_is_not_there(kind, write):
    for scene, text in pairs(kind, write):
        here = {(thing.kind, thing.color) for thing in scene.objects}
        named = {pair for pair in objects_named(text) if pair[1] is not None}
        assert named <= here, text
        verdict = judge_description(scene, text)
        assert not verdict.hallucinated
        assert not verdict.false_relations


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_a_full_caption_names_everything_in_one_line(kind):
    for scene, text in pairs(kind, full_caption):
        verdict = judge_description(scene, text)
        assert verdict.recalled == verdict.expected, text
        rights = (verdict.place_right, verdict.time_right, verdict.weather_right)
        assert set(rights) <= {True, None}
        assert verdict.extra_right is not False
        assert "\n" not in text


def test_a_caption_is_short_and_leaves_things_out():
    left_out = 0
    for scene, text in pairs("scene", caption):
        assert len(text.split()) <= 40
        verdict = judge_description(scene, text)
        left_out += len(verdict.recalled) < len(verdict.expected)
    assert left_out > 30


@pytest.mark.parametrize("write", [caption, web_caption])
def test_one_scene_has_many_captions(write):
    scene = sample_scene("train", 7, 3, kind="scene")
    assert len({write(scene, random.Random(seed)) for seed in range(60)}) >= 15


def test_some_captions_of_the_web_are_off_topic_or_noisy():
    texts = [text for _, text in pairs("scene", web_caption, 600)]
    off_topic = sum(text in OFF_TOPIC for text in texts)
    assert 6 <= off_topic <= 60
    assert sum("photo" in text or "image" in text for text in texts) >= 30


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_the_same_chance_writes_the_same_caption(kind):
    first = [text for _, text in pairs(kind, web_caption, 20)]
    assert [text for _, text in pairs(kind, web_caption, 20)] == first


def test_each_column_is_one_phrase():
    for index in range(50):
        scene = sample_scene("train", 7, index, kind="scene")
        phrases = object_phrases(scene, None)
        assert len(phrases) == len({thing.position for thing in scene.objects})


def test_numbers_agree_with_their_noun():
    assert count_of(1, "button") == "one button"
    assert count_of(3, "button") == "three buttons"
    assert list_of(0) == "no list"
    assert list_of(4) == "a list of four items"
