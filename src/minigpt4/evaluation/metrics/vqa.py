"""VQA accuracy, as for VQAv2 and OK-VQA: an answer counts by how many of ten people gave it.

For each of the ten, the answer is right in full if three of the other nine gave it, by a third if
one did; the accuracy is the mean of the ten. (Antol et al. 2015, §3.)

Three variants, which differ in how answers are made comparable:

    official    the VQA evaluation: both sides normalized, unless all ten agree; then neither
    minigpt4    the same, but the comparison ignores upper and lower case
    lavis_old   the answer always normalized; the ten only by punctuation, unless all agree

So `official` marks "Yes" wrong where all ten said "yes". It is the default because every
published number has this property.

Paper: Table 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from minigpt4.errors import SettingsError
from minigpt4.evaluation.metrics.files import (
    check_answered,
    read_vqa_annotations,
    read_vqa_results,
)
from minigpt4.evaluation.metrics.result import MetricResult, keep_scores
from minigpt4.evaluation.metrics.vqa_normal import normal, normal_punctuation
from minigpt4.evaluation.score import mean_score

Variant = Literal["official", "minigpt4", "lavis_old"]
DECIMALS = 2
"""The official script rounds each percentage so."""


def score_files(
    answers: str | Path, *, annotations: str | Path, variant: Variant = "official"
) -> MetricResult:
    """Score a results file against an annotations file of VQAv2 or OK-VQA.

    Raises:
        DataError: for a damaged file, or if the two are not about the same questions.
    """
    return score_answers(
        read_vqa_results(answers), read_vqa_annotations(annotations), variant=variant
    )


def score_answers(
    answers: Mapping[Any, str],
    annotations: Mapping[Any, Mapping[str, Any]],
    *,
    variant: Variant = "official",
) -> MetricResult:
    """Score answers by question id against official annotations by question id.

    Args:
        annotations: each has `answers`, a list of {"answer"}; `question_type` and `answer_type`
            are reported where they are there.

    Raises:
        DataError: if a question has no answer or an answer no question.
        SettingsError: for an unknown variant.
    """
    check_answered(answers, annotations, what="questions")
    items = []
    for key, note in annotations.items():
        given = [answer["answer"] for answer in note["answers"]]
        prediction, compared = comparable(answers[key], given, variant=variant)
        items.append(
            {
                "question_id": key,
                "prediction": prediction,
                "answers": compared,
                "unanimous": len(set(map(_tidy, given))) == 1,
                "accuracy": accuracy(prediction, compared),
                "question_type": note.get("question_type"),
                "answer_type": note.get("answer_type"),
            }
        )
    accuracies = [item["accuracy"] for item in items]
    totals = {
        "overall": _percent(accuracies),
        "perQuestionType": _by_type(items, "question_type"),
        "perAnswerType": _by_type(items, "answer_type"),
        "unrounded_overall": 100 * sum(accuracies) / len(accuracies) if accuracies else None,
    }
    scores = keep_scores({"accuracy": mean_score(accuracies, share=True)})
    return MetricResult(items=tuple(items), totals=totals, scores=scores)


def comparable(answer: str, given: list[str], *, variant: Variant) -> tuple[str, list[str]]:
    """Return the answer and the people's answers in the form in which they are compared."""
    if variant not in get_args(Variant):
        raise SettingsError(f"variant={variant}; wanted one of {', '.join(get_args(Variant))}")
    answer = _tidy(answer)
    if variant == "lavis_old":
        people = [normal_punctuation(text) for text in given] if len(set(given)) > 1 else given
        return normal(answer), people
    people = [_tidy(text) for text in given]
    if len(set(people)) > 1:
        answer, people = normal(answer), [normal(text) for text in people]
    if variant == "minigpt4":
        answer, people = answer.lower(), [text.lower() for text in people]
    return answer, people


def accuracy(answer: str, people: list[str]) -> float:
    """Return the mean over the people of min(1, equal answers of the others / 3)."""
    if not people:
        return 0.0
    equal = [text == answer for text in people]
    return sum(min(1.0, (sum(equal) - own) / 3) for own in equal) / len(people)


def _tidy(text: str) -> str:
    return text.replace("\n", " ").replace("\t", " ").strip()


def _percent(accuracies: list[float]) -> float | None:
    return round(100 * sum(accuracies) / len(accuracies), DECIMALS) if accuracies else None


def _by_type(items: list[dict[str, Any]], name: str) -> dict[str, float | None]:
    """Return the percentage for each value of a field, in the order of their first item."""
    groups: dict[str, list[float]] = {}
    for item in items:
        if item[name] is not None:
            groups.setdefault(item[name], []).append(item["accuracy"])
    return {value: _percent(accuracies) for value, accuracies in groups.items()}
