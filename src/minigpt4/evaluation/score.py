"""A score: a value, what it was counted over, and how far chance may have moved it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z_95 = 1.959964
"""Standard deviations to each side that hold 95 % of a normal distribution."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One number of a table, with its 95 % interval."""

    value: float
    count: int
    """What the value was taken over: answers, named objects, pictures."""
    interval: tuple[float, float]


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


def mean_score(sums: Sequence[float], weights: Sequence[float] | None = None) -> Score | None:
    """Return the sum of `sums` over the sum of `weights`, with a normal interval.

    Each entry is one picture: what belongs to the same picture is not independent. Without
    weights this is the mean. None where there is no entry.
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
    return Score(value=value, count=count, interval=(value - half, value + half))
