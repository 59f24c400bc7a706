"""The server through the official client: what it answers, what it refuses, what it survives."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import openai
import pytest
from PIL import Image
from pydantic import ValidationError

from minigpt4.generation import CHAT, GREEDY, generate
from minigpt4.generation.settings import GenerationSettings
from minigpt4.processing.conversation import Conversation, Message
from minigpt4.serving import chat_api
from minigpt4.serving.engine import Engine
from minigpt4.serving.guard import BodyLimits, Keys
from minigpt4.serving.protocol import ChatRequest
from serving.running import data_url, serving, user, wait_until

KEY = "sk-a-key-for-tests"


@pytest.fixture(scope="module")
def server(model) -> Iterator[Any]:
    engine = Engine(model, max_batch=4, max_queue=8)
    with serving(
        engine, keys=Keys([KEY, "another"]), body_limits=BodyLimits(max_bytes=200_000)
    ) as running:
        running.engine = engine
        yield running


@pytest.fixture(scope="module")
def client(server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.base_url, api_key=KEY, max_retries=0) as opened:
        yield opened


def create(client: openai.OpenAI, messages: list[Any], **more: Any) -> Any:
    return client.chat.completions.create(
        **{"model": "tiny", "messages": messages, "temperature": 0, "max_tokens": 8} | more
    )


def refused(client: openai.OpenAI, messages: list[Any], **more: Any) -> Any:
    with pytest.raises(openai.APIStatusError) as error:
        create(client, messages, **more)
    assert set(error.value.body) == {"message", "type", "param", "code"}
    return error.value


def alone(model: Any, settings: GenerationSettings, *messages: Message) -> Any:
    return generate(model, [Conversation(messages)], settings)[0]


GREEDY_8 = replace(GREEDY, max_new_tokens=8)


def test_an_answer_is_that_of_the_model(client, model, pictures):
    completion = create(client, [user("What is this?", data_url(pictures[0]))])
    reply = alone(model, GREEDY_8, Message("user", "What is this?", (pictures[0],)))
    (choice,) = completion.choices
    assert choice.message.content == reply.text
    assert choice.finish_reason == reply.finish_reason
    assert completion.usage.completion_tokens == len(reply.token_ids)
    assert completion.usage.prompt_tokens == reply.num_prompt_tokens
    assert completion.model == "tiny"
    assert completion.id.startswith("chatcmpl-")


def test_pictures_may_stand_in_any_turn_beside_a_system_message(client, model, pictures):
    messages = [
        {"role": "system", "content": "Be short."},
        user("Which are these?", data_url(pictures[0]), data_url(pictures[1], "BMP")),
        {"role": "assistant", "content": "Slopes.", "refusal": None, "tool_calls": []},
        user("And this?", data_url(pictures[2])),
    ]
    reply = alone(
        model, GREEDY_8,
        Message("system", "Be short."),
        Message("user", "Which are these?", (pictures[0], pictures[1])),
        Message("assistant", "Slopes."),
        Message("user", "And this?", (pictures[2],)),
    )  # fmt: skip
    assert create(client, messages).choices[0].message.content == reply.text


def test_a_stream_is_the_same_answer_in_pieces(client, pictures):
    messages = [user("What is this?", data_url(pictures[0]))]
    whole = create(client, messages)
    chunks = list(create(client, messages, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])
    assert text == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


def test_choices_have_seeds_of_their_own_and_can_be_repeated(client, model):
    settings = {"temperature": 0.8, "top_p": 0.9, "seed": 5}
    completion = create(client, [user("Hi")], n=3, **settings)
    texts = [choice.message.content for choice in completion.choices]
    plain = replace(CHAT, temperature=0.8, max_new_tokens=8, repetition_penalty=1.0)
    wanted = [alone(model, replace(plain, seed=5 + i), Message("user", "Hi")) for i in range(3)]
    assert texts == [reply.text for reply in wanted]
    chunks = list(create(client, [user("Hi")], n=3, stream=True, **settings))
    streamed = ["", "", ""]
    for chunk in chunks:
        (choice,) = chunk.choices
        streamed[choice.index] += choice.delta.content or ""
    assert streamed == texts


def test_stop_strings_end_an_answer(client):
    whole = create(client, [user("Hi")], max_tokens=20).choices[0].message.content
    stop = whole[4:6]
    choice = create(client, [user("Hi")], max_tokens=20, stop=[stop]).choices[0]
    assert choice.message.content == whole[: whole.index(stop)].strip()
    assert choice.finish_reason == "stop"


def test_logprobs_come_with_the_text_whole_and_streamed(client):
    asked = {"logprobs": True, "top_logprobs": 3}
    whole = create(client, [user("Hi")], **asked).choices[0].logprobs.content
    chunks = list(create(client, [user("Hi")], stream=True, **asked))
    streamed = [
        token
        for chunk in chunks
        if chunk.choices[0].logprobs
        for token in chunk.choices[0].logprobs.content
    ]
    assert streamed == whole
    assert all(len(token.top_logprobs) == 3 for token in whole)
    assert all(token.logprob == token.top_logprobs[0].logprob <= 0 for token in whole)


def test_beams_are_reached_through_the_extra_body(client, model):
    more = {"num_beams": 3, "repetition_penalty": 1.3}
    answer = create(client, [user("Hi")], extra_body=more)
    settings = replace(GREEDY_8, num_beams=3, repetition_penalty=1.3)
    assert answer.choices[0].message.content == alone(model, settings, Message("user", "Hi")).text


def test_without_a_limit_an_answer_takes_what_the_context_leaves(client):
    words = "word " * 60
    completion = create(client, [user(words)], max_tokens=None)
    assert completion.usage.total_tokens <= 512
    assert completion.usage.completion_tokens < 300


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"extra_body": {"top_k": 5}}, "top_k"),
        ({"n": 17}, "n"),
        ({"temperature": 3}, "temperature"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"max_completion_tokens": 9}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": "x", "name": "Ada"}]}, "messages[0].name"),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages[0].content[0]",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]},
         "messages[0].content[0].text"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_a_400_that_names_it(client, more, param):
    error = refused(client, **{"messages": [user("Hi")], **more})
    assert error.status_code == 400
    assert error.body["param"] == param
    assert param in error.body["message"]


def test_an_answer_for_which_the_context_has_no_room_is_a_400_that_says_so(client):
    for asked in ({"max_tokens": 600}, {"messages": [user("word " * 30_000)]}):
        error = refused(client, **{"messages": [user("Hi")], **asked})
        assert (error.status_code, error.code) == (400, "context_length_exceeded")
        assert error.body["param"] == "messages"
        assert "the context h" in error.body["message"]


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        ({"messages": [1] * 100_000}, "messages has 100000 items, limit 1024"),
        (
            {"messages": [{"role": "user", "content": [1] * 100_000}]},
            "messages[0].content has 100000 items, limit 256",
        ),
        (
            {"messages": [{"role": "assistant", "content": [1] * 100_000}]},
            "messages[0].content has 100000 items, limit 256",
        ),
        ({"messages": [{"role": "user", "content": "Hi"}], "stop": [1] * 100_000}, "limit 4"),
    ],
    ids=["messages", "content", "earlier_answer", "stop"],
)
def test_a_list_that_is_far_too_long_is_one_short_error(engine, body, limit):
    with pytest.raises(ValidationError) as errors:
        ChatRequest.model_validate({"model": "tiny", **body})
    assert errors.value.error_count() <= 2
    with serving(engine) as open_server:
        sent = json.dumps({"model": "tiny", **body}).encode()
        status, answer = talk(open_server, request("POST", "/v1/chat/completions", sent))
    assert status == 400
    assert limit in answer["error"]["message"]
    assert len(json.dumps(answer)) < 400


def test_many_bad_elements_and_many_unknown_fields_are_one_error():
    hello = [{"role": "user", "content": "Hi"}]
    for bad in ({"messages": [1] * 1000}, {"messages": hello, **{f"a{i}": 1 for i in range(1000)}}):
        with pytest.raises(ValidationError) as errors:
            ChatRequest.model_validate({"model": "tiny", **bad})
        assert errors.value.error_count() == 1


def test_fields_that_ask_for_nothing_are_taken(client):
    create(
        client, [user("Hi")], tools=[], frequency_penalty=0, response_format={"type": "text"},
        logit_bias={}, user="somebody", parallel_tool_calls=False, n=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("data:image/png;base64,@@@", "base64 is broken"),
        ("data:image/png;base64,aGVsbG8=", "not a picture"),
        ("data:text/html;base64,aGVsbG8=", "image/"),
        ("data:image/png,abc", "data:image/png;base64,"),
        ("file:///etc/passwd", "begins with data:"),
        ("/etc/passwd", "begins with data:"),
        ("http://169.254.169.254/latest/meta-data", "not fetched from"),
        ("http://127.0.0.1/a.png", "not fetched from"),
    ],
)
def test_a_picture_that_cannot_be_had_is_a_400(client, url, message):
    error = refused(client, [user("What?", url)])
    assert (error.status_code, error.code) == (400, "invalid_image")
    assert message in error.body["message"]


def test_too_many_pictures_are_refused(client, pictures):
    error = refused(client, [user("What?", *[data_url(pictures[0].resize((2, 2)))] * 17)])
    assert (error.status_code, error.code) == (400, "too_many_images")


def test_models_health_and_metrics(client, server):
    assert [model.id for model in client.models.list()] == ["tiny"]
    assert client.models.retrieve("tiny").object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4")
    error = refused(client, [user("Hi")], model="gpt-4")
    assert error.code == "model_not_found"
    assert "'gpt-4'" in error.body["message"]
    assert "'tiny'" in error.body["message"]
    root = server.base_url.removesuffix("/v1")
    assert json.load(urllib.request.urlopen(f"{root}/health")) == {"status": "ok"}
    request = urllib.request.Request(f"{root}/metrics", headers={"Authorization": f"Bearer {KEY}"})
    text = urllib.request.urlopen(request).read().decode()
    assert 'minigpt4_answers_total{outcome="stop"}' in text
    assert 'minigpt4_responses_total{status="404"}' in text
    assert 'minigpt4_first_token_seconds_bucket{le="+Inf"}' in text


@pytest.mark.parametrize("key", ["wrong", "", KEY + "x", KEY[:-1], "ключ"])
def test_a_wrong_key_opens_nothing(server, key):
    for path in ("/v1/models", "/metrics", "/v1/nothing"):
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        status, body = talk(server, head.encode() + b"Connection: close\r\n\r\n")
        assert status == 401
        assert body["error"]["code"] == "invalid_api_key"


def test_errors_of_http_have_openais_form_too(server):
    for method, path, status in (("GET", "/nothing", 404), ("DELETE", "/health", 405)):
        got, body = talk(server, request(method, path))
        assert got == status
        assert set(body["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{bad", 400),
        (b"[" * 100_000, 400),
        (b'"text"', 400),
        (b'{"model": "tiny", "messages": [{"role": "user", "content": "\\ud800"}]}', 400),
        (b'{"\\ud800": 1}', 400),
        (b'{"model": "tiny", "messages": [{"role": "user", "content": NaN}]}', 400),
        (b'{"model": "tiny", "seed": ' + b"9" * 5000 + b"}", 400),
        (b"\xff\xfe", 400),
        (b"x" * 300_000, 413),
    ],
    ids=["broken", "deep", "text", "surrogate", "surrogate_key", "nan", "digits", "bytes", "large"],
)
def test_a_bad_body_is_an_error_of_the_client(server, body, status):
    got, answer = talk(server, request("POST", "/v1/chat/completions", body))
    assert got == status
    assert answer["error"]["type"] == "invalid_request_error"


def test_a_body_that_says_no_length_is_limited_too(server):
    head = request("POST", "/v1/chat/completions", chunked=True)
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    status, _ = talk(server, head + 6 * chunk + b"0\r\n\r\n")
    assert status == 413


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_frees_its_place(server, stream):
    before = server.engine.metrics().outcomes["cancelled"]
    asked = {
        "model": "tiny", "messages": [user("Hi")], "stream": stream, "max_tokens": 450,
        "temperature": 0,
    }  # fmt: skip
    connection = socket.create_connection(server.address)
    connection.sendall(request("POST", "/v1/chat/completions", json.dumps(asked).encode()))
    wait_until(lambda: server.engine.metrics().num_running == 1)
    connection.close()
    wait_until(lambda: server.engine.metrics().outcomes["cancelled"] == before + 1)
    assert server.engine.metrics().num_running == 0


def test_a_full_queue_is_a_429_with_retry_after(model, monkeypatch):
    engine, go = Engine(model, max_batch=1, max_queue=1), threading.Event()
    step = engine._batch.step
    monkeypatch.setattr(engine._batch, "step", lambda: (go.wait(20), step())[1])
    with (
        serving(engine) as server,
        openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client,
    ):
        first = create(client, [user("Hi")], stream=True)
        wait_until(lambda: engine.metrics().num_running == 1)
        second = create(client, [user("Hi")], stream=True)
        error = refused(client, [user("Hi")])
        assert (error.status_code, error.code) == (429, "queue_full")
        assert int(error.response.headers["retry-after"]) >= 1
        go.set()
        assert [len(list(stream)) > 1 for stream in (first, second)] == [True, True]


def test_requests_whose_pictures_are_being_read_count_for_the_queue(model, pictures, monkeypatch):
    engine, go = Engine(model, max_batch=1, max_queue=1), threading.Event()
    decode = chat_api.decode_picture
    monkeypatch.setattr(chat_api, "decode_picture", lambda *a: (go.wait(20), decode(*a))[1])
    asked = [user("What?", data_url(pictures[0]))]
    with (
        serving(engine) as server,
        openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client,
    ):
        answers: list[Any] = []
        reading = [
            threading.Thread(target=lambda: answers.append(create(client, asked))) for _ in range(2)
        ]
        for each in reading:
            each.start()
        wait_until(lambda: engine._num_held == 2)
        assert refused(client, [user("Hi")]).code == "queue_full"
        go.set()
        for each in reading:
            each.join(20)
        assert len(answers) == 2
        # A picture that cannot be read gives its request's place back.
        assert refused(client, [user("What?", "data:image/png;base64,AA==")]).status_code == 400
        assert engine._num_held == 0


def test_pictures_are_squashed_before_the_next_is_decoded(client, server, monkeypatch):
    """Sixteen large pictures at once would take a gigabyte; the answer is the same."""
    seen = []
    submit = server.engine.submit_all

    def noting(requests: Any, places: Any) -> Any:
        seen.extend(image.size for message in requests[0].messages for image in message.images)
        return submit(requests, places)

    monkeypatch.setattr(server.engine, "submit_all", noting)
    create(client, [user("What?", data_url(Image.new("RGB", (300, 200), "red")))])
    assert seen == [(16, 16)]


def test_no_page_of_the_server_loads_scripts_from_elsewhere(server):
    for path in ("/docs", "/redoc"):
        assert talk(server, request("GET", path))[0] == 404
    assert talk(server, request("GET", "/openapi.json"))[0] == 200


def test_a_server_that_is_told_to_stop_finishes_its_answers(model):
    engine = Engine(model, max_batch=2)
    with (
        serving(engine) as server,
        openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client,
    ):
        stream = iter(create(client, [user("Hi")], stream=True, max_tokens=60))
        next(stream)
        server.should_exit = True
        rest = list(stream)
    assert rest[-1].choices[0].finish_reason in ("stop", "length")
    assert not engine.alive


def test_an_answer_that_fails_is_a_500_that_tells_nothing(server, client, model, monkeypatch):
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(type(model.llm), "forward", fail)
    error = refused(client, [user("Hi")])
    assert (error.status_code, error.type) == (500, "server_error")
    assert "secret" not in error.message
    with pytest.raises(openai.APIError) as streamed:
        list(create(client, [user("Hi")], stream=True))
    assert "secret" not in streamed.value.message


def test_the_log_holds_neither_keys_nor_pictures(client, pictures, caplog):
    url = data_url(pictures[0])
    with caplog.at_level(logging.DEBUG, logger="minigpt4"):
        create(client, [user("A private question", url)])
        refused(client, [user("A private question", url[:-40])])
        refused(client, [user("Hi")], extra_body={"tools": [{"x": url}]})
    assert "POST /v1/chat/completions 200" in caplog.text
    for secret in (KEY, url[40:60], "private"):
        assert secret not in caplog.text


def request(method: str, path: str, body: bytes = b"", *, chunked: bool = False) -> bytes:
    head = [
        f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {KEY}",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}",
        "Connection: close",
    ]  # fmt: skip
    return "\r\n".join([*head, "", ""]).encode() + body


def talk(server: Any, sent: bytes) -> tuple[int, Any]:
    """Send bytes as they are and return status and body."""
    with socket.create_connection(server.address, timeout=20) as connection:
        received = b""
        # A server may answer and hang up before it has read everything.
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        with contextlib.suppress(ConnectionError):
            while chunk := connection.recv(65_536):
                received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)
