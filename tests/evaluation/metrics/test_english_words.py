"""Words as NLTK splits them; the expected lists were made with NLTK 3.10.4."""

from __future__ import annotations

import pytest

from minigpt4.evaluation.metrics.english_words import english_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a dog. a cat!", "a|dog|.|a|cat|!"),
        ("the u.s. flag, e.g. this", "the|u.s|.|flag|,|e.g|.|this"),
        ("it costs $3.50, or 1,000", "it|costs|$|3.50|,|or|1,000"),
        ("the men's dogs' can't isn't", "the|men|'s|dogs|'|ca|n't|is|n't"),
        ('a "stop" sign', "a|``|stop|''|sign"),
        ("i cannot wanna go", "i|can|not|wan|na|go"),
        ("wait... what? (no) a--b", "wait|...|what|?|(|no|)|a|--|b"),
        ("black-and-white; 5% & @home", "black-and-white|;|5|%|&|@|home"),
        ("it’s “big” — so", "it|’|s|“|big|”|—|so"),
        ("a:b, c,d 3:30", "a|:|b|,|c|,|d|3:30"),
        (",,", ",|,"),
        ("", ""),
    ],
)
def test_words_are_split_as_nltk_splits_them(text, words):
    assert english_words(text) == (words.split("|") if words else [])
