"""Oracle answers score full marks, false ones don't, and a model is scored from end to end."""

from __future__ import annotations

import json
import random

import pytest

from generation.tiny_model import build_tiny_model
from minigpt4.errors import SettingsError
from minigpt4.evaluation.world_answers import judge
from minigpt4.evaluation.world_questions import (
    ABILITY_KINDS,
    DESCRIPTION,
    MAX_NEW_TOKENS,
    ability_questions,
    description_questions,
)
from minigpt4.evaluation.world_score import (
    score_abilities,
    score_by_kind,
    score_composed,
    score_descriptions,
    score_world,
)
from minigpt4.world.language.corpus import COMPOSERS
from minigpt4.world.language.descriptions import description
from minigpt4.world.sample import sample_scene
from minigpt4.world.vocabulary import COLORS

RIGHT = (
    "objects_recalled", "answers_complete", "setting_right", "place_right", "time_right",
    "weather_right", "extra_right",
)  # fmt: skip
WRONG = ("objects_hallucinated", "objects_miscolored", "relations_false")


@pytest.fixture(scope="module")
def oracle():
    """The world's own answers to all questions."""
    questions = [*description_questions("test", 5, 60), *ability_questions("test", 5, 4)]
    return [judge(each, _own_answer(each)) for each in questions]


def test_true_answers_have_full_marks(oracle):
    scores = score_descriptions(oracle)
    assert {name: scores[name].value for name in RIGHT} == dict.fromkeys(RIGHT, 1.0)
    assert {name: scores[name].value for name in WRONG} == dict.fromkeys(WRONG, 0.0)
    assert scores["answers_complete"].count == 60
    assert score_composed(oracle).value == 1.0
    assert score_composed(oracle).count == 16
    for ability, shares in score_abilities(oracle).items():
        assert {score.value for score in shares.values()} == {1.0}, ability
        assert {score.count for score in shares.values()} == {4}


def test_shares_are_over_what_they_are_about(oracle):
    scores = score_descriptions(oracle)
    scenes = [each.question.scene for each in oracle if each.question.task == DESCRIPTION]
    placed = sum(scene.place is not None for scene in scenes)
    assert scores["setting_right"].count == scores["place_right"].count == placed < 60
    assert scores["objects_recalled"].count >= sum(len(scene.objects) for scene in scenes)
    by_kind = score_by_kind(oracle)
    assert set(by_kind) == {scene.kind for scene in scenes}
    assert sum(kind["answers_complete"].count for kind in by_kind.values()) == 60
    assert "setting_right" not in by_kind["dish"]


def test_answers_about_other_pictures_score_badly(oracle):
    texts = [each.text for each in oracle if each.question.task == DESCRIPTION]
    questions = [each.question for each in oracle if each.question.task == DESCRIPTION]
    swapped = [judge(q, text) for q, text in zip(questions, texts[1:] + texts[:1], strict=True)]
    scores = score_descriptions(swapped)
    assert scores["objects_recalled"].value < 0.1
    assert scores["objects_hallucinated"].value > 0.7
    assert scores["setting_right"].value < 0.3
    assert scores["answers_complete"].value == 1.0


def test_a_colour_that_is_wrong_is_counted_apart_from_what_is_not_there():
    question = description_questions("test", 5, 1)[0]
    scene = next(
        scene
        for scene in (sample_scene("test", 5, index, kind="scene") for index in range(50))
        if len(scene.objects) == 1
    )
    thing = scene.objects[0]
    color = next(color for color in COLORS if color != thing.color)
    asked = type(question)(task=DESCRIPTION, index=0, scene=scene, prompt=question.prompt)
    scores = score_descriptions([judge(asked, f"There is a {color} {thing.kind}.")])
    assert scores["objects_recalled"].value == 0.0
    assert scores["objects_miscolored"].value == 1.0
    assert scores["objects_hallucinated"].value == 0.0


def test_a_description_is_no_composed_answer(oracle):
    questions = [each.question for each in oracle if each.question.task != DESCRIPTION]
    answers = [judge(each, description(each.scene, random.Random(0))) for each in questions]
    assert score_composed(answers).value == 0.0


def test_silence_scores_nothing():
    answers = [judge(each, "") for each in description_questions("test", 5, 5)]
    scores = score_descriptions(answers)
    assert scores["objects_recalled"].value == 0.0
    assert scores["answers_complete"].value == 0.0
    assert "objects_hallucinated" not in scores  # nothing was named


@pytest.fixture
def quick(monkeypatch):
    """Let a random model babble briefly."""
    for task in MAX_NEW_TOKENS:
        monkeypatch.setitem(MAX_NEW_TOKENS, task, 6)


@pytest.mark.usefixtures("quick")
def test_a_model_is_scored_from_end_to_end_and_again_alike():
    model, steps = build_tiny_model(), []
    stream = {"split": "test", "seed": 1, "count": 2, "pictures_per_ability": 1}
    result = score_world(model, report=lambda *step: steps.append(step), **stream)
    assert steps[-1] == (2 + 8 + 2, 2 + 8 + 2)
    values = json.loads(json.dumps(result.as_json()))
    assert set(values["abilities"]) == set(ABILITY_KINDS)
    assert set(values["alignment"]) == {"alignment_gap", "loss_shown", "loss_told"}
    assert values["settings"]["seed"] == 1
    assert set(values["model"]["fingerprints"]) == {
        "vision_encoder", "qformer", "llm", "projection",
    }  # fmt: skip
    assert {"minigpt4", "torch", "drawing"} <= set(values["versions"])
    assert [row["task"] for row in values["answers"]] == [*[DESCRIPTION] * 2, *ABILITY_KINDS]
    assert "answers" not in result.as_json(with_answers=False)
    again = score_world(model, **stream, batch_size=1)
    assert [each.text for each in again.answers] == [each.text for each in result.answers]
    assert again.descriptions == result.descriptions


@pytest.mark.usefixtures("quick")
def test_a_told_scene_needs_no_picture_and_abilities_can_be_left_out(monkeypatch):
    model = build_tiny_model()
    result = score_world(model, seed=1, count=1, pictures_per_ability=0, told=True)
    assert result.settings.told
    assert result.abilities == {}
    assert result.composed is None
    assert len(result.answers) == 1


@pytest.mark.parametrize(("name", "value"), [("count", 0), ("split", "exam"), ("sed", 1)])
def test_impossible_settings_are_refused_before_anything_is_asked(name, value):
    with pytest.raises(SettingsError, match=name):
        score_world(None, **{name: value})


def _own_answer(question):
    rng = random.Random(question.index)
    write = description if question.task == DESCRIPTION else COMPOSERS[question.task]
    return write(question.scene, rng)
