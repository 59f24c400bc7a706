"""What a metric returns: each item, the totals, and the scores with their intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from minigpt4.evaluation.score import Score


@dataclass(frozen=True, kw_only=True)
class MetricResult:
    """The outcome of one metric over one set of answers."""

    items: tuple[dict[str, Any], ...]
    """One entry for each answer, in the order of the data; plain JSON values."""
    totals: dict[str, Any]
    """The totals under the names and in the units of the reference script (shares or percent)."""
    scores: dict[str, Score] = field(default_factory=dict)
    """The totals that a table shows, with intervals. Shares lie between 0 and 1 here, always."""


def keep_scores(scores: dict[str, Score | None]) -> dict[str, Score]:
    """Drop the scores that nothing was counted for."""
    return {name: score for name, score in scores.items() if score is not None}
