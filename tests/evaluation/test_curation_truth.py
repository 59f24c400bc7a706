"""The drawn world's truth in the place of a person."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from evaluation.true_scene import SCENE, TRUE_TEXT
from minigpt4.curation.draft import Draft
from minigpt4.errors import DataError
from minigpt4.evaluation.curation_truth import scene_of, truth_verdict, unfound_by_truth
from minigpt4.evaluation.details import false_detail
from minigpt4.world.language.descriptions import description
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import Scene


def draft(text: str, scene: Scene = SCENE, **changes: Any) -> Draft:
    truth = scene.truth("a.png")
    return Draft(number=0, key="a", picture="a.png", truth=truth, raw=text, **changes)


def test_a_scene_comes_back_from_its_truth():
    for index in range(300):
        scene = sample_scene("train", 8, index)
        assert replace(scene_of(scene.truth("a.png")), seed=scene.seed) == scene


def test_the_world_s_own_descriptions_are_accepted():
    for index in range(300):
        scene = sample_scene("train", 8, index)
        said = truth_verdict(draft(description(scene, random.Random(index)), scene), min_recall=1.0)
        assert said is not None
        assert (said.decision, said.reason, said.judge) == ("accept", "", "truth")


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("white bus", "white house", "something that is not there: white house"),
        ("white bus", "green bus", "a wrong colour: green bus"),
        ("large blue", "small blue", "a wrong detail: the blue table is not small"),
        ("On the right", "In the middle", "a wrong detail: the white bus is not in the middle"),
        ("on a large", "under a large", "a wrong relation: red cat under blue table"),
        ("there is a small red cat on a large blue table",
         "we see a large blue table with a small red cat under it",
         "a wrong detail: there is no red cat under the blue table"),
        ("in the park", "at the beach", "the place is wrong or missing"),
        ("night", "day", "the time of day is wrong or missing"),
        ("rainy", "snowy", "the weather is wrong or missing"),
        ("On the right", "There are two things in the picture. On the right",
         "a wrong detail: there are not two things"),
        ("white bus.", "white bus", "broken language: it does not end"),
    ],
)  # fmt: skip
def test_a_false_word_is_rejected_with_its_reason(before, after, reason):
    assert truth_verdict(draft(TRUE_TEXT), min_recall=1.0).decision == "accept"
    assert before in TRUE_TEXT
    said = truth_verdict(draft(TRUE_TEXT.replace(before, after, 1)), min_recall=0.0)
    assert said.decision == "reject"
    assert said.reason.startswith(reason)


def test_what_is_not_said_is_rejected_below_the_recall_that_is_wanted():
    short = TRUE_TEXT.rpartition(" On the right")[0]
    assert truth_verdict(draft(short), min_recall=0.5).decision == "accept"
    said = truth_verdict(draft(short), min_recall=1.0)
    assert said.reason == "too little is named: no white bus"


def test_as_an_editor_the_truth_removes_what_is_false_or_said_twice():
    again = "On the right stands a large white bus."
    text = f"{TRUE_TEXT} In the middle there is a large black dog. {again}"
    said = truth_verdict(draft(text), min_recall=1.0, may_edit=True)
    assert (said.decision, said.text, said.judge) == ("edit", TRUE_TEXT, "truth")
    assert said.reason == "without something that is not there: black dog"
    false = TRUE_TEXT.replace("in the park", "at the beach")
    assert truth_verdict(draft(false), min_recall=1.0, may_edit=True).decision == "reject"
    assert truth_verdict(draft(TRUE_TEXT), min_recall=1.0, may_edit=True).decision == "accept"


def test_details_may_be_left_to_others():
    text = TRUE_TEXT.replace("On the right", "In the middle")
    assert truth_verdict(draft(text), min_recall=1.0).decision == "reject"
    assert truth_verdict(draft(text), min_recall=1.0, details=False).decision == "accept"


def test_the_text_that_would_be_exported_is_judged():
    assert (
        truth_verdict(draft("Nonsense.", repaired=TRUE_TEXT), min_recall=1.0).decision == "accept"
    )


def test_other_pictures_are_left_to_people():
    plain = Draft(number=0, key="a", picture="a.png", raw=TRUE_TEXT)
    assert truth_verdict(plain, min_recall=1.0) is None
    assert unfound_by_truth(plain) is None


def test_as_a_checker_the_truth_only_flags():
    flag = unfound_by_truth(draft(TRUE_TEXT.replace("white bus", "white dog")))
    assert (flag.decision, flag.judge) == ("flag", "checker:truth")
    assert flag.reason == "not in the picture: white dog"
    assert unfound_by_truth(draft(TRUE_TEXT)) is None


def test_a_changed_size_or_place_is_noticed_in_almost_any_wording():
    turned = {"left": "center", "center": "right", "right": "left"}
    noticed = count = 0
    for index in range(200):
        scene = sample_scene("train", 9, index, kind="scene")
        text = description(scene, random.Random(index))
        one = random.Random(index).choice(scene.objects)
        for other in (
            replace(one, size="large" if one.size == "small" else "small"),
            replace(one, position=turned[one.position]),
        ):
            objects = tuple(other if each == one else each for each in scene.objects)
            noticed += bool(false_detail(replace(scene, objects=objects), text))
            count += 1
        assert false_detail(scene, text) == ""
    assert noticed > 0.9 * count


def test_values_that_are_no_scene_are_an_error():
    with pytest.raises(DataError, match="no truth of a drawn scene"):
        scene_of({"image": "a.png"})
