"""The engine: same answers as alone, nobody waits in vain, nothing hangs."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
import torch

from minigpt4.errors import (
    ContextLengthError,
    EngineClosedError,
    GenerationError,
    ImageError,
    PromptError,
    QueueFullError,
    RequestCancelledError,
    RequestTimeoutError,
    SettingsError,
)
from minigpt4.generation import CHAT, GREEDY, generate
from minigpt4.generation.rows import Rows
from minigpt4.generation.settings import GenerationSettings
from minigpt4.processing.conversation import Conversation, Message
from minigpt4.serving.engine import Engine, Request

SHORT = replace(GREEDY, max_new_tokens=10)
LONG = replace(GREEDY, max_new_tokens=350)


def ask(text: str, *images: Any, settings: GenerationSettings = SHORT, **more: Any) -> Request:
    return Request(messages=[Message("user", text, images)], settings=settings, **more)


def alone(model: Any, request: Request) -> Any:
    return generate(model, [Conversation(tuple(request.messages))], request.settings)[0]


@pytest.fixture
def held(engine, monkeypatch):
    """The engine while its model waits; setting the event lets it go on."""
    go, step = threading.Event(), engine._batch.step

    def wait_and_step() -> Any:
        go.wait(20)
        return step()

    monkeypatch.setattr(engine._batch, "step", wait_and_step)
    yield engine, go
    go.set()


def wait_until(true: Any) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it does not become true"
        time.sleep(0.005)


def test_many_threads_get_the_answers_they_would_get_alone(engine, model, pictures):
    requests = []
    for index in range(10):
        settings = replace(GREEDY, max_new_tokens=5 + index)
        if index % 2:
            settings = replace(CHAT, max_new_tokens=5 + 3 * index, seed=index, temperature=0.7)
        question = "What is this" + "?" * (index % 7)
        requests.append(ask(question, pictures[index % 4], settings=settings))
    replies: dict[int, Any] = {}

    def client(index: int) -> None:
        time.sleep(0.02 * index)
        ticket = engine.submit(requests[index])
        text = "".join(ticket)
        replies[index] = ticket.result(timeout=60)
        assert text == replies[index].text == ticket.text

    threads = [threading.Thread(target=client, args=(index,)) for index in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert replies == {index: alone(model, request) for index, request in enumerate(requests)}


def test_a_newcomer_is_answered_before_a_long_answer_ends(engine, pictures):
    long = engine.submit(ask("Describe it.", pictures[0], settings=LONG))
    next(iter(long))
    short = engine.submit(ask("Hi"))
    short.result(timeout=60)
    assert not long.done
    long.cancel()


def test_beams_run_beside_the_others(engine, model, pictures):
    beams = ask("What?", pictures[0], settings=replace(SHORT, num_beams=3))
    other = ask("What is this?", pictures[1], settings=replace(SHORT, max_new_tokens=30))
    tickets = [engine.submit(each) for each in (beams, other, beams)]
    replies = [ticket.result(timeout=60) for ticket in tickets]
    assert replies == [alone(model, each) for each in (beams, other, beams)]
    assert list(tickets[0]) == [replies[0].text]


def test_pieces_come_in_an_event_loop_too(engine, model):
    request = ask("Hi")

    async def read() -> tuple[list[str], Any]:
        ticket = engine.submit(request)
        return [text async for text in ticket], await ticket.result_async()

    pieces, reply = asyncio.run(read())
    assert "".join(pieces) == reply.text
    assert reply == alone(model, request)


def test_a_cancelled_answer_frees_its_place(held):
    engine, go = held
    ticket = engine.submit(ask("Hi", settings=LONG))
    wait_until(lambda: engine.metrics().num_running == 1)
    ticket.cancel()
    go.set()
    before = list(ticket)
    with pytest.raises(RequestCancelledError):
        ticket.result(timeout=20)
    assert "".join(before) == ticket.text
    assert engine.metrics().num_running == 0
    assert engine.metrics().outcomes["cancelled"] == 1
    assert engine.submit(ask("Hi")).result(timeout=20).token_ids


def test_a_full_queue_refuses_and_says_when_to_come_back(held):
    engine, _ = held
    running = [engine.submit(ask("Hi")) for _ in range(4)]
    wait_until(lambda: engine.metrics().num_running >= 1)
    waiting = [engine.submit(ask("Hi")) for _ in range(8)]
    with pytest.raises(QueueFullError) as refused:
        engine.submit_all([ask("Hi")] * 5)
    assert 1 <= refused.value.retry_after_seconds <= 60
    assert engine.metrics().num_refused == 5
    _.set()
    assert all(ticket.result(timeout=20).token_ids for ticket in running + waiting)


def test_time_cuts_an_answer_and_ends_the_waiting(held):
    engine, go = held
    running = engine.submit(ask("Hi", settings=LONG, deadline_seconds=0.2))
    others = [engine.submit(ask("Hi", settings=LONG)) for _ in range(3)]
    wait_until(lambda: engine.metrics().num_running >= 1)
    waiting = engine.submit(ask("Hi", deadline_seconds=0.01))
    time.sleep(0.25)
    go.set()
    reply = running.result(timeout=20)
    assert reply.finish_reason == "length"
    assert running.timed_out
    assert 0 < len(reply.token_ids) < 350
    with pytest.raises(RequestTimeoutError, match="too busy"):
        waiting.result(timeout=20)
    assert engine.metrics().outcomes["timeout"] == 2
    for other in others:
        other.cancel()


def test_closing_finishes_what_was_begun(model, pictures):
    engine = Engine(model, max_batch=2)
    requests = [ask("What" + "?" * index, pictures[0]) for index in range(5)]
    tickets = [engine.submit(each) for each in requests]
    engine.close()
    assert [ticket.result(timeout=0) for ticket in tickets] == [alone(model, r) for r in requests]
    with pytest.raises(EngineClosedError):
        engine.submit(ask("Hi"))


def test_closing_without_finishing_cancels(held):
    engine, go = held
    tickets = [engine.submit(ask("Hi", settings=LONG)) for _ in range(3)]
    wait_until(lambda: engine.metrics().num_running >= 1)
    closing = threading.Thread(target=engine.close, kwargs={"finish": False})
    closing.start()
    # The model goes on only when all are cancelled, so none can end before, however slow we are.
    wait_until(lambda: all(ticket.cancelled for ticket in tickets))
    go.set()
    closing.join(20)
    assert not closing.is_alive()
    for ticket in tickets:
        with pytest.raises(RequestCancelledError):
            ticket.result(timeout=0)


def test_a_model_that_fails_fails_its_answers_and_the_engine_goes_on(engine, model, monkeypatch):
    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError("no memory is left")

    with monkeypatch.context() as broken:
        broken.setattr(type(model.llm), "forward", fail)
        with pytest.raises(MemoryError):
            engine.submit(ask("Hi")).result(timeout=20)
    assert engine.submit(ask("Hi")).result(timeout=20).token_ids
    assert engine.metrics().outcomes["failed"] == 1


def test_logits_that_are_not_finite_are_an_error_of_that_answer(engine, model, monkeypatch):
    nan = model.get_input_embeddings().weight.detach().clone() * float("nan")
    with monkeypatch.context() as broken:
        broken.setattr(model.get_input_embeddings().weight, "data", nan)
        with pytest.raises(GenerationError, match="not finite"):
            engine.submit(ask("Hi")).result(timeout=20)
    assert engine.submit(ask("Hi")).result(timeout=20).token_ids


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (ask(" "), PromptError),
        (ask("Hi", "/no/such/picture.png"), ImageError),
        (ask("word " * 600), ContextLengthError),
        (ask("word " * 600, settings=LONG, cut_to_context=True), ContextLengthError),
        (ask("Hi", settings=replace(SHORT, num_beams=9)), SettingsError),
        (ask("Hi", num_top_logprobs=21), SettingsError),
        (ask("Hi", settings=replace(SHORT, num_beams=2), num_top_logprobs=0), SettingsError),
    ],
    ids=["empty", "no_picture", "too_long", "too_long_cut", "beams", "logprobs", "beam_logprobs"],
)
def test_a_bad_request_is_refused_at_once(engine, request_, error):
    with pytest.raises(error):
        engine.submit(request_)
    assert engine.metrics().num_submitted == 0


def test_a_text_that_is_far_too_long_is_never_tokenised(engine, model, monkeypatch):
    def never(*_: Any) -> None:
        raise AssertionError("it was tokenised")

    monkeypatch.setattr(type(model.processor), "encode", never)
    for more in ({}, {"cut_to_context": True}, {"drop_old_turns": True}):
        with pytest.raises(ContextLengthError, match="characters; the context holds at most"):
            engine.submit(ask("word " * 100_000, **more))


def test_an_old_turn_that_is_far_too_long_is_dropped(engine, model):
    turns = [Message("user", "word " * 10_000), Message("assistant", "No."), Message("user", "Hi")]
    ticket = engine.submit(Request(messages=turns, settings=SHORT, drop_old_turns=True))
    assert ticket.result(timeout=20) == alone(model, ask("Hi"))
    assert ticket.num_dropped_turns == 1


@pytest.mark.parametrize(
    "limits", [{"max_batch": 0}, {"max_queue": -1}, {"request_seconds": 0.0}], ids=str
)
def test_limits_under_which_nobody_is_answered_are_refused(model, limits):
    with pytest.raises(SettingsError, match="wanted at least 1"):
        Engine(model, **limits)


def test_choices_of_an_answer_are_read_once(engine, model, pictures, monkeypatch):
    request = ask("What?", pictures[0], settings=replace(CHAT, max_new_tokens=5))
    choices = [replace(request, settings=replace(request.settings, seed=i)) for i in range(3)]
    made = []
    pixel_values = type(model.processor).pixel_values

    def counted(self: Any, images: Any, **more: Any) -> Any:
        made.append(images)
        return pixel_values(self, images, **more)

    with monkeypatch.context() as watched:
        watched.setattr(type(model.processor), "pixel_values", counted)
        tickets = engine.submit_all(choices)
    assert len(made) == 1
    assert [each.result(timeout=20) for each in tickets] == [alone(model, each) for each in choices]


def test_places_are_held_while_a_request_is_read_and_given_back(held):
    engine, go = held
    with engine.reserve(12) as places:
        with pytest.raises(QueueFullError):
            engine.submit(ask("Hi"))
        (ticket,) = engine.submit_all([ask("Hi")], places)
        others = [engine.submit(ask("Hi")) for _ in range(8)]
    with pytest.raises(ZeroDivisionError), engine.reserve(2):
        raise ZeroDivisionError
    assert engine._num_held == 0
    go.set()
    assert all(each.result(timeout=20).token_ids for each in [ticket, *others])


@pytest.mark.parametrize("late", [False, True], ids=["ended", "out_of_time"])
def test_an_answer_is_handed_over_though_its_row_cannot_leave(held, monkeypatch, late):
    """Rows leave by copying the cache, which may find no memory."""
    engine, go = held
    short = replace(LONG, max_new_tokens=350 if late else 3)
    first = ask("Hi", settings=short, deadline_seconds=0.3 if late else None)
    # At once: one that came alone would leave an empty batch, and no row would have to go.
    ending, other = engine.submit_all([first, ask("Hi there", settings=LONG)])
    wait_until(lambda: engine.metrics().num_running == 2)
    if late:
        time.sleep(0.35)

    def fail(*_: Any) -> None:
        raise MemoryError("no memory is left")

    with monkeypatch.context() as broken:
        broken.setattr(Rows, "select", fail)
        go.set()
        assert ending.result(timeout=20).finish_reason == "length"
        with pytest.raises(MemoryError):
            other.result(timeout=20)
    assert engine.submit(ask("Hi")).result(timeout=20).token_ids


def test_a_newcomer_who_cannot_join_fails_alone(engine, model, monkeypatch):
    request = ask("Describe it.", settings=replace(LONG, max_new_tokens=200))
    running = engine.submit(request)
    next(iter(running))
    cat, calls = torch.cat, 0

    def fail_at_the_second_layer(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise MemoryError("no memory is left")
        return cat(*args, **more)

    join = Rows.join

    def broken_join(self: Rows, other: Rows) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(torch, "cat", fail_at_the_second_layer)
            join(self, other)

    with monkeypatch.context() as broken:
        broken.setattr(Rows, "join", broken_join)
        newcomer = engine.submit(ask("Hi"))
        with pytest.raises(MemoryError):
            newcomer.result(timeout=20)
    assert calls == 4
    assert running.result(timeout=60) == alone(model, request)


def test_old_turns_are_dropped_only_when_asked(engine):
    turns = [Message("user", "word " * 150), Message("assistant", "Yes."), Message("user", "And?")]
    turns = [*turns[:2], *turns[:2], *turns]
    with pytest.raises(ContextLengthError):
        engine.submit(Request(messages=turns, settings=SHORT))
    ticket = engine.submit(Request(messages=turns, settings=SHORT, drop_old_turns=True))
    assert ticket.result(timeout=20).token_ids
    assert ticket.num_dropped_turns >= 1


def test_metrics_add_up(engine, pictures):
    replies = [
        ticket.result(timeout=20)
        for ticket in [engine.submit(ask("What?", pictures[0])) for _ in range(3)]
    ]
    wait_until(lambda: engine.metrics().outcomes["length"] + engine.metrics().outcomes["stop"] == 3)
    metrics = engine.metrics()
    assert metrics.num_tokens == sum(len(reply.token_ids) for reply in replies)
    assert metrics.num_prompt_tokens == sum(reply.num_prompt_tokens for reply in replies)
    assert metrics.first_token_seconds.count == metrics.answer_seconds.count == 3
    assert metrics.num_images_encoded == 1
    assert metrics.num_images_found == 2
    assert metrics.tokens_per_second > 0
    assert metrics.queue_length == metrics.num_running == 0
