"""Every form of question has a true answer, and the forms that benchmarks use are among them."""

from __future__ import annotations

import random

import pytest

from minigpt4.evaluation.truth import judge_description
from minigpt4.world.language.any_question import any_question
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import SCENE_KINDS

ASKED = {
    kind: [
        (scene, *any_question(scene, random.Random(index)))
        for index in range(300)
        for scene in [sample_scene("train", 8, index, kind=kind)]
    ]
    for kind in SCENE_KINDS
}


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_no_answer_says_anything_untrue(kind):
    for scene, ask, answer in ASKED[kind]:
        if answer.startswith(("No,", "Yes,")):
            continue  # they name what is not there, or are read below
        verdict = judge_description(scene, answer)
        assert not verdict.hallucinated, (ask, answer)
        assert not verdict.miscolored, (ask, answer)
        assert not verdict.false_relations, (ask, answer)


def test_presence_is_asked_of_what_is_there_and_of_what_is_not():
    said = {"Yes": 0, "No": 0}
    for scene, ask, answer in ASKED["scene"]:
        words = ask.rstrip("?").split()
        if ask.startswith("Is there a") and ask.endswith((" in the image?", " here?")):
            is_so = words[3] in {item.kind for item in scene.objects}
            assert answer.startswith("Yes, " if is_so else "No, "), (ask, answer)
            said[answer.split(",")[0]] += 1
    assert min(said.values()) >= 5


def test_a_thing_is_on_or_under_another_as_the_scene_has_it():
    count = 0
    for scene, ask, answer in ASKED["scene"]:
        if " on or under " in ask or " under or on " in ask:
            stacked = {
                (scene.objects[r.subject].kind, r.name, scene.objects[r.object].kind)
                for r in scene.relations
            }
            top, base = ask.split("Is the ")[1].split()[0], ask.split(" the ")[-1].split("?")[0]
            name = "under" if "under" in answer else "on"
            assert (top, name, base) in stacked, (ask, answer)
            count += 1
    assert count >= 5


def test_a_letter_stands_for_the_right_choice():
    count = 0
    for scene, ask, answer in ASKED["scene"]:
        if ask.startswith("What color is the ") and ask.endswith("the right choice."):
            color = ask.split(f"({answer}) ")[1].split()[0]
            kind = ask.split()[4].rstrip("?")
            assert any((i.kind, i.color) == (kind, color) for i in scene.objects), (ask, answer)
            count += 1
    assert count >= 2


def test_short_answers_are_short_and_asked_for_as_the_official_code_does():
    short = [
        answer
        for kind in SCENE_KINDS
        for _, ask, answer in ASKED[kind]
        if "respond to this question with a short answer" in ask
    ]
    assert len(short) >= 150
    assert all(not answer.endswith(".") for answer in short)
    assert sum(len(answer.split()) <= 3 for answer in short) >= 0.9 * len(short)
