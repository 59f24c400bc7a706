"""A-OKVQA: the right one of four choices, and the free answers of ten people.

As the official script: a choice is right if it is the right choice's text, letter for letter. A
free answer counts min(1, equal answers / 3), without any normalization and without leaving one
person out; questions marked `difficult_direct_answer` have no free answer. What was not answered
counts as wrong.

Paper: Tables 4 and 6 (multiple choice).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minigpt4.errors import DataError
from minigpt4.evaluation.metrics.files import read_aokvqa_predictions, read_aokvqa_questions
from minigpt4.evaluation.metrics.result import MetricResult, keep_scores
from minigpt4.evaluation.score import mean_score, share_score

ENOUGH = 3
"""People who must have given an answer for it to count in full."""


def score_files(answers: str | Path, *, questions: str | Path) -> MetricResult:
    """Score a predictions file against A-OKVQA's questions.

    Raises:
        DataError: for a damaged file, or predictions that belong to no question.
    """
    return score_answers(read_aokvqa_predictions(answers), read_aokvqa_questions(questions))


def score_answers(
    predictions: Mapping[str, Mapping[str, str]], questions: Mapping[str, Mapping[str, Any]]
) -> MetricResult:
    """Score predictions by question id: each `multiple_choice`, `direct_answer` or both.

    A setting that no prediction answers is left out of the totals and scores.

    Raises:
        DataError: if predictions belong to no question, or a question has no truth (test split).
    """
    foreign = [key for key in predictions if key not in questions]
    if foreign:
        raise DataError(f"{len(foreign)} predictions belong to no question, first {foreign[0]!r}")
    settings = {name for prediction in predictions.values() for name in prediction}
    items = []
    for key, question in questions.items():
        prediction = predictions.get(key, {})
        chosen, said = prediction.get("multiple_choice"), prediction.get("direct_answer")
        items.append(
            {
                "question_id": key,
                "multiple_choice": _choice_is_right(question, chosen),
                "direct_answer": _direct(question, said),
                "is_a_choice": chosen in question.get("choices", ()),
            }
        )
    choice = [item["multiple_choice"] for item in items if "multiple_choice" in settings]
    direct = [item["direct_answer"] for item in items if "direct_answer" in settings]
    direct = [share for share in direct if share is not None]
    totals: dict[str, float | int] = {}
    if choice:
        totals |= {"multiple_choice": 100 * sum(choice) / len(choice)}
        totals |= {"n_multiple_choice": len(choice)}
    if direct:
        totals |= {"direct_answer": 100 * sum(direct) / len(direct), "n_direct_answer": len(direct)}
    scores = {
        "multiple_choice": share_score(round(sum(choice)), len(choice)),
        "direct_answer": mean_score(direct, share=True),
    }
    return MetricResult(items=tuple(items), totals=totals, scores=keep_scores(scores))


def direct_accuracy(answer: str, people: list[str]) -> float:
    """Return min(1, equal answers / 3)."""
    return min(1.0, people.count(answer) / ENOUGH)


def _choice_is_right(question: Mapping[str, Any], chosen: str | None) -> float:
    choices, index = question.get("choices"), question.get("correct_choice_idx")
    if not isinstance(choices, list) or not isinstance(index, int) or index >= len(choices):
        raise DataError(
            f"question {question.get('question_id')!r} has no correct_choice_idx among its choices;"
            " the test split has no truth, use train or val"
        )
    return float(chosen == choices[index])


def _direct(question: Mapping[str, Any], said: str | None) -> float | None:
    """Return the share of a free answer; None for questions that have none."""
    if question.get("difficult_direct_answer"):
        return None
    people = question.get("direct_answers")
    if not isinstance(people, list):
        raise DataError(f"question {question.get('question_id')!r} has no direct_answers")
    return 0.0 if said is None else direct_accuracy(said, people)
