"""What the paper states, and whether our numbers show it: decided by code, never by hand.

A statement about a difference is **shown** if the 95 % interval of the difference lies on the
stated side of zero, **refuted** if it lies on the other side, and **not shown** if it holds zero.
"No worse" is shown if the interval stays above a margin. Of several comparisons all must agree. A
score of answers of which most could not be read decides nothing.

Paper: the findings of §4 and §5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from minigpt4.evaluation.score import Score

Outcome = Literal["shown", "not shown", "refuted", "not run"]
MARGIN = 0.05
"""How much worse may be and still be called "not essential": five points."""
MOST_UNREAD = 0.5
"""A score with a larger share of answers that could not be read tells of their form alone."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One score minus another, with the 95 % interval of the difference."""

    value: float
    interval: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two scores that a finding compares."""

    what: str
    """In words, e.g. `requests fulfilled, MiniGPT-4 against BLIP-2`."""
    difference: Difference
    expected: Literal["more", "less", "no worse"]
    first: Score
    second: Score
    unit: Literal["percent", "number"] = "percent"

    @property
    def unread(self) -> bool:
        """Whether most answers behind one of the scores could not be read."""
        return max(self.first.unparsable, self.second.unparsable) > MOST_UNREAD

    @property
    def outcome(self) -> Outcome:
        """What this comparison says about the statement."""
        if self.unread:
            return "not shown"
        low, high = self.difference.interval
        if self.expected == "less":
            low, high = -high, -low
        edge = -MARGIN if self.expected == "no worse" else 0.0
        if low > edge:
            return "shown"
        return "refuted" if high < edge else "not shown"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One statement of the paper with what our numbers say."""

    number: int
    statement: str
    outcome: Outcome
    comparisons: tuple[Comparison, ...]
    reason: str
    """The likely reason of the outcome."""


def difference(first: Score, second: Score) -> Difference:
    """Return first minus second; the interval joins theirs (Newcombe's way, pictures unpaired).

    The same pictures are asked about for both, which would make the true interval narrower: a
    difference that is shown here is shown.
    """
    value = first.value - second.value
    low = math.hypot(first.value - first.interval[0], second.interval[1] - second.value)
    high = math.hypot(first.interval[1] - first.value, second.value - second.interval[0])
    return Difference(value=value, interval=(value - low, value + high))


def compare(
    what: str,
    first: Score | None,
    second: Score | None,
    expected: Literal["more", "less", "no worse"],
    *,
    unit: Literal["percent", "number"] = "percent",
) -> list[Comparison]:
    """Return the comparison of two scores; none if one of them is missing."""
    if first is None or second is None:
        return []
    gap = difference(first, second)
    return [
        Comparison(
            what=what, difference=gap, expected=expected, first=first, second=second, unit=unit
        )
    ]


def conclude(comparisons: Sequence[Comparison], *, needed: int | None = None) -> Outcome:
    """Join comparisons: one that refutes refutes all, otherwise all must show.

    Args:
        needed: comparisons that the statement has; with fewer it was not run.
    """
    outcomes = [comparison.outcome for comparison in comparisons]
    if not outcomes or len(outcomes) < (needed or 1):
        return "not run"
    if "refuted" in outcomes:
        return "refuted"
    return "shown" if all(outcome == "shown" for outcome in outcomes) else "not shown"


def decide(
    number: int,
    statement: str,
    comparisons: Sequence[Comparison],
    reasons: Mapping[Outcome, str],
    *,
    needed: int | None = None,
) -> Finding:
    """Return a finding with the reason that goes with its outcome.

    What is not shown because the interval is wide is told apart from what is close to zero.
    """
    outcome = conclude(comparisons, needed=needed)
    reason = reasons.get(outcome, "")
    if outcome == "not run":
        reason = "its rows were not run"
    if outcome == "not shown":
        undecided = [each for each in comparisons if each.outcome == "not shown"]
        if any(each.unread for each in undecided):
            reason = ""  # it would explain numbers that mean something else
        reason = f"{reason} {_why_undecided(undecided)}".strip()
    return Finding(
        number=number, statement=statement, outcome=outcome, comparisons=tuple(comparisons),
        reason=reason,
    )  # fmt: skip


def without_guess(finding: Finding) -> Finding:
    """Return a finding with what follows from its numbers, and no guess at their cause."""
    reason = finding.reason if finding.outcome == "not run" else ""
    if finding.outcome == "not shown":
        undecided = [each for each in finding.comparisons if each.outcome == "not shown"]
        reason = _why_undecided(undecided)
    return replace(finding, reason=reason)


def _why_undecided(undecided: Sequence[Comparison]) -> str:
    unread = [each for each in undecided if each.unread]
    if not unread:
        return _smallest_visible(undecided)
    share = max(max(each.first.unparsable, each.second.unparsable) for each in unread)
    return (
        f"{100 * share:.0f} % of the answers ({unread[0].what}) could not be read as an answer to "
        "what was asked; they count as wrong, so these numbers compare the form of the answers."
    )


def _smallest_visible(undecided: Sequence[Comparison]) -> str:
    """Say how large a difference would have to be to be seen with so many answers."""
    widest = max(undecided, key=_half_width)
    half = _half_width(widest)
    size = f"{100 * half:.0f} points" if widest.unit == "percent" else f"{half:.2g}"
    counts = sorted({widest.first.count, widest.second.count})
    counted = " and ".join(map(str, counts))
    return f"With {counted} counted, a difference below {size} cannot be told from chance."


def _half_width(comparison: Comparison) -> float:
    low, high = comparison.difference.interval
    return (high - low) / 2
