"""Short questions about drawn pictures: true, answerable, balanced, repeatable."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from minigpt4.world.knowledge import CURES, FILM_BY_TITLE
from minigpt4.world.language.knowledge_questions import (
    choices,
    knowledge_questions,
    with_perception,
)
from minigpt4.world.language.short_questions import short_questions
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import (
    Dish,
    Illness,
    Incongruity,
    Poster,
    Relation,
    Scene,
    SceneObject,
)
from minigpt4.world.vocabulary import COLORS, KINDS

SCENES = [sample_scene("test", 5, index) for index in range(400)]


def item(kind, color, position):
    return SceneObject(kind=kind, color=color, size="small", position=position)


SCENE = Scene(
    kind="scene", seed=0, place="beach", time="night", weather="rainy",
    objects=(
        item("table", "red", "left"), item("cat", "blue", "left"), item("dog", "red", "right"),
    ),
    relations=(Relation(subject=1, name="on", object=0),),
)  # fmt: skip


def asked(scene, times=60):
    """Return all questions of a scene over many draws, as (question, answer)."""
    found = {}
    for seed in range(times):
        for made in short_questions(scene, random.Random(seed)):
            found[made.text] = made
    return found


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("What color is the cat?", "blue"),
        ("Is the cat blue?", "yes"),
        ("Is there a dog?", "yes"),
        ("What is on the table?", "cat"),
        ("Is the cat on the table?", "yes"),
        ("Is the cat under the table?", "no"),
        ("Is the dog left of the table?", "no"),
        ("Is the dog right of the cat?", "yes"),
        ("Is the dog left of or right of the cat?", "right"),
        ("Where is the dog?", "right"),
        ("How many things are there?", "3"),
        ("What place is this?", "beach"),
        ("What time is it?", "night"),
        ("What is the weather like?", "rainy"),
        ("Do the table and the dog have the same color?", "yes"),
    ],
)
def test_a_scene_is_asked_about_in_every_form(text, answer):
    assert asked(SCENE)[text].answer == answer


def test_things_that_share_a_column_have_no_side_of_each_other():
    texts = asked(SCENE)
    assert "Is the cat left of the table?" not in texts
    assert "Where is the cat?" not in texts  # it is on the left, and on the table
    assert "What animal is there?" not in texts  # there are two


def test_every_answer_is_among_its_options_and_ends_its_sentence():
    for scene in SCENES:
        for made in short_questions(scene, random.Random(scene.seed)):
            assert made.text.endswith("?")
            assert made.full.endswith(".")
            assert made.answer in made.options, made
            if made.structure == "verify":
                assert made.full.lower().startswith(made.answer), made


def test_answers_about_colors_and_presence_are_true():
    for scene in SCENES:
        colors = {thing.kind: thing.color for thing in scene.objects}
        for made in short_questions(scene, random.Random(scene.seed)):
            if found := re.fullmatch(r"What color is the (\w+)\?", made.text):
                assert made.answer == colors.get(found[1], made.answer)
            if (found := re.fullmatch(r"Is the (\w+) (\w+)\?", made.text)) and found[2] in COLORS:
                assert made.answer == ("yes" if colors[found[1]] == found[2] else "no")
            if (found := re.fullmatch(r"Is there an? (\w+)\?", made.text)) and found[1] in KINDS:
                assert made.answer == ("yes" if found[1] in colors else "no")


def test_yes_and_no_come_about_equally_often():
    answers = Counter(
        made.answer
        for scene in SCENES
        for made in short_questions(scene, random.Random(scene.seed))
        if made.answer in ("yes", "no") and made.balanced
    )
    assert 0.4 < answers["yes"] / answers.total() < 0.6


def test_the_same_chance_asks_the_same():
    first = [short_questions(scene, random.Random(7)) for scene in SCENES[:50]]
    assert first == [short_questions(scene, random.Random(7)) for scene in SCENES[:50]]


def test_knowledge_questions_need_what_the_world_knows():
    kinds = Counter()
    for scene in SCENES:
        for made in knowledge_questions(scene, random.Random(scene.seed)):
            kinds[made.about] += 1
            extra = scene.extra
            if made.text == "Who directed this film?":
                assert isinstance(extra, Poster)
                assert made.answer == FILM_BY_TITLE[extra.film].director
            if made.text == "What illness does this plant have?":
                assert isinstance(extra, Illness)
                assert made.answer == CURES[extra.name].name
            if made.about == "odd":
                assert isinstance(extra, Incongruity)
                assert made.answer == extra.subject
            if made.about == "vessel":
                assert isinstance(extra, Dish)
    assert set(kinds) == {"film", "illness", "odd", "vessel", "family"}


def test_choices_are_four_different_ones_with_one_right():
    found = 0
    for scene in SCENES:
        rng = random.Random(scene.seed)
        for made in with_perception(scene, rng):
            offered = choices(made, rng, more=KINDS if made.answer in KINDS else ())
            if offered is None:
                continue
            found += 1
            assert len(set(offered)) == 4
            assert [word for word in offered if word in (made.answer, *made.also)] == [made.answer]
    assert found > 400


def test_the_right_choice_is_not_at_a_fixed_place():
    places = Counter()
    for scene in SCENES:
        rng = random.Random(scene.seed)
        made = with_perception(scene, rng)[0]
        offered = choices(made, rng, more=KINDS)
        if offered is not None:
            places[offered.index(made.answer)] += 1
    assert all(0.15 < places[place] / places.total() < 0.35 for place in range(4))
