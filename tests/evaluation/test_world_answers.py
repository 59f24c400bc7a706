"""Answers are asked for in the model's template and judged strictly, cut ones too."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from generation.tiny_model import build_tiny_model
from minigpt4.evaluation import world_answers
from minigpt4.evaluation.abilities import Verdict
from minigpt4.evaluation.truth import DescriptionVerdict
from minigpt4.evaluation.world_answers import ask, ask_all, judge
from minigpt4.evaluation.world_questions import (
    ABILITY_KINDS,
    MAX_NEW_TOKENS,
    ability_questions,
    description_questions,
)
from minigpt4.world.language.corpus import COMPOSERS
from minigpt4.world.language.descriptions import description
from minigpt4.world.language.tell import tell


@pytest.fixture
def asked(monkeypatch):
    """Record what `generate` is given instead of asking a model."""
    calls = []

    def generate(model, prompts, settings, *, batch_size):
        calls.append((prompts, settings, batch_size))
        reply = world_answers.generate.reply
        return [reply(str(number)) for number in range(len(prompts))]

    class Reply:
        def __init__(self, text):
            self.text, self.finish_reason = text, "stop"

    generate.reply = Reply
    monkeypatch.setattr(world_answers, "generate", generate)
    return calls


def test_a_batch_holds_one_task_and_its_longest_answer(asked):
    questions = [*description_questions("test", 1, 3), *ability_questions("test", 1, 1)[:2]]
    steps = []
    answers = ask_all(None, questions, batch_size=2, report=steps.append)
    assert steps == [2, 1, 1, 1]
    assert [each.question for each in answers] == questions
    assert [settings.max_new_tokens for _, settings, _ in asked] == [120, 120, 200, 200]
    assert all(not settings.do_sample for _, settings, _ in asked)
    assert [each.text for each in answers] == ["0", "1", "0", "0", "0"]


def test_the_model_is_shown_the_picture_and_asked_the_prompt(asked):
    question = description_questions("test", 1, 1)[0]
    ask(None, [question])
    (conversation,) = asked[0][0]
    assert conversation.messages[0].text == question.prompt
    assert [image.size for image in conversation.images] == [(128, 128)]


def test_a_told_scene_stands_where_the_picture_would(asked):
    question = description_questions("test", 1, 1)[0]
    ask(build_tiny_model(), [question], told=True)
    (prompt,) = asked[0][0]
    place = prompt.segments.index(tell(question.scene))
    assert prompt.segments[place - 1].endswith("###Human: <Img>")
    assert prompt.segments[place + 1] == f"</Img> {question.prompt}###Assistant: "
    assert prompt.images == ()


@pytest.mark.parametrize("ability", ABILITY_KINDS)
def test_the_worlds_own_answers_pass_unless_they_are_cut(ability):
    question = next(each for each in ability_questions("test", 1, 1) if each.task == ability)
    text = COMPOSERS[ability](question.scene, random.Random(0))
    whole, cut = (judge(question, text, finished=end).verdict for end in (True, False))
    assert isinstance(whole, Verdict)
    assert isinstance(cut, Verdict)
    assert whole.passed
    assert not cut.fulfilled
    assert cut.reason == "it was cut off"


def test_a_description_that_was_cut_off_is_incomplete():
    question = description_questions("test", 1, 1)[0]
    text = description(question.scene, random.Random(0))
    whole, cut = (judge(question, text, finished=end).verdict for end in (True, False))
    assert isinstance(whole, DescriptionVerdict)
    assert isinstance(cut, DescriptionVerdict)
    assert whole.complete
    assert not cut.complete
    assert cut.fault == "it was cut off"


def test_an_answer_is_kept_with_truth_and_verdict():
    question = description_questions("test", 1, 1)[0]
    row = json.loads(json.dumps(judge(question, "A red dog.").as_json()))
    assert row["text"] == "A red dog."
    assert row["truth"]["kind"] == row["kind"] == question.scene.kind
    assert row["verdict"]["named"] == [["dog", "red"]]


def test_a_real_model_answers_within_its_length(monkeypatch):
    monkeypatch.setitem(MAX_NEW_TOKENS, "description", 5)
    model = build_tiny_model()
    questions = description_questions("test", 1, 2)
    answers = ask(model, questions)
    assert len(answers) == 2
    assert ask(model, [replace(each) for each in questions]) == answers
