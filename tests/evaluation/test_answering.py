"""A model is asked in batches, its answers are kept, candidates are ranked as officially."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from generation.tiny_model import build_tiny_model
from minigpt4.errors import DataError
from minigpt4.evaluation import answering
from minigpt4.evaluation.answering import answer_all, official_losses
from minigpt4.evaluation.identity import identify_model
from minigpt4.evaluation.question import Answer, DrawnPicture, Question
from minigpt4.generation import GREEDY, Conversation, generate
from minigpt4.generation.ranks import Share
from minigpt4.generation.scoring import candidate_losses

SHORT = replace(GREEDY, max_new_tokens=6)


@pytest.fixture(scope="module")
def model():
    return build_tiny_model()


def questions(count: int = 5, **changes) -> list[Question]:
    made = [
        Question(
            key=str(number),
            picture=DrawnPicture("test", 0, number),
            prompt=f"What is {'this ' * (number % 3)}?",
            decoding=SHORT,
        )
        for number in range(count)
    ]
    return [replace(each, **changes) for each in made]


def test_answers_come_in_the_order_of_the_questions_whatever_the_batches(model, tmp_path: Path):
    asked = questions()
    alone = [
        generate(model, [Conversation.ask(each.prompt, each.picture.load())], SHORT)[0].text
        for each in asked
    ]
    steps = []
    answers = answer_all(
        model, asked, tmp_path, batch_size=2, report=lambda done, total: steps.append((done, total))
    )
    assert [answer.text for answer in answers] == alone
    assert steps == [(2, 5), (4, 5), (5, 5)]


def test_what_was_answered_is_never_asked_again(model, tmp_path: Path, monkeypatch):
    first = answer_all(model, questions(3), tmp_path)
    asked = []
    write = answering.write
    monkeypatch.setattr(
        answering, "write", lambda model, batch: asked.extend(batch) or write(model, batch)
    )
    second = answer_all(model, questions(4), tmp_path)
    assert [each.key for each in asked] == ["3"]
    assert second[:3] == first


def test_a_run_that_was_stopped_keeps_the_batches_that_were_done(model, tmp_path, monkeypatch):
    write, calls = answering.write, []

    def stop_at_second(model, batch):
        calls.append(batch)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return write(model, batch)

    monkeypatch.setattr(answering, "write", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        answer_all(model, questions(), tmp_path, batch_size=2)
    (file,) = (tmp_path / "answers").glob("*.jsonl")
    assert len(file.read_text().splitlines()) == 2


def test_each_process_answers_its_share(model, tmp_path: Path, monkeypatch):
    share = Share(1, 2)
    monkeypatch.setattr(Share, "from_environment", lambda: share)
    monkeypatch.setattr(answering, "ranks_together", _alone)
    answers = answer_all(model, questions(5), tmp_path)
    assert [each.question.key for each in answers] == ["1", "3"]
    (file,) = (tmp_path / "answers").glob("*")
    assert file.name.endswith(".jsonl.rank1")


def test_a_bare_picture_is_asked_as_in_stage_1(model, tmp_path: Path):
    (answer,) = answer_all(model, questions(1, prompt=""), tmp_path)
    assert answer.num_prompt_tokens == 5  # BOS and four image tokens


def test_candidates_are_ranked_by_the_official_loss_of_a_batch_of_one(model, tmp_path: Path):
    choices = ("a red dog", "the river", "no")
    (question,) = questions(1, candidates=choices)
    (answer,) = answer_all(model, [question], tmp_path)
    prompt = Conversation.ask(question.prompt, question.picture.load())
    expected = [candidate_losses(model, [prompt], [[choice]])[0][0] for choice in choices]
    assert official_losses(answer) == pytest.approx(expected, rel=1e-5)
    assert answer.text == choices[expected.index(min(expected))]
    sums = candidate_losses(model, [prompt], [choices], normalisation="sum")[0]
    assert answer.losses == pytest.approx(sums)


def test_losses_are_needed_for_a_ranking():
    (question,) = questions(1, candidates=("a", "b"))
    with pytest.raises(DataError, match="no losses"):
        official_losses(Answer(question=question, text="a"))


def test_a_model_is_known_by_its_weights_and_its_template():
    model = build_tiny_model()
    first = identify_model(model)
    assert identify_model(build_tiny_model()) == first
    with torch.no_grad():
        for parameter in model.projection.parameters():
            parameter += 0.5
    changed = identify_model(model)
    assert changed["fingerprint"] != first["fingerprint"]
    assert changed["parts"] == first["parts"]
    model.config.template = "plain"
    assert identify_model(model)["fingerprint"] != changed["fingerprint"]


class _alone:
    """In the place of the other processes."""

    def __init__(self, share: Share) -> None:
        self.share = share

    def __enter__(self):
        return lambda: None

    def __exit__(self, *_: object) -> None:
        return None
