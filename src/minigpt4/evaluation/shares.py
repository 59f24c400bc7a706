"""Counting what passed: the shares that judged tasks score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from minigpt4.evaluation.score import Score, share_score
from minigpt4.evaluation.task import Judged, Scores


def share_of_passed(judged: Sequence[Judged]) -> Score | None:
    """Return the share of answers that passed; an unreadable verdict is no pass.

    `unparsable` is the share of such verdicts. Answers without a verdict do not count. None where
    there is no verdict.
    """
    said = [
        each.judgement.passed
        for each in judged
        if each.judgement is not None and not each.judgement.refused
    ]
    score = share_score(sum(passed is True for passed in said), len(said))
    unread = sum(passed is None for passed in said)
    return None if score is None else replace(score, unparsable=unread / len(said))


def share_of_part(judged: Sequence[Judged], part: str) -> Score | None:
    """Return the share of answers of which a part of the verdict holds, where it is told."""
    parts = [each.judgement.parts for each in judged if each.judgement is not None]
    told = [named[part] for named in parts if part in named]
    return share_score(sum(told), len(told))


def by_group(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """Return the answers of each group, in the order of the first of each."""
    groups: dict[str, list[Judged]] = {}
    for each in judged:
        groups.setdefault(each.group, []).append(each)
    return groups


def counted(scores: dict[str, Score | None]) -> Scores:
    """Leave out what nothing was counted for."""
    return {name: score for name, score in scores.items() if score is not None}
