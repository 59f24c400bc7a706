"""Scenes are seeded, disjoint between the splits, and as varied as promised."""

from __future__ import annotations

from collections import Counter

import pytest

from minigpt4.errors import SettingsError
from minigpt4.world import knowledge as know
from minigpt4.world import vocabulary as voc
from minigpt4.world.sample import KIND_WEIGHTS, is_incongruous, sample_scene, scene_seed
from minigpt4.world.scene import SCENE_KINDS, Incongruity, Scene

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [sample_scene("train", 9, index) for index in range(2000)]


@pytest.mark.parametrize("kind", [None, *SCENE_KINDS])
def test_the_same_numbers_give_the_same_scene(kind):
    first = [sample_scene("test", 4, index, kind=kind) for index in range(20)]
    assert [sample_scene("test", 4, index, kind=kind) for index in range(20)] == first
    assert [sample_scene("test", 5, index, kind=kind) for index in range(20)] != first
    assert kind is None or {scene.kind for scene in first} == {kind}


def test_no_seed_of_one_split_meets_a_scene_of_another():
    seeds = {
        split: {scene_seed(split, seed, index) for seed in range(30) for index in range(50)}
        for split in SPLITS
    }
    assert all(len(numbers) == 1500 for numbers in seeds.values())
    assert not seeds["train"] & seeds["validation"]
    assert not seeds["train"] & seeds["test"]
    assert not seeds["validation"] & seeds["test"]


def test_a_long_stream_does_not_run_into_the_next_seed():
    assert scene_seed("train", 0, 2**32 - 1) < scene_seed("train", 1, 0)


@pytest.mark.parametrize("arguments", [("exam", 0, 0), ("test", -1, 0), ("test", 0, -1)])
def test_impossible_numbers_are_refused(arguments):
    with pytest.raises(SettingsError):
        sample_scene(*arguments)


def test_every_kind_of_picture_comes_as_often_as_it_should(scenes):
    counts = Counter(scene.kind for scene in scenes)
    for kind, weight in KIND_WEIGHTS.items():
        expected = weight / sum(KIND_WEIGHTS.values())
        assert counts[kind] / len(scenes) == pytest.approx(expected, abs=0.03)


def test_everything_in_the_vocabulary_occurs(scenes):
    views = [scene for scene in scenes if scene.place is not None]
    assert {scene.place for scene in views} == set(voc.PLACES)
    assert {scene.time for scene in views} == set(voc.TIMES)
    assert {scene.weather for scene in views} == set(voc.WEATHERS)
    things = [thing for scene in views for thing in scene.objects]
    assert {thing.kind for thing in things} == set(voc.KINDS)
    assert {thing.color for thing in things} == set(voc.COLORS)
    assert {thing.size for thing in things} == set(voc.SIZES)
    assert {thing.position for thing in things} == set(voc.POSITIONS)
    names = {relation.name for scene in views for relation in scene.relations}
    assert names == {"left of", "right of", "on", "under", "next to"}


def test_scenes_hold_one_to_five_objects_of_different_kinds(scenes):
    plain = [scene for scene in scenes if scene.kind == "scene"]
    assert {len(scene.objects) for scene in plain} == {1, 2, 3, 4, 5}
    for scene in plain:
        kinds = [thing.kind for thing in scene.objects]
        assert len(set(kinds)) == len(kinds)


def test_relations_agree_with_the_columns(scenes):
    for scene in scenes:
        for relation in scene.relations:
            columns = [
                voc.POSITIONS.index(scene.objects[index].position)
                for index in (relation.subject, relation.object)
            ]
            distance = columns[1] - columns[0]
            agrees = {
                "left of": distance > 0,
                "right of": distance < 0,
                "next to": abs(distance) == 1,
            }.get(relation.name, distance == 0)
            assert agrees, (scene, relation)


def test_only_incongruous_pictures_are_incongruous(scenes):
    for scene in scenes:
        if scene.kind == "scene":
            assert not is_incongruous(scene)
        if scene.kind == "incongruous":
            assert is_incongruous(scene)
            assert isinstance(scene.extra, Incongruity)
            assert scene.extra.subject in {thing.kind for thing in scene.objects}
            assert scene.extra.setting in {scene.place, *(thing.kind for thing in scene.objects)}


def test_all_rules_of_incongruity_occur(scenes):
    rules = {scene.extra.rule for scene in scenes if scene.kind == "incongruous"}
    assert rules == set(know.INCONGRUITY_RULES)


def test_scenes_hardly_ever_repeat(scenes):
    told = Counter(
        (scene.place, scene.time, scene.weather, scene.objects)
        for scene in scenes
        if scene.kind == "scene"
    )
    assert len(told) > 0.99 * told.total()
