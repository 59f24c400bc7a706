"""The judge passes what is true, and catches each kind of fault."""

from __future__ import annotations

import random

import pytest

from evaluation.true_scene import SCENE, TRUE_TEXT
from minigpt4.evaluation.truth import (
    false_relations,
    judge_description,
    objects_named,
    page_facts,
)
from minigpt4.world.language.descriptions import description
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import SCENE_KINDS, Dish, Scene


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a red dog", [("dog", "red")]),
        ("a small red dog and a cat", [("dog", "red"), ("cat", None)]),
        ("The red small dog.", [("dog", "red")]),
        ("The dog is red.", [("dog", "red")]),
        ("two green buses", [("bus", "green")]),
        ("Nine black cats and bushes", [("cat", "black"), ("bush", None)]),
        ("a red, a dog", [("dog", None)]),
        ("There is no dog, but a blue cup.", [("cup", "blue")]),
        ("The house is white cake", [("house", None), ("cake", "white")]),
        ("a careful trainer in a lighthouse", []),
        ("an orange orange cheese", [("cheese", "orange")]),
    ],
)
def test_objects_are_named_with_the_colour_of_their_noun(text, named):
    assert objects_named(text) == named


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_the_worlds_own_descriptions_are_without_fault(kind):
    for index in range(300):
        scene = sample_scene("test", 11, index, kind=kind)
        text = description(scene, random.Random(index))
        verdict = judge_description(scene, text)
        assert verdict.recalled == verdict.expected, text
        assert verdict.hallucinated == verdict.miscolored == (), text
        assert not verdict.false_relations, text
        assert verdict.complete, verdict.fault
        rights = (verdict.place_right, verdict.time_right, verdict.weather_right)
        assert rights == ((True,) * 3 if scene.place else (None,) * 3), text
        assert verdict.extra_right in (True, None), text


def test_the_description_of_another_scene_is_caught():
    faulty = 0
    for index in range(300):
        scene = sample_scene("test", 11, index, kind="scene")
        other = sample_scene("test", 12, index, kind="scene")
        verdict = judge_description(scene, description(other, random.Random(index)))
        faulty += bool(verdict.hallucinated) and len(verdict.recalled) < len(verdict.expected)
    assert faulty >= 290


def test_a_wrong_colour_is_neither_recalled_nor_a_hallucination():
    verdict = judge_description(SCENE, TRUE_TEXT.replace("red cat", "green cat"))
    assert ("cat", "red") not in verdict.recalled
    assert verdict.miscolored == (("cat", "green"),)
    assert verdict.hallucinated == ()


def test_an_object_that_is_not_there_is_a_hallucination():
    verdict = judge_description(SCENE, TRUE_TEXT + " A green tree is in the center.")
    assert verdict.hallucinated == (("tree", "green"),)
    assert len(verdict.recalled) == 3


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("park", "forest", "place_right"),
        ("in the park", "in the park or the city", "place_right"),
        ("night", "day", "time_right"),
        ("rainy ", "", "weather_right"),
        ("rainy", "rainy and snowy", "weather_right"),
    ],
)
def test_a_wrong_or_missing_setting_is_caught(old, new, field):
    assert getattr(judge_description(SCENE, TRUE_TEXT), field) is True
    assert getattr(judge_description(SCENE, TRUE_TEXT.replace(old, new)), field) is False


def test_what_the_sky_does_not_have_says_nothing_wrong():
    clear = Scene(kind="scene", seed=0, place="park", time="day", weather="clear")
    text = "It is a clear day in the park. There are no clouds in the sky."
    assert judge_description(clear, text).weather_right is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        TRUE_TEXT[:-1],
        TRUE_TEXT + " On the right stands a large white bus.",
        TRUE_TEXT + " On the right there is a big white bus.",
        TRUE_TEXT + " On the right stands a.",
        TRUE_TEXT.replace("a rainy", "a a rainy"),
        TRUE_TEXT.replace("stands ", ""),
        TRUE_TEXT.replace("On the right", "On the On the right"),
        TRUE_TEXT.replace("On the right", "on the right"),
        TRUE_TEXT + " @@",
        TRUE_TEXT.replace("night", "night xx"),
        TRUE_TEXT + " The white bus is next to the",
    ],
)
def test_each_kind_of_broken_paragraph_is_incomplete(text):
    assert judge_description(SCENE, TRUE_TEXT).complete
    verdict = judge_description(SCENE, text)
    assert not verdict.complete
    assert verdict.fault


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("The red cat is on the blue table.", ()),
        ("The red cat is under the blue table.", ("red cat under blue table",)),
        ("The blue table is left of the white bus.", ()),
        ("The white bus is left of the red cat.", ("white bus left of red cat",)),
        ("The white bus is next to the blue table.", ("white bus next to blue table",)),
        ("On the blue table the red cat stays,", ()),
        ("Under the white bus the red cat stays,", ("red cat under white bus",)),
        ("The red cat is on the white bush.", ()),
        ("The tired cat is on the white bus.", ()),
    ],
)
def test_relations_between_named_things_are_checked(text, wrong):
    assert false_relations(SCENE, text) == wrong


def test_a_dish_is_recalled_by_its_ingredients():
    scene = Scene(kind="dish", seed=0, extra=Dish(name="soup", ingredients=("tomato", "corn")))
    verdict = judge_description(scene, "This is a soup with tomatoes and lemon.")
    assert verdict.recalled == (("tomato", None),)
    assert verdict.hallucinated == (("lemon", None),)
    assert verdict.extra_right is True
    assert judge_description(scene, "This is a pie with tomato and corn.").extra_right is False


def test_the_parts_of_a_sketched_page_are_read():
    text = "it has a red header. there are two buttons. the page has no image box and no list."
    assert page_facts(text) == {"header": "red", "button": 2, "item": 0, "box": False}
    assert page_facts("the header is blue.")["button"] is None
