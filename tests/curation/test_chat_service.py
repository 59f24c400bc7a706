"""An LLM behind an address that misbehaves in every way."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from curation.bad_server import Exchange, bad_server, completion, repaired
from minigpt4.curation.chat_service import (
    MANY_REFUSALS,
    ChatService,
    ChatServiceSettings,
    Request,
)
from minigpt4.errors import ChatServiceError, SettingsError


def service(url: str, path: Path | None = None, key: str | None = None, **changes: Any) -> Any:
    quick = {"first_wait_seconds": 0.01, "max_tries": 3, "timeout_seconds": 2.0}
    settings = ChatServiceSettings(url=url, model="m", **(quick | changes))
    return ChatService(settings, api_key=key, cache_path=path)


def requests(num: int) -> list[Request]:
    return [Request.of("Fix it.", f"Here we see paragraph {index}.") for index in range(num)]


def test_answers_come_in_the_order_of_the_requests_and_as_noted():
    noted = {}
    with bad_server() as server, service(server.url) as chat:
        found = chat.complete(requests(20), note=lambda i, each: noted.update({i: each.text}))
    texts = [f"Here there is paragraph {index}." for index in range(20)]
    assert [each.text for each in found] == texts
    assert noted == dict(enumerate(texts))


def test_the_request_is_what_the_authors_sent():
    with bad_server() as server, service(server.url, key="secret") as chat:
        chat.complete([Request.of("Fix it.", "A text.", max_tokens=7)])
    assert server.requests == [
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Fix it."},
                {"role": "user", "content": "A text."},
            ],
            "temperature": 0.0,
            "max_tokens": 7,
        }
    ]
    assert server.keys == ["Bearer secret"]


def test_no_more_requests_are_in_flight_than_allowed():
    guard, at_once, most = threading.Lock(), 0, 0

    def slow(exchange: Exchange) -> None:
        nonlocal at_once, most
        with guard:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.05)
        with guard:
            at_once -= 1
        repaired(exchange)

    with bad_server(slow) as server, service(server.url, max_in_flight=4) as chat:
        chat.complete(requests(12))
    assert 2 <= most <= 4


def test_requests_per_minute_are_spaced():
    with bad_server() as server, service(server.url, max_requests_per_minute=600) as chat:
        chat.complete(requests(4))
    gaps = [after - before for before, after in zip(server.times, server.times[1:], strict=False)]
    assert min(gaps) > 0.05


def test_a_reply_is_paid_once(tmp_path):
    with bad_server() as server:
        for _ in range(2):
            prices = {"price_per_million_completion_tokens": 1e6}
            with service(server.url, tmp_path / "r.sqlite", **prices) as chat:
                chat.complete([*requests(3), *requests(3)])
                spent = chat.spent
        assert len(server.requests) == 3
    assert (spent.num_replies, spent.num_prompt_tokens) == (3, 30)
    assert spent.money == spent.num_completion_tokens == 15


def test_another_temperature_is_another_question(tmp_path):
    with bad_server() as server, service(server.url, tmp_path / "r.sqlite") as chat:
        chat.complete([Request.of("", "A."), Request.of("", "A.", temperature=1.0)])
        assert len(server.requests) == 2


@pytest.mark.parametrize("status", [429, 500, 502, 503, 408])
def test_a_passing_trouble_is_tried_again(status):
    def recover(exchange: Exchange) -> None:
        if exchange.number < 3:
            exchange.refuse(status)
        else:
            repaired(exchange)

    with bad_server(recover) as server, service(server.url) as chat:
        assert chat.complete(requests(1))[0].text
        assert chat.num_retries == 2


def test_retry_after_holds_all_requests_back():
    def limit(exchange: Exchange) -> None:
        if exchange.number == 1:
            exchange.refuse(429, Retry_After="0.4")
        else:
            repaired(exchange)

    with bad_server(limit) as server, service(server.url, max_in_flight=1) as chat:
        chat.complete(requests(3))
    assert server.times[1] - server.times[0] >= 0.39


def test_a_wait_that_is_too_long_ends_the_run():
    with (
        bad_server(lambda exchange: exchange.refuse(429, Retry_After="9999")) as server,
        service(server.url) as chat,
        pytest.raises(ChatServiceError, match="asks to wait 9999 s"),
    ):
        chat.complete(requests(1))


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (401, "", "refuses the key"),
        (403, "", "refuses the key"),
        (404, "", "knows no model 'm'"),
        (429, "insufficient_quota", "no credit left"),
        (301, "", "has moved"),
    ],
)
def test_what_no_patience_heals_ends_at_once(status, code, said):
    with (
        bad_server(lambda exchange: exchange.refuse(status, code=code)) as server,
        service(server.url, max_in_flight=2) as chat,
    ):
        with pytest.raises(ChatServiceError, match=said):
            chat.complete(requests(30))
        assert len(server.requests) <= 4


def test_a_key_never_shows_in_an_error():
    with (
        bad_server(lambda exchange: exchange.refuse(401)) as server,
        service(server.url, key="sk-secret") as chat,
        pytest.raises(ChatServiceError) as caught,
    ):
        chat.complete(requests(1))
    assert "sk-secret" not in str(caught.value)


def test_a_service_that_is_down_is_named_and_nothing_is_lost(tmp_path):
    noted = []
    with bad_server() as server:
        url = server.url
        with service(url, tmp_path / "r.sqlite") as chat:
            chat.complete(requests(2))
    with service(url, tmp_path / "r.sqlite") as chat:
        with pytest.raises(ChatServiceError, match=r"did not answer in 3 tries.*connection"):
            chat.complete(requests(4), note=lambda index, _: noted.append(index))
        assert noted == [0, 1]


def test_a_slow_service_is_not_waited_for_longer_than_agreed():
    ended = threading.Event()
    with (
        bad_server(lambda _: ended.wait(10)) as server,
        service(server.url, timeout_seconds=0.1, max_tries=2) as chat,
    ):
        with pytest.raises(ChatServiceError, match="no answer within"):
            chat.complete(requests(1))
        ended.set()


def test_a_service_that_drips_is_not_waited_for_longer_than_agreed():
    def drip(exchange: Exchange) -> None:
        exchange.handler.send_response(200)
        exchange.handler.send_header("Content-Length", "1000")
        exchange.handler.end_headers()
        for _ in range(100):
            exchange.handler.wfile.write(b" ")
            time.sleep(0.02)

    with (
        bad_server(drip) as server,
        service(server.url, timeout_seconds=0.3, max_tries=1) as chat,
        pytest.raises(ChatServiceError, match="no answer within"),
    ):
        chat.complete(requests(1))


def cut_off(exchange: Exchange) -> None:
    whole = completion("A text.")
    exchange.send(200, whole[:20], Content_Length=str(len(whole)))
    exchange.handler.wfile.flush()
    exchange.handler.connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "behave",
    [
        cut_off,
        lambda exchange: exchange.send(200, b"<html>Welcome to the proxy</html>"),
        lambda exchange: exchange.send(200, b'{"choices": []}'),
        lambda exchange: exchange.send(200, b""),
        lambda exchange: exchange.handler.connection.close(),
    ],
    ids=["cut off", "a page", "no choice", "empty", "hung up"],
)
def test_a_broken_reply_is_tried_again(behave):
    def once(exchange: Exchange) -> None:
        behave(exchange) if exchange.number == 1 else repaired(exchange)

    with bad_server(once) as server, service(server.url) as chat:
        assert chat.complete(requests(1))[0].text == "Here there is paragraph 0."


def test_a_request_that_is_refused_does_not_stop_the_others():
    def picky(exchange: Exchange) -> None:
        if "paragraph 1" in exchange.paragraph:
            exchange.refuse(400, "content filter")
        else:
            repaired(exchange)

    with bad_server(picky) as server, service(server.url) as chat:
        found = chat.complete(requests(3))
    assert [bool(each.text) for each in found] == [True, False, True]
    assert "content filter" in found[1].error


def test_a_request_that_always_fails_while_others_succeed_is_given_up_alone():
    def poisoned(exchange: Exchange) -> None:
        if "paragraph 0" in exchange.paragraph:
            exchange.refuse(500)
        else:
            repaired(exchange)

    with bad_server(poisoned) as server, service(server.url, max_in_flight=2) as chat:
        found = chat.complete(requests(8))
    assert found[0].error
    assert all(each.text for each in found[1:])


def test_a_service_that_refuses_everything_is_given_up(tmp_path):
    def refuse(exchange: Exchange) -> None:
        exchange.refuse(400, "temperature is not supported")

    with bad_server(refuse) as server:
        with (
            service(server.url, tmp_path / "r.sqlite", max_in_flight=2) as chat,
            pytest.raises(ChatServiceError, match=r"refuses.*temperature is not supported"),
        ):
            chat.complete(requests(40))
        assert len(server.requests) <= MANY_REFUSALS + 2
        server.behave = repaired
        with service(server.url, tmp_path / "r.sqlite") as chat:
            chat.complete([Request.of("", "Another.")])
        server.behave = refuse
        # It has answered once, so what is refused now is refused for itself.
        with service(server.url, tmp_path / "r.sqlite") as chat:
            assert all(each.error for each in chat.complete(requests(40)))


def test_a_damaged_cache_is_named(tmp_path):
    (tmp_path / "r.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(ChatServiceError, match=r"r\.sqlite.*move it away"):
        service("http://127.0.0.1:9/v1", tmp_path / "r.sqlite")


def test_a_reply_that_cannot_be_kept_ends_the_run(tmp_path):
    with bad_server() as server, service(server.url, tmp_path / "r.sqlite") as chat:
        chat._cache._database.query("PRAGMA max_page_count = 3")
        with pytest.raises(ChatServiceError, match="make room"):
            chat.complete(requests(200))


def test_two_processes_may_share_a_cache(tmp_path):
    path = tmp_path / "r.sqlite"
    with (
        bad_server() as server,
        service(server.url, path) as first,
        service(server.url, path) as second,
    ):
        first.complete(requests(2))
        second.complete(requests(3))
        assert len(server.requests) == 3
    with sqlite3.connect(tmp_path / "r.sqlite") as connection:
        assert connection.execute("SELECT COUNT(*) FROM replies").fetchone() == (3,)
    connection.close()


def test_an_address_must_be_one():
    with pytest.raises(SettingsError, match="http"):
        service("localhost:8000")
