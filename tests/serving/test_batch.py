"""Whoever joins or leaves a running batch changes nobody's answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from minigpt4.generation import CHAT, GREEDY, generate
from minigpt4.generation.prompt import ImageCache
from minigpt4.generation.settings import GenerationSettings
from minigpt4.processing.conversation import Conversation, Message
from minigpt4.serving.batch import Batch, BeamSearch
from minigpt4.serving.job import Job, Preparer
from minigpt4.serving.ticket import Request

Asked = tuple[tuple[Message, ...], GenerationSettings]


@pytest.fixture
def asked(pictures) -> list[Asked]:
    """Prompts of very different lengths, each with settings of its own."""
    return [
        ((Message("user", "Hi"),), replace(GREEDY, max_new_tokens=40)),
        (
            (Message("user", "Describe both of these images, please.", tuple(pictures[1:3])),),
            replace(CHAT, max_new_tokens=12, seed=3),
        ),
        (
            (
                Message("user", "What is this?", (pictures[0],)),
                Message("assistant", "A dog."),
                Message("user", "Where?"),
            ),
            replace(CHAT, max_new_tokens=25, seed=7, temperature=0.6, top_p=0.5),
        ),
        ((Message("user", "What?", (pictures[3],)),), replace(GREEDY, max_new_tokens=9)),
        (
            (Message("user", "Tell me everything you can see in it.", (pictures[0],)),),
            replace(GREEDY, max_new_tokens=20, repetition_penalty=1.5),
        ),
        ((Message("user", "And?"),), replace(CHAT, max_new_tokens=1, seed=1)),
    ]


def alone(model: Any, asked: Asked) -> Any:
    messages, settings = asked
    return generate(model, [Conversation(messages)], settings)[0]


class Desk:
    """A batch and what is needed to put requests into it, without threads."""

    def __init__(self, model: Any) -> None:
        self.images = ImageCache(model)
        self.preparer = Preparer(model, max_beams=4, request_seconds=60)
        self.batch = Batch(model, self.preparer, self.images)

    def job(self, asked: Asked, **more: Any) -> Job:
        messages, settings = asked
        return self.preparer.prepare(Request(messages=messages, settings=settings, **more))

    def run(self, starts: dict[int, list[Job]] | None = None) -> dict[int, Any]:
        """Run until all have ended; jobs join at the steps that are their keys."""
        starts, replies = starts or {0: []}, {}
        last = max(starts)
        for step in range(200):
            ended = self.batch.admit(starts[step]) if starts.get(step) else []
            ended += self.batch.step()
            for job in ended:
                job.finish()
                replies[id(job)] = job.ticket.result(timeout=0)
            if step >= last and not self.batch.jobs:
                return replies
        raise AssertionError("the batch does not end")


@pytest.mark.parametrize(
    "steps", [(0, 0, 0, 0, 0, 0), (0, 1, 2, 3, 4, 5), (0, 5, 5, 11, 19, 26), (21, 15, 10, 3, 2, 0)]
)
def test_answers_do_not_depend_on_who_joins_when(model, asked, steps):
    desk = Desk(model)
    jobs = [desk.job(each) for each in asked]
    starts: dict[int, list[Job]] = {}
    for step, job in zip(steps, jobs, strict=True):
        starts.setdefault(step, []).append(job)
    replies = desk.run(starts)
    for job, each in zip(jobs, asked, strict=True):
        assert replies[id(job)] == alone(model, each)
        assert job.ticket.text == replies[id(job)].text
    assert desk.batch.num_rows == 0


def test_an_answer_that_is_given_up_leaves_the_others_alone(model, asked):
    desk = Desk(model)
    first, second, third = (desk.job(each) for each in asked[:3])
    desk.batch.admit([first, second, third])
    for _ in range(4):
        desk.batch.step()
    desk.batch.drop([second])
    assert desk.batch.jobs == [first, third]
    replies = desk.run({2: [desk.job(asked[3])]})
    assert replies[id(first)] == alone(model, asked[0])
    assert replies[id(third)] == alone(model, asked[2])


def test_rows_that_ended_do_not_stay_for_long(model, asked):
    desk = Desk(model)
    desk.batch.admit([desk.job(asked[0]), desk.job(asked[3])])
    for _ in range(10):
        desk.batch.step()
    assert desk.batch.num_rows == len(desk.batch.jobs) == 1


def test_a_beam_search_by_steps_is_the_beam_search(model, asked):
    desk = Desk(model)
    messages, _ = asked[1]
    search: Asked = (messages, replace(GREEDY, num_beams=3, max_new_tokens=8))
    beams = BeamSearch(model, desk.job(search), desk.images)
    other = desk.job(asked[0])
    desk.batch.admit([other])
    while not beams.step():
        desk.batch.step()
    beams.job.finish()
    assert beams.job.ticket.result() == alone(model, search)
    assert desk.run()[id(other)] == alone(model, asked[0])


def test_the_same_picture_is_encoded_once(model, asked):
    desk = Desk(model)
    desk.batch.admit([desk.job(each) for each in asked])
    assert desk.images.num_encoded == 4
    assert desk.images.num_found == 1


def test_an_overflow_fails_only_the_row_where_it_is(model, asked, monkeypatch):
    desk = Desk(model)
    good, bad = desk.job(asked[0]), desk.job(asked[3])
    run = type(model.llm).forward
    calls = 0

    def overflow(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        output = run(self, *args, **kwargs)
        if calls == 4:
            output.logits[1] = float("nan")
        return output

    monkeypatch.setattr(type(model.llm), "forward", overflow)
    desk.batch.admit([good, bad])
    while not bad.error:
        ended = desk.batch.step()
    assert ended == [bad]
    monkeypatch.undo()
    assert desk.run()[id(good)] == alone(model, asked[0])


def test_logprobs_are_those_of_the_shown_tokens(model, asked):
    desk = Desk(model)
    job = desk.job(asked[2], num_top_logprobs=2)
    plain = desk.job(asked[0])
    replies = desk.run({0: [plain], 3: [job]})
    reply, logprobs = replies[id(job)], job.ticket.logprobs
    assert tuple(each.token_id for each in logprobs) == reply.token_ids[: len(logprobs)]
    assert reply == alone(model, asked[2])
    for each in logprobs:
        assert len(each.top) == 2
        assert 0 >= each.top[0].logprob >= each.top[1].logprob
        assert each.logprob <= each.top[0].logprob
    assert plain.ticket.logprobs == ()
