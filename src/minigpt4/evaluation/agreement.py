"""How far two judges of the same answers agree: the raw share, and Cohen's kappa."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minigpt4.curation.review.agreement import cohens_kappa
from minigpt4.evaluation.score import Score, share_score
from minigpt4.evaluation.task import Judgement


@dataclass(frozen=True, kw_only=True)
class PairAgreement:
    """Two judges of the same answers."""

    first: str
    second: str
    share: Score
    """Of the answers that both judged, those on which they agree."""
    kappa: float | None
    """1: always agree; 0: no more than by chance. None where both said the same of everything."""
    kappa_interval: tuple[float, float] | None


def agree(judgements: Mapping[str, Sequence[Judgement | None]]) -> list[PairAgreement]:
    """Compare each two judges on the answers of which both gave a readable verdict."""
    found = []
    for first, second in itertools.combinations(judgements, 2):
        pairs = [
            (str(one.passed), str(other.passed))
            for one, other in zip(judgements[first], judgements[second], strict=True)
            if one is not None and other is not None
            if one.passed is not None and other.passed is not None
        ]
        share = share_score(sum(one == other for one, other in pairs), len(pairs))
        if share is None:
            continue
        found_kappa = cohens_kappa(pairs)
        found.append(
            PairAgreement(
                first=first,
                second=second,
                share=share,
                kappa=found_kappa.kappa,
                kappa_interval=found_kappa.interval,
            )
        )
    return found
