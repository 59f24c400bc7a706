"""GQA accuracy, in three ways that papers mix up.

    exact      the official script: the prediction is the answer, letter for letter; only the
               balanced questions count
    minigpt4   the authors' later script: the prediction lower-cased, nothing else; all questions
    lavis      both sides through VQA's normalization; all questions

Paper: Tables 4 and 6, which do not say which one they used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from minigpt4.errors import SettingsError
from minigpt4.evaluation.metrics.files import (
    check_answered,
    read_gqa_predictions,
    read_gqa_questions,
)
from minigpt4.evaluation.metrics.result import MetricResult, keep_scores
from minigpt4.evaluation.metrics.vqa_normal import normal
from minigpt4.evaluation.score import Score, share_score

Variant = Literal["exact", "minigpt4", "lavis"]


def score_files(
    answers: str | Path, *, questions: str | Path, variant: Variant = "exact"
) -> MetricResult:
    """Score a predictions list against GQA's questions file.

    Raises:
        DataError: for a damaged file, or a question without a prediction.
    """
    return score_answers(
        read_gqa_predictions(answers), read_gqa_questions(questions), variant=variant
    )


def score_answers(
    answers: Mapping[str, str],
    questions: Mapping[str, Mapping[str, Any]],
    *,
    variant: Variant = "exact",
) -> MetricResult:
    """Score predictions by question id against official questions by id.

    Args:
        questions: each has `answer`; `isBalanced` (true if missing) and `types` are used by
            "exact". Predictions for other questions are passed over, as the official script does:
            its file of predictions is made for all questions.

    Raises:
        DataError: if a question has no prediction.
        SettingsError: for an unknown variant.
    """
    if variant not in get_args(Variant):
        raise SettingsError(f"variant={variant}; wanted one of {', '.join(get_args(Variant))}")
    check_answered(set(answers) & set(questions), questions, what="questions")
    items = [
        {
            "question_id": key,
            "answer": question["answer"],
            "prediction": answers[key],
            "balanced": bool(question.get("isBalanced", True)),
            "right": is_right(answers[key], question["answer"], variant=variant),
            "saved_prediction": answers[key].lower().replace("<unk>", "").strip(),
            "types": dict(question.get("types") or {}),
            "group": (question.get("groups") or {}).get("global"),
        }
        for key, question in questions.items()
    ]
    counted = [item for item in items if item["balanced"] or variant != "exact"]
    totals: dict[str, Any] = {"accuracy": _percent(counted)}
    kinds = {
        "binary": [item for item in counted if _structure(item) not in ("query", None)],
        "open": [item for item in counted if _structure(item) == "query"],
    }
    if variant == "exact":
        totals |= {name: _percent(chosen) for name, chosen in kinds.items()}
        totals["distribution"] = distribution(counted)
        for name in ("structural", "semantic", "detailed"):
            totals[f"accuracyPer{name.capitalize()}Type"] = _by_type(counted, name)
    scores = {name: _score(chosen) for name, chosen in (("accuracy", counted), *kinds.items())}
    return MetricResult(items=tuple(items), totals=totals, scores=keep_scores(scores))


def is_right(prediction: str, answer: str, *, variant: Variant) -> bool:
    """Say whether a prediction is right by a variant's comparison."""
    if variant == "lavis":
        return normal(prediction) == normal(answer)
    # Blanks and <unk> are not stripped: the authors strip them only in the file they save.
    return (prediction.lower() if variant == "minigpt4" else prediction) == answer


def distribution(items: Iterable[Mapping[str, Any]]) -> float | None:
    """Return how far the predicted answers' frequencies lie from the right ones', over 100.

    For each global group the chi-square of its predicted against its right answers, weighted by
    the group's size; 0 is perfect. None without groups.
    """
    right: dict[str, Counter[str]] = {}
    said: dict[str, Counter[str]] = {}
    for item in items:
        if item["group"] is not None:
            right.setdefault(item["group"], Counter())[item["answer"]] += 1
            said.setdefault(item["group"], Counter())[item["prediction"]] += 1
    if not right:
        return None
    weighted = 0.0
    for group, counts in right.items():
        chi_square = sum((said[group][word] - count) ** 2 / count for word, count in counts.items())
        weighted += chi_square * counts.total()
    return weighted / sum(counts.total() for counts in right.values()) / 100


def _structure(item: Mapping[str, Any]) -> str | None:
    return item["types"].get("structural")


def _percent(items: list[dict[str, Any]]) -> float | None:
    return 100 * sum(item["right"] for item in items) / len(items) if items else None


def _score(items: list[dict[str, Any]]) -> Score | None:
    return share_score(sum(item["right"] for item in items), len(items))


def _by_type(items: list[dict[str, Any]], name: str) -> dict[str, tuple[float | None, int]]:
    """Return percent and count for each value of one of the question's types."""
    values = sorted({item["types"][name] for item in items if item["types"].get(name)})
    groups = {value: [i for i in items if i["types"].get(name) == value] for value in values}
    return {value: (_percent(group), len(group)) for value, group in groups.items()}
