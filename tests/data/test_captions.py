"""Stage-1 captions are cleaned as officially."""

from __future__ import annotations

import json

import pytest

from minigpt4.data.captions import clean_caption
from parity.folder import goldens_folder


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("A Cat!", "a cat"),
        ('"Hello", (world)*', "hello , world"),
        ("what's that? no-one, 3 dogs", "what's that? no-one, 3 dogs"),
        ("a.b#c:d;e~f", "a b c d e f"),
        ("tabs\t\tand\n\nlines", "tabs and lines"),
        ("one\nline kept", "one\nline kept"),
        ("  padded  \n", "padded"),
        ("", ""),
    ],
)
def test_signs_become_spaces_and_runs_one_space(raw: str, clean: str) -> None:
    assert clean_caption(raw) == clean


def test_only_the_first_fifty_words_stay() -> None:
    words = [f"w{number}" for number in range(60)]
    assert clean_caption(" ".join(words)) == " ".join(words[:50])


def test_goldens_agree() -> None:
    values = json.loads((goldens_folder() / "golden.json").read_text(encoding="utf-8"))
    golden = values["caption_processor"]
    for raw, clean in zip(golden["raw"], golden["processed"], strict=True):
        assert clean_caption(raw, max_words=golden["max_words"]) == clean
