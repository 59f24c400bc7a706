"""Every dialect of messages becomes one picture and its turns."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from data.small_files import picture_bytes
from minigpt4.data.conversations import example_of_row, plain_prompt
from minigpt4.data.example import Example, Turn
from minigpt4.errors import DataError

QUESTION, ANSWER = "What is it?", "A cat."
TURNS = (Turn(prompt=QUESTION, answer=ANSWER),)
USER = {"role": "user", "content": QUESTION}
REPLY = {"role": "assistant", "content": ANSWER}
LLAVA = [
    {"from": "human", "value": f"<image>\n{QUESTION}"},
    {"from": "gpt", "value": ANSWER},
]
PARTS = [{"type": "image"}, {"type": "text", "text": QUESTION}]
OPENAI_PARTS = [{"type": "image_url", "image_url": {"url": "a.jpg"}}, PARTS[1]]
ANSWER_PARTS = [{"type": "text", "text": ANSWER}]


def _read(row: dict[str, Any], images: Path = Path("pictures")) -> Example:
    return example_of_row(row, "a.jsonl, line 3", images=images)


@pytest.mark.parametrize(
    "row",
    [
        {"id": "7", "image": "a.jpg", "conversations": LLAVA},
        {"image": ["a.jpg"], "conversations": LLAVA},
        {"images": ["a.jpg"], "messages": [{**USER, "content": f"<image>{QUESTION}"}, REPLY]},
        {"images": ["a.jpg"], "messages": [{**USER, "content": PARTS}, REPLY]},
        {"image": "a.jpg", "messages": [USER, {**REPLY, "content": ANSWER_PARTS}]},
        {"image": {"path": "a.jpg", "bytes": None}, "messages": [USER, REPLY]},
        {"messages": [{**USER, "content": [{"type": "image", "image": "a.jpg"}, QUESTION]}, REPLY]},
        {"messages": [{**USER, "content": OPENAI_PARTS}, REPLY]},
        {"images": ["a.jpg"], "prompt": [USER], "completion": [REPLY]},
        {"image": "a.jpg", "prompt": QUESTION, "completion": f" {ANSWER}"},
        {"images": ["a.jpg"], "query": f"<image>{QUESTION}", "response": ANSWER},
    ],
)  # fmt: skip
def test_all_dialects_say_the_same(row: dict[str, Any]) -> None:
    example = _read(row)
    assert example.image == Path("pictures/a.jpg")
    assert example.turns == TURNS


def test_turns_alternate_and_a_last_question_without_answer_is_dropped() -> None:
    row = {
        "image": "a.jpg",
        "messages": [USER, REPLY, {"role": "user", "content": "Sure?"},
                     {"role": "assistant", "content": "Yes."}, USER],
    }  # fmt: skip
    assert _read(row).turns == (*TURNS, Turn(prompt="Sure?", answer="Yes."))


def test_history_of_ms_swift_comes_first() -> None:
    row = {"image": "a", "history": [["Hi", "Hello."]], "query": QUESTION, "response": ANSWER}
    assert _read(row).turns == (Turn(prompt="Hi", answer="Hello."), *TURNS)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"history": [["Hi"]], "query": QUESTION, "response": ANSWER},
            r"wanted \[question, answer\]",
        ),
        (
            {"history": ["Hi"], "query": QUESTION, "response": ANSWER},
            r"wanted \[question, answer\]",
        ),
        ({"history": {"Hi": 1}, "query": QUESTION, "response": ANSWER}, "wanted a list"),
        ({"prompt": 7, "completion": ANSWER}, "user's are a int"),
    ],
)
def test_a_malformed_round_is_a_bad_example(row: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        _read(row | {"image": "a.jpg"})


@pytest.mark.parametrize(
    "row",
    [
        {"system": "Be short.", "messages": [USER, REPLY]},
        {"messages": [{"role": "system", "content": "Be short."}, USER, REPLY]},
    ],
)
def test_a_system_message_stands_before_the_first_question(row: dict[str, Any]) -> None:
    turns = _read(row | {"image": "a.jpg"}).turns
    assert turns == (Turn(prompt=f"Be short.\n{QUESTION}", answer=ANSWER),)


def test_an_absolute_path_stays_and_a_row_is_found_again_by_its_id() -> None:
    row = {"id": 12, "image": "/data/a.jpg", "messages": [USER, REPLY]}
    example = _read(row)
    assert example.image == Path("/data/a.jpg")
    assert example.key == "12"
    assert _read({**row, "id": None}).key == "a.jsonl, line 3"


def test_a_picture_can_be_in_the_row_itself() -> None:
    text = base64.b64encode(picture_bytes(3)).decode()
    for row in (
        {"image": f"data:image/png;base64,{text}", "messages": [USER, REPLY]},
        {"messages": [{**USER, "content": [{"type": "image", "base64": text}]}, REPLY]},
    ):
        image = _read(row).image
        assert isinstance(image, Image.Image)
        assert image.getpixel((0, 0)) == (60, 100, 0)


@pytest.mark.parametrize(
    ("prompt", "plain"),
    [
        ("<image>\nWhat?", "What?"),
        ("What?\n<image>", "What?"),
        ("<Img><ImageHere></Img> Describe it.", "Describe it."),
        ("See <image> here", "See\nhere"),
        ("<image>", ""),
    ],
)
def test_the_mark_of_a_picture_is_taken_out(prompt: str, plain: str) -> None:
    assert plain_prompt(prompt) == plain


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": [USER, REPLY]}, "no picture"),
        ({"images": ["a", "b"], "messages": [USER, REPLY]}, "several pictures"),
        ({"image": 3, "messages": [USER, REPLY]}, "no picture"),
        ({"image": "https://x.org/a.jpg", "messages": [USER, REPLY]}, "remote picture"),
        ({"image": "data:image/png;base64,???", "messages": [USER, REPLY]}, "undecodable picture"),
        ({"image": "a", "messages": [USER]}, "no answer"),
        ({"image": "a", "messages": []}, "no answer"),
        ({"image": "a", "messages": [USER, {**REPLY, "content": " "}]}, "empty answer"),
        ({"image": "a", "messages": [{"role": "tool", "content": "x"}]}, "unknown role"),
        ({"image": "a", "messages": [{"role": "user", "content": 3}]}, "no content"),
        ({"image": "a", "messages": [{"role": "user", "content": [{"type": "video"}]}]},
         "no content"),
        ({"image": "a", "messages": ["Hello"]}, "no message"),
        ({"image": "a", "messages": "Hello"}, "no messages"),
        ({"image": "a", "caption": "x"}, "no messages"),
    ],
)  # fmt: skip
def test_a_bad_row_says_why_and_where(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError, match=rf"^{reason}: a\.jsonl, line 3"):
        _read(row)
