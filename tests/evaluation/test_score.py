"""Scores and their intervals, against values worked by hand."""

from __future__ import annotations

import pytest

from minigpt4.evaluation.score import (
    Score,
    bootstrap,
    bootstrap_score,
    mean_score,
    share_score,
)


def test_wilsons_interval_is_that_of_the_textbook():
    score = share_score(8, 10)
    assert score == Score(value=0.8, count=10, interval=score.interval)
    assert score.interval == pytest.approx((0.4902, 0.9433), abs=1e-4)


@pytest.mark.parametrize(("hits", "ends"), [(0, (0.0, 0.0370)), (100, (0.9630, 1.0))])
def test_none_or_all_of_a_hundred_still_leave_doubt(hits, ends):
    score = share_score(hits, 100)
    assert score.interval == pytest.approx(ends, abs=1e-4)
    assert score.interval[0] <= score.value <= score.interval[1]


def test_nothing_counted_is_no_score():
    assert share_score(0, 0) is None
    assert mean_score([]) is None
    assert mean_score([0.0], [0.0]) is None


def test_a_mean_has_a_bootstrap_interval_which_follows_a_slant():
    # One of two: means of two draws are 0, 1/2 or 1, each end with a chance of a quarter.
    assert mean_score([0.0, 1.0]).interval == (0.0, 1.0)
    # Mostly nothing, seldom much: there is more room above than below.
    score = mean_score([0.0] * 45 + [1.0] * 5)
    low, high = score.interval
    assert score.value == pytest.approx(0.1)
    assert high - 0.1 > 0.1 - low > 0
    assert mean_score([0.0] * 45 + [1.0] * 5) == score


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_share_of_nothing_or_all_still_leaves_doubt(value):
    ends = share_score(round(value * 10), 10).interval
    assert mean_score([value] * 10, share=True).interval == ends
    # Ten answers that name two things each are ten chances, not twenty; an empty one is none.
    assert bootstrap_score([2 * value] * 10 + [0], [2] * 10 + [0]).interval == ends
    assert mean_score([value] * 10).interval == (value, value)  # of no share nothing is known


def test_the_interval_of_a_share_stays_between_0_and_1():
    assert mean_score([1.0, 1.0, 0.9], share=True).interval[1] == 1
    assert mean_score([0.0, 0.0, 0.1], share=True).interval[0] == 0


def test_weights_make_a_mean_over_tokens_not_pictures():
    score = mean_score([10.0, 1.0], [10.0, 2.0])
    assert score.value == pytest.approx(11 / 12)
    assert score.count == 2


def test_more_pictures_narrow_the_interval():
    few, many = mean_score([0.0, 1.0] * 5), mean_score([0.0, 1.0] * 50)
    assert few.value == many.value
    assert many.interval[1] - many.interval[0] < (few.interval[1] - few.interval[0]) / 3


def test_the_bootstrap_draws_whole_answers():
    # Two kinds of answers: all of what they name is wrong, or nothing.
    score = bootstrap_score([4, 0] * 50, [4, 4] * 50)
    assert (score.value, score.count) == (0.5, 400)
    # 100 answers, not 400 mentions, are what chance can change.
    low, high = share_score(50, 100).interval
    assert score.interval == pytest.approx((low, high), abs=0.02)


def test_the_bootstrap_is_the_same_every_time_and_holds_its_value():
    first, second = (bootstrap_score([1.0, 2.0, 6.0], [6.0] * 3) for _ in range(2))
    assert first == second
    assert first.interval[0] <= first.value <= first.interval[1]
    assert bootstrap_score([1.0], [0.0]) is None
    assert bootstrap(lambda chosen: 1.0, 0) is None
