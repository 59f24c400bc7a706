"""Questions on their way, and tabs that share nothing."""

from __future__ import annotations

import time

import pytest

from minigpt4.errors import PromptError, QueueFullError
from minigpt4.generation.settings import GREEDY
from minigpt4.serving.demo.asking import Asking, Speaker, Visitor
from serving.demo.told import ToldEngine


def visitor(*engines) -> Visitor:
    return Visitor([Speaker(f"m{place}", engine) for place, engine in enumerate(engines)])


def wait(condition, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def finished(asking: Asking) -> list[tuple[str, str]]:
    wait(lambda: asking.done)
    return [(answer.text, answer.ending) for answer in asking.answers]


def test_every_model_answers():
    someone = visitor(ToldEngine({"a?": "one two"}), ToldEngine({"a?": "three"}))
    assert finished(someone.ask("a?", [], GREEDY)) == [("one two", "stop"), ("three", "stop")]


def test_the_next_question_has_the_conversation_before_it():
    engine = ToldEngine({"a?": "x"})
    someone = visitor(engine)
    first = someone.ask("a?", [], GREEDY)
    finished(first)
    assert someone.settle(first)
    finished(someone.ask("b?", [], GREEDY))
    assert [each.text for each in engine.requests[1].messages] == ["a?", "x", "b?"]


def test_stopping_keeps_what_has_come():
    engine = ToldEngine({"a?": "one " * 200}, seconds_a_word=0.01)
    someone = visitor(engine)
    asking = someone.ask("a?", [], GREEDY)
    wait(lambda: asking.answers[0].text)
    someone.halt()
    ((text, ending),) = finished(asking)
    assert (text[:4], ending) == ("one ", "stopped")
    wait(lambda: engine.tickets[0].done)
    assert asking.answers[0].text == text
    assert someone.settle(asking)
    assert someone.talk.turns[0].answers[0].text == text


def test_a_new_question_stops_the_one_before():
    engine = ToldEngine({"a?": "one " * 200, "b?": "two"}, seconds_a_word=0.01)
    someone = visitor(engine)
    first = someone.ask("a?", [], GREEDY)
    second = someone.ask("b?", [], GREEDY)
    assert engine.tickets[0].cancelled
    assert not someone.settle(first), "it is in the talk already"
    assert finished(second) == [("two", "stop")]
    assert [each.question for each in someone.whole_talk.turns] == ["a?", "b?"]


def test_an_engine_that_refuses_fails_its_answer_only():
    class Full:
        def submit(self, request):
            raise QueueFullError("16 requests wait already", retry_after_seconds=1)

    asking = visitor(Full(), ToldEngine({"a?": "x"})).ask("a?", [], GREEDY)
    assert finished(asking) == [("", "failed"), ("x", "stop")]
    assert asking.answers[0].error == "16 requests wait already"


def test_an_empty_question_is_refused():
    with pytest.raises(PromptError, match="empty"):
        visitor(ToldEngine({})).ask(" \n", [], GREEDY)


def test_visitors_share_nothing():
    engine = ToldEngine({"a?": "x"})
    one, other = visitor(engine), visitor(engine)
    finished(one.ask("a?", [], GREEDY))
    one.stop()
    assert len(one.talk.turns) == 1
    assert not other.talk.turns


def test_the_last_turn_can_be_taken_back():
    someone = visitor(ToldEngine({"a?": "x"}))
    assert someone.take_back() is None
    finished(someone.ask("a?", [], GREEDY))
    turn = someone.take_back()
    assert turn is not None
    assert (turn.question, someone.talk.turns) == ("a?", ())


def test_forgetting_stops_and_empties():
    engine = ToldEngine({"a?": "one " * 200}, seconds_a_word=0.01)
    someone = visitor(engine)
    someone.ask("a?", [], GREEDY)
    someone.forget()
    assert engine.tickets[0].cancelled
    assert not someone.whole_talk.turns
