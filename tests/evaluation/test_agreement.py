"""Agreement of two judges, worked by hand."""

from __future__ import annotations

import pytest

from minigpt4.evaluation.agreement import agree
from minigpt4.evaluation.task import Judgement


def verdicts(text: str) -> list[Judgement | None]:
    passed = {"+": True, "-": False, "?": None}
    return [None if letter == " " else Judgement(passed=passed[letter]) for letter in text]


def test_kappa_is_the_agreement_that_chance_left_open():
    (found,) = agree({"truth": verdicts("+++++-----"), "llm": verdicts("+++++++---")})
    assert (found.first, found.second) == ("truth", "llm")
    assert found.share.value == 0.8
    # Chance: 0.5 * 0.7 + 0.5 * 0.3 = 0.5, so kappa = (0.8 - 0.5) / 0.5.
    assert found.kappa == pytest.approx(0.6)


def test_unread_and_missing_verdicts_are_left_out():
    (found,) = agree({"a": verdicts("+-? +"), "b": verdicts("++- -")})
    assert (found.share.value, found.share.count) == (pytest.approx(1 / 3), 3)


def test_kappa_is_undefined_where_both_always_say_the_same_thing():
    (found,) = agree({"a": verdicts("++"), "b": verdicts("++")})
    assert found.kappa is None
    assert found.share.value == 1.0


def test_every_two_of_three_judges_are_compared_and_strangers_are_not():
    pairs = agree({"a": verdicts("+-"), "b": verdicts("+-"), "c": verdicts("-+")})
    assert [(pair.first, pair.second) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert agree({"a": verdicts("+ "), "b": verdicts(" +")}) == []
