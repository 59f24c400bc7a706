"""The funnel: how many drafts are left after each step, and why the others are not.

Everything is counted anew from the drafts, so it can't disagree with what is exported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from minigpt4.curation.draft import RULE, TRUTH, Draft, is_person
from minigpt4.data.troubles import reason_of


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """How long texts are, in words."""

    count: int
    mean: float
    median: int
    longest: int


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """Counts of drafts."""

    num_pictures: int
    """Planned."""
    num_faulty: int
    """Pictures that can't be read, or are there twice."""
    num_described: int
    num_continued: int
    """Of those described, how many got the Continue turn."""
    num_repaired: int
    """Repaired by an LLM."""
    num_changed: int
    """Of those repaired, how many came back with another text."""
    num_ruled: int
    num_passed_rules: int
    """Of those ruled, how many no rule rejects."""
    num_flagged: int
    """Of those that passed, how many a checker wants looked at."""
    num_judged_by_people: int
    num_judged_by_truth: int
    num_accepted: int
    num_rejected: int
    """By whomever, faulty pictures not among them."""
    num_open: int
    """Ruled, and neither accepted nor rejected."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Why drafts are rejected: by the judge that decides, its first reason for each draft."""
    faults: Mapping[str, int] = field(default_factory=dict)
    """Why pictures can't be described."""
    words_before: Lengths | None = None
    """Of the joined answers."""
    words_after: Lengths | None = None
    """Of the texts that are not rejected."""

    @property
    def steps(self) -> tuple[tuple[str, int], ...]:
        """The funnel itself: each step with what is left after it."""
        return (
            ("pictures", self.num_pictures),
            ("described", self.num_described),
            ("repaired", self.num_repaired),
            ("passed the rules", self.num_passed_rules),
            ("accepted", self.num_accepted),
        )


def funnel(drafts: Iterable[Draft]) -> Funnel:
    """Count drafts."""
    num: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    before: list[int] = []
    after: list[int] = []
    for draft in drafts:
        num["pictures"] += 1
        if draft.fault:
            faults[reason_of(ValueError(draft.fault))[0].split(" as number")[0]] += 1
            continue
        if draft.raw is None:
            continue
        _count(draft, num)
        before.append(len(draft.joined.split()))
        if draft.stage != "ruled":
            continue
        if draft.rejected_because is not None:
            reasons[reason_name(draft)] += 1
        else:
            after.append(len(draft.text.split()))
    return Funnel(
        num_pictures=num["pictures"],
        num_faulty=sum(faults.values()),
        num_described=num["described"],
        num_continued=num["continued"],
        num_repaired=num["repaired"],
        num_changed=num["changed"],
        num_ruled=num["ruled"],
        num_passed_rules=num["passed rules"],
        num_flagged=num["flagged"],
        num_judged_by_people=num["people"],
        num_judged_by_truth=num["truth"],
        num_accepted=num["accept"],
        num_rejected=num["reject"],
        num_open=num["open"],
        reasons=dict(reasons.most_common()),
        faults=dict(faults.most_common()),
        words_before=_lengths(before),
        words_after=_lengths(after),
    )


def reason_name(draft: Draft) -> str:
    """Return why a draft is rejected in a few words that many drafts share.

    A rule's name says it; a person's or the truth's reason is cut where it becomes particular.
    """
    rejection = draft.rejected_because
    if rejection is None:
        return ""
    if rejection.judge.startswith(RULE):
        return rejection.judge
    kind = "person" if is_person(rejection.judge) else rejection.judge
    reason = rejection.reason.partition(":")[0].strip()
    return f"{kind}: {reason}" if reason else kind


def _count(draft: Draft, num: Counter[str]) -> None:
    num["described"] += 1
    num["continued"] += bool(draft.continuation)
    if draft.repaired is not None:
        num["repaired"] += 1
        num["changed"] += draft.repaired != draft.joined
    if draft.stage != "ruled":
        return
    num["ruled"] += 1
    rejections = {v.judge for v in draft.verdicts if v.decision == "reject"}
    passed = not any(judge.startswith(RULE) for judge in rejections)
    num["passed rules"] += passed
    num["flagged"] += passed and bool(draft.flags)
    num["people"] += any(is_person(verdict.judge) for verdict in draft.verdicts)
    num["truth"] += any(verdict.judge == TRUTH for verdict in draft.verdicts)
    num[draft.outcome] += 1


def _lengths(words: list[int]) -> Lengths | None:
    if not words:
        return None
    words = sorted(words)
    return Lengths(
        count=len(words),
        mean=sum(words) / len(words),
        median=words[len(words) // 2],
        longest=words[-1],
    )
