"""A score: a value, what it was counted over, and how far chance may have moved it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

Z_95 = 1.959964
"""Standard deviations to each side that hold 95 % of a normal distribution."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One number of a table, with its 95 % interval."""

    value: float
    count: int
    """What the value was taken over: answers, named objects, pictures."""
    interval: tuple[float, float]
    """Wilson's for shares of independent things, by bootstrap or normal otherwise."""
    unparsable: float = 0.0
    """Share of answers, or of the judge's verdicts, that could not be read; they count as wrong."""
    prompt_hash: str = ""
    """Of the prompts and the decoding that the answers were generated with."""
    judge_hash: str = ""
    """Of who judged and how: the metric, or the judge with its prompt."""


NUM_RESAMPLES = 1000


def share_score(hits: int, count: int) -> Score | None:
    """Return the share of hits with Wilson's interval; None where there was nothing to count.

    Wilson's interval is right for shares near 0 and 1, where the usual one has no width.
    """
    if count == 0:
        return None
    value, square = hits / count, Z_95**2 / count
    middle = (value + square / 2) / (1 + square)
    half = math.sqrt(value * (1 - value) * square + square**2 / 4) / (1 + square)
    # Rounding must not leave the value outside its own interval.
    return Score(
        value=value, count=count, interval=(min(value, middle - half), max(value, middle + half))
    )


def mean_score(
    sums: Sequence[float], weights: Sequence[float] | None = None, *, share: bool = False
) -> Score | None:
    """Return the sum of `sums` over the sum of `weights`, with a normal interval.

    Each entry is one picture: what belongs to the same picture is not independent. Without
    weights this is the mean. None where there is no entry.

    Args:
        share: every entry lies between 0 and 1, and so does the interval.
    """
    weights = [1.0] * len(sums) if weights is None else weights
    count = len(sums)
    if count == 0 or sum(weights) == 0:
        return None
    value = sum(sums) / sum(weights)
    squares = sum((s - value * w) ** 2 for s, w in zip(sums, weights, strict=True))
    half = 0.0
    if count > 1:
        half = Z_95 * math.sqrt(squares * count / (count - 1)) / sum(weights)
    score = Score(value=value, count=count, interval=(value - half, value + half))
    if not share:
        return score
    if value in (0, 1):
        return _doubted(score, count)
    return replace(score, interval=(max(0.0, value - half), min(1.0, value + half)))


def bootstrap_score(sums: Sequence[float], weights: Sequence[float] | None = None) -> Score | None:
    """Return the sum of `sums` over the sum of `weights`, with a bootstrap interval.

    Each entry is one answer, drawn as a whole: the objects that one answer names, as CHAIR counts
    them, are not independent. `count` is the sum of the weights. None where there is no weight.
    With weights the sums are parts of them, and the score is a share.
    """
    is_share = weights is not None
    weights = [1.0] * len(sums) if weights is None else weights
    if sum(weights) == 0:
        return None
    values, sizes = np.asarray(sums, float), np.asarray(weights, float)

    def ratio(chosen: np.ndarray) -> float:
        size = sizes[chosen].sum()
        # A resample without any weight says nothing; the value itself is the least surprising.
        return float(values[chosen].sum() / size) if size else float(values.sum() / sizes.sum())

    score = bootstrap(ratio, len(values), count=round(sizes.sum()))
    if is_share and score is not None and score.value in (0, 1):
        return _doubted(score, int((sizes > 0).sum()))
    return score


def bootstrap(
    statistic: Callable[[np.ndarray], float], num_items: int, *, count: int | None = None
) -> Score | None:
    """Return a statistic of items with the middle 95 % of its values on resampled items.

    `statistic` takes the places of the chosen items, some of them several times. The chance is
    seeded: the same items give the same interval.
    """
    if num_items == 0:
        return None
    value = statistic(np.arange(num_items))
    chance = np.random.default_rng(0)
    values = [statistic(chance.integers(num_items, size=num_items)) for _ in range(NUM_RESAMPLES)]
    low, high = np.quantile(values, (0.025, 0.975))
    return Score(
        value=value,
        count=num_items if count is None else count,
        interval=(min(value, float(low)), max(value, float(high))),
    )


def _doubted(score: Score, num_entries: int) -> Score:
    """Give a share of 0 or 1 Wilson's interval: entries that are all alike show no spread."""
    alike = share_score(round(score.value) * num_entries, num_entries)
    return score if alike is None else replace(score, interval=alike.interval)
