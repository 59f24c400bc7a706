"""Whole paragraphs pass, repetitions are told apart from emphasis."""

from __future__ import annotations

import pytest

from minigpt4.evaluation.wording import incompleteness, repetition, sentences_of


@pytest.mark.parametrize(
    "text",
    [
        "It is a clear day. The Green Door is on the poster.",
        "There is a table and a cat is on it. A dog is to the left.",
        "A small dog is on the left. A small cat is on the right.",
    ],
)
def test_whole_paragraphs_have_no_fault(text):
    assert incompleteness(text) == ""


def test_emphasis_behind_a_comma_is_no_repetition():
    assert repetition("They slowly, slowly float away.") == ""
    assert repetition("They slowly slowly float away.")


def test_a_sentence_ends_at_its_sign_or_line():
    assert sentences_of("One. Two!\nThree") == ["One.", "Two!", "Three"]
