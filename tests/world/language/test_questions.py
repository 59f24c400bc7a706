"""Questions can be answered by looking, and their answers are true."""

from __future__ import annotations

import random
import re

import pytest

from minigpt4.evaluation.truth import judge_description
from minigpt4.world.language.questions import question
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import SCENE_KINDS
from minigpt4.world.vocabulary import KINDS


def asked(kind, count=300):
    for index in range(count):
        scene = sample_scene("train", 10, index, kind=kind)
        yield scene, *question(scene, random.Random(index))


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_answers_say_nothing_false(kind):
    for scene, ask, answer in asked(kind):
        assert ask.endswith("?")
        assert answer.endswith(".")
        verdict = judge_description(scene, answer)
        assert not verdict.hallucinated, (ask, answer)
        assert not verdict.miscolored, (ask, answer)
        assert not verdict.false_relations, (ask, answer)


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_yes_and_no_are_as_the_picture_has_it(kind):
    said = {"Yes": 0, "No": 0}
    for scene, ask, answer in asked(kind):
        found = re.match(r"(?:Is there|Can you see) an? (\w+)\?", ask)
        if not found or found.group(1) not in KINDS:
            continue
        here = any(thing.kind == found.group(1) for thing in scene.objects)
        word = "Yes" if here else "No"
        assert answer.startswith(f"{word}, there is"), (ask, answer)
        said[word] += 1
    assert said["No"] > 5
    assert bool(said["Yes"]) == (kind not in ("dish", "mockup"))


def test_colours_counts_and_places_are_right():
    kinds_of_question = set()
    for scene, ask, answer in asked("scene", 800):
        if color := re.match(r"(?:What color is|Which color does) the (\w+)", ask):
            right = next(thing.color for thing in scene.objects if thing.kind == color.group(1))
            assert f"is {right}." in answer
            kinds_of_question.add("color")
        elif ask.startswith("How many"):
            number = ("no", "one", "two", "three", "four", "five")[len(scene.objects)]
            assert answer.endswith(f" {number}.")
            kinds_of_question.add("count")
        elif where := re.match(r"Where is the (\w+)\?", ask):
            thing = next(thing for thing in scene.objects if thing.kind == where.group(1))
            word = "center" if thing.position == "center" else thing.position
            assert word in answer
            kinds_of_question.add("where")
        elif relation := re.match(r"What is (left of|right of|next to|on|under) the (\w+)\?", ask):
            texts = [scene.relation_text(each) for each in scene.relations]
            first = re.match(r"An? (\w+ \w+) is", answer)
            start, end = f"{first.group(1)} {relation.group(1)} ", f" {relation.group(2)}"
            assert any(text.startswith(start) and text.endswith(end) for text in texts), answer
            kinds_of_question.add("relation")
        elif ask in ("Where is this?", "What place is this?"):
            assert str(scene.place) in answer
            kinds_of_question.add("place")
    assert kinds_of_question == {"color", "count", "where", "relation", "place"}


def test_one_scene_is_asked_about_in_many_ways():
    scene = sample_scene("train", 10, 2, kind="scene")
    assert len({question(scene, random.Random(seed)) for seed in range(100)}) >= 20
