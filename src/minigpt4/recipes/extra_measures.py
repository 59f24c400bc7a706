"""What the findings need besides the tables: the alignment gap, and how alike answers are.

Paper: §3.1 (alignment), §4.3 (monotonous answers), Figure 6 (places).
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from minigpt4.evaluation.agreement import PairAgreement
from minigpt4.evaluation.alignment import alignment_gap
from minigpt4.evaluation.score import Score, mean_score
from minigpt4.recipes import alignment
from minigpt4.recipes.row_models import BEFORE_STAGE2, MINIGPT4, RowModel
from minigpt4.recipes.table import Scorer, Scores, join_seeds
from minigpt4.recipes.table_settings import FIRST_SEED, experiment_of

FAILURES_LIMIT = 100
UNTRAINED = "before stage 1"
GAP_PICTURES = 200
SAMENESS_PICTURES = 60
ALIGNMENT_JOB = "measure the alignment gap"
PLACES: dict[str, dict[str, Any]] = {
    "spatial": {"limit": 200},
    "pope": {"only": ("random",), "limit": 200},
}
"""The two tasks that are compared for Figure 6, with their options; chance is a half in both."""


@dataclass(frozen=True, kw_only=True)
class JudgesAgreement:
    """How far two judges of one model's answers agree."""

    model: RowModel
    agreement: PairAgreement


def measure_alignment(scorer: Scorer) -> dict[str, Scores]:
    """Return the gap before stage 1, after it and after stage 2, on drawn pictures.

    Only for models that know the drawn world's words: captions of it are what is measured.
    """
    settings = scorer.runs.settings
    count = min(GAP_PICTURES, settings.limit or GAP_PICTURES)
    began, watch = time.monotonic(), scorer.runs.watch
    gaps: dict[str, list[Scores]] = defaultdict(list)
    assert BEFORE_STAGE2.training is not None
    watch.begin(ALIGNMENT_JOB)
    for seed in settings.all_seeds:
        first = experiment_of(BEFORE_STAGE2.training, settings, seed=seed)
        untrained = alignment.build_model_of(first, device=scorer.runs.device)
        gaps[UNTRAINED].append(_gap(untrained, count))
        for title, model in (("after stage 1", BEFORE_STAGE2), ("after stage 2", MINIGPT4)):
            gaps[title].append(_gap(scorer.loaded(model, seed), count))
    watch.end(ALIGNMENT_JOB, time.monotonic() - began)
    return {moment: _join(by_seed) for moment, by_seed in gaps.items()}


def measure_sameness(scorer: Scorer, models: Sequence[RowModel]) -> Scores:
    """Return for each model how alike its descriptions of different pictures are."""
    from minigpt4.evaluation.question import DrawnPicture, Question
    from minigpt4.evaluation.runner import answer_all
    from minigpt4.evaluation.world_questions import description_questions
    from minigpt4.generation.settings import GREEDY

    count = min(SAMENESS_PICTURES, scorer.runs.settings.limit or SAMENESS_PICTURES)
    asked = [
        Question(
            key=f"sameness/{each.index}",
            picture=DrawnPicture("test", 0, each.index),
            prompt=each.prompt,
            decoding=GREEDY,
        )
        for each in description_questions("test", 0, max(count, 2))
    ]
    by_seed: list[Scores] = []
    for seed in scorer.runs.settings.all_seeds:
        found: dict[str, Score | None] = {}
        for model in models:
            answers = answer_all(scorer.loaded(model, seed), asked, scorer.out)
            found[model.name] = sameness([answer.text for answer in answers])
        by_seed.append({name: score for name, score in found.items() if score is not None})
    return _join(by_seed)


def measure_places(scorer: Scorer) -> Scores:
    """Return the accuracy of questions about places, and of those about presence."""
    names = {"spatial": "accuracy", "pope": "random.accuracy"}
    by_seed: list[Scores] = []
    for seed in scorer.runs.settings.all_seeds:
        found: dict[str, Score | None] = {}
        for task, options in PLACES.items():
            found[task] = scorer.scores(MINIGPT4, seed, task, options).get(names[task])
        by_seed.append({name: score for name, score in found.items() if score is not None})
    return _join(by_seed)


def measure_agreement(scorer: Scorer) -> tuple[JudgesAgreement, ...]:
    """Return how far the judges of Table 3's answers agree: the detector and the truth.

    Of the first seed's models: what is measured is the judges, not the training.
    """
    from minigpt4.evaluation.runner import evaluate_in_full

    settings = scorer.runs.settings
    found = []
    for model in (BEFORE_STAGE2, MINIGPT4):
        loaded = scorer.loaded(model, FIRST_SEED)
        limit = min(FAILURES_LIMIT, settings.limit or FAILURES_LIMIT)
        places: dict[str, Any] = {**settings.task_places("failures")}
        result = evaluate_in_full("failures", loaded, out=scorer.out, limit=limit, **places)
        found += [JudgesAgreement(model=model, agreement=each) for each in result.agreement]
    return tuple(found)


def sameness(texts: Sequence[str]) -> Score | None:
    """Return the share of word pairs that an answer has in common with the next one's.

    1: all answers are the same; 0: no two words in a row are in both. None below two answers.
    """
    pairs = [_word_pairs(text) for text in texts]
    shares = [
        len(one & other) / len(one | other) if one | other else 1.0
        for one, other in pairwise(pairs)
    ]
    return mean_score(shares, share=True)


def _join(by_seed: Sequence[Scores]) -> Scores:
    """Join the seeds of each score; one that a seed lacks is left out."""
    names = [name for name in by_seed[0] if all(name in scores for scores in by_seed)]
    return {name: join_seeds([scores[name] for scores in by_seed]) for name in names}


def _word_pairs(text: str) -> set[tuple[str, str]]:
    words = re.findall(r"[a-z]+", text.lower())
    return set(pairwise(words))


def _gap(model: Any, count: int) -> Scores:
    found = alignment_gap(model, split="test", seed=0, count=count)
    return {
        "gap": found.gap,
        "shown": found.loss_shown,
        "another": found.loss_another,
        "told": found.loss_told,
    }
