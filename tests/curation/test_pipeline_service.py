"""A curation whose repair service refuses, cuts off, babbles or dies: nothing is ruined or lost."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from curation.bad_server import bad_server, repaired
from curation.small_run import SETTINGS, FakeModel, draw_pictures, small_steps
from minigpt4.curation.chat_service import ChatService, ChatServiceSettings
from minigpt4.curation.pipeline import run
from minigpt4.curation.repair import RepairSettings, ServiceRepairer
from minigpt4.curation.store import DraftStore
from minigpt4.errors import ChatServiceError


@pytest.fixture
def pictures(tmp_path):
    return draw_pictures(tmp_path / "pile", 20)


@pytest.fixture
def store(tmp_path):
    with DraftStore(tmp_path / "out", create=True) as store:
        yield store


def service_repairer(server, **changes):
    quick = {"first_wait_seconds": 0.01, "max_tries": 2, "max_in_flight": 2}
    settings = ChatServiceSettings(url=server.url, model="m", **(quick | changes))
    return ServiceRepairer(ChatService(settings), RepairSettings())


def test_a_refused_text_waits_with_its_reason_and_the_rest_goes_on(store, pictures, caplog):
    def picky(exchange):
        if "number 7 " in exchange.paragraph:
            exchange.refuse(400, "content filter")
        elif "number 8 " in exchange.paragraph:
            exchange.answer("The image shows the number", "length")
        else:
            repaired(exchange)

    with bad_server(picky) as server:
        steps = small_steps(FakeModel(), pictures, repairer=service_repairer(server))
        run(SETTINGS, store, steps)
        waiting = [each for each in store.drafts() if each.repaired is None]
        assert {each.key for each in waiting} == {"007.png", "008.png"}
        assert {each.stage for each in waiting} == {"described"}
        assert store.counts()["ruled"] == 18
        assert set(store.noted("not_repaired")) == {str(each.number) for each in waiting}
        told = "1 texts not repaired: refused: 400 content filter; run the same command again"
        assert told in caplog.text
        assert "1 texts not repaired: the reply was cut off after 512 tokens" in caplog.text
        server.behave = repaired
        steps = small_steps(FakeModel(), pictures, repairer=service_repairer(server))
        run(SETTINGS, store, steps)
    assert store.counts()["ruled"] == 20
    assert store.noted("not_repaired") == {}


def test_a_service_that_refuses_everything_ruins_nothing(store, pictures):
    with bad_server(lambda exchange: exchange.refuse(400, "no such option")) as server:
        steps = small_steps(FakeModel(), pictures, repairer=service_repairer(server))
        wide = replace(SETTINGS, wave=20)
        with pytest.raises(ChatServiceError, match="no such option"):
            run(wide, store, steps)
        assert store.counts()["described"] == 20
        server.behave = repaired
        steps = small_steps(FakeModel(), pictures, repairer=service_repairer(server))
        run(wide, store, steps)
    assert store.counts()["ruled"] == 20


def test_a_service_that_dies_after_an_answer_leaves_no_empty_repair(store, pictures):
    second = threading.Event()

    def die(exchange):
        if exchange.number == 1:
            second.wait(10)  # so that another request has begun before this answer
            repaired(exchange)
        else:
            second.set()
            exchange.refuse(503)

    with bad_server(die) as server:
        repairer = service_repairer(server, first_wait_seconds=0.2)
        steps = small_steps(FakeModel(), pictures, repairer=repairer)
        with pytest.raises(ChatServiceError, match="did not answer in 2 tries"):
            run(replace(SETTINGS, wave=20), store, steps)
    assert [each.repaired for each in store.drafts()].count(None) == 19


def test_a_service_that_fails_midway_leaves_all_that_was_repaired(store, pictures):
    def tire(exchange):
        if exchange.number > 9:
            exchange.refuse(401)
        else:
            repaired(exchange)

    with bad_server(tire) as server:
        steps = small_steps(FakeModel(), pictures, repairer=service_repairer(server))
        with pytest.raises(ChatServiceError, match="refuses the key"):
            run(SETTINGS, store, steps)
        done = {each.number for each in store.drafts() if each.repaired is not None}
        assert len(done) == 9
        model = FakeModel()
        server.behave = repaired
        steps = small_steps(model, pictures, repairer=service_repairer(server))
        run(SETTINGS, store, steps)
        asked = [each["messages"][1]["content"] for each in server.requests]
    answered = [text for text in asked if asked.count(text) == 1]
    assert store.counts()["ruled"] == 20
    assert len(asked) - len(answered) <= 2 * 2  # only what was refused was asked again
    assert max(model.num_described.values()) == 1


def test_a_reply_in_another_language_or_of_nonsense_is_rejected_with_its_reason(store, pictures):
    def babble(exchange):
        if exchange.number % 2:
            exchange.answer("Das Bild zeigt ein Haus mit einem Baum und einer Wand, auf der steht.")
        else:
            exchange.answer("Bake the bread for twenty minutes, then serve it with some butter.")

    with bad_server(babble) as server:
        service = ChatService(ChatServiceSettings(url=server.url, model="m"))
        repairer = ServiceRepairer(service, RepairSettings())
        run(SETTINGS, store, small_steps(FakeModel(), pictures, repairer=repairer))
    judges = {each.rejected_because.judge for each in store.drafts()}
    assert judges == {"rule:unrelated_reply"}
    german = [each for each in store.drafts() if "Das Bild" in str(each.repaired)]
    assert all("rule:not_english" in {v.judge for v in each.verdicts} for each in german)
