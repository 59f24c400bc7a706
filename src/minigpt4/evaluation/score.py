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
    """Wilson's for shares of independent things, by bootstrap otherwise."""
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
    """Return the sum of `sums` over the sum of `weights`, with a bootstrap interval.

    Each entry is one answer or picture: what belongs to the same one is not independent. Without
    weights this is the mean. `count` is that of the entries. None where there is no weight.

    Args:
        share: every entry lies between 0 and 1, and so does the interval.
    """
    score = _ratio_score(sums, [1.0] * len(sums) if weights is None else weights)
    if share and score is not None and score.value in (0, 1):
        return _doubted(score, len(sums))
    return score


def bootstrap_score(parts: Sequence[float], wholes: Sequence[float]) -> Score | None:
    """Return the share that all parts are of all wholes, with a bootstrap interval.

    Each entry is one answer, drawn as a whole: the objects that one answer names, as CHAIR counts
    them, are not independent. `count` is the sum of the wholes. None where that is zero.
    """
    score = _ratio_score(parts, wholes)
    if score is None:
        return None
    score = replace(score, count=round(sum(wholes)))
    if score.value in (0, 1):
        return _doubted(score, sum(whole > 0 for whole in wholes))
    return score


def bootstrap(statistic: Callable[[np.ndarray], float], num_items: int) -> Score | None:
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
        count=num_items,
        interval=(min(value, float(low)), max(value, float(high))),
    )


def _ratio_score(sums: Sequence[float], weights: Sequence[float]) -> Score | None:
    values, sizes = np.asarray(sums, float), np.asarray(weights, float)
    if not sizes.sum():
        return None

    def ratio(chosen: np.ndarray) -> float:
        size = sizes[chosen].sum()
        # A resample without any weight says nothing; the value itself is the least surprising.
        return float(values[chosen].sum() / size) if size else float(values.sum() / sizes.sum())

    return bootstrap(ratio, len(values))


def _doubted(score: Score, num_entries: int) -> Score:
    """Give a share of 0 or 1 Wilson's interval: entries that are all alike show no spread."""
    alike = share_score(round(score.value) * num_entries, num_entries)
    return score if alike is None else replace(score, interval=alike.interval)
