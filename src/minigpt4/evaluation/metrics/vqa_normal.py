"""Bring a short answer to the form in which VQA answers are compared.

The rules are those of the official VQA evaluation, oddities included, since published numbers
were made with them. Two steps: punctuation, then digits, articles and contractions.

Paper: Table 6.
"""

from __future__ import annotations

import re
from functools import cache

from minigpt4.evaluation.metrics.word_tables import load_table

MAX_PERIODS = 32
"""Only so many periods of one answer are deleted."""
_DIGIT_COMMA_DIGIT = re.compile(r"\d,\d")
_PERIOD = re.compile(r"\.(?!\d)")


def normal(text: str) -> str:
    """Return a text after both steps."""
    return normal_words(normal_punctuation(text))


def normal_punctuation(text: str) -> str:
    """Delete or replace punctuation; `' $ % # : &` stay.

    A mark is deleted everywhere if it stands next to a blank anywhere in the text, else replaced
    by a blank. A comma between digits anywhere has every mark deleted. A period goes unless a
    digit follows.
    """
    has_number = _DIGIT_COMMA_DIGIT.search(text) is not None
    result = text
    for mark in _words()["punctuation"]:
        alone = f"{mark} " in text or f" {mark}" in text
        result = result.replace(mark, "" if alone or has_number else " ")
    return _PERIOD.sub("", result, count=MAX_PERIODS)


def normal_words(text: str) -> str:
    """Lower-case a text, write number words as digits, drop articles, restore apostrophes."""
    tables = _words()
    words = [tables["digit_words"].get(word, word) for word in text.lower().split()]
    kept = [word for word in words if word not in tables["articles"]]
    return " ".join(tables["contractions"].get(word, word) for word in kept)


@cache
def _words() -> dict[str, dict[str, str]]:
    """Return the official tables: marks, number words, articles, contractions."""
    return load_table("vqa_words.json")
