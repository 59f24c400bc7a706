"""Spatial questions: left or right, on or under. Two answers are offered, one is right.

An answer is read by which of the two it says, before or without the other thing's name: "on the
right, under the table" says under to "on or under the table?". What says both or neither is unclear
and counts as wrong.

Paper: Figure 6 (weak spatial localization).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minigpt4.data.records import read_json
from minigpt4.errors import DataError
from minigpt4.evaluation.metrics.files import (
    by_key,
    check_answered,
    objects,
    unique,
)
from minigpt4.evaluation.metrics.result import MetricResult, keep_scores
from minigpt4.evaluation.score import share_score


def score_files(answers: str | Path, *, questions: str | Path) -> MetricResult:
    """Score a list of {"question_id", "answer"} against a file of drawn spatial questions.

    Raises:
        DataError: for a damaged file, or if the two are not about the same questions.
    """
    given = objects(read_json(Path(answers)), answers, ("question_id", "answer"))
    return score_answers(
        by_key(given, "question_id", "answer", answers), read_spatial_questions(questions)
    )


def read_spatial_questions(path: str | Path) -> dict[int, dict[str, Any]]:
    """Return spatial questions by their id.

    Raises:
        DataError: for a damaged file, or an answer that is not offered.
    """
    needed = ("question_id", "question", "answer", "choices")
    rows = objects(read_json(Path(path)), path, needed)
    for row in rows:
        if row["answer"] not in row["choices"]:
            raise DataError(f"{path}: the answer {row['answer']!r} is not among {row['choices']}")
    return unique(rows, "question_id", path)


def score_answers(
    answers: Mapping[Any, str], questions: Mapping[Any, Mapping[str, Any]]
) -> MetricResult:
    """Score answers by question id; each question has `answer`, `choices` and perhaps `object`.

    Raises:
        DataError: if a question has no answer or an answer no question.
    """
    check_answered(answers, questions, what="questions")
    items = []
    for key, question in questions.items():
        said = parse(answers[key], list(question["choices"]), other=question.get("object", ""))
        items.append(
            {
                "question_id": key,
                "answer": question["answer"],
                "text": answers[key],
                "said": said,
                "right": said == question["answer"],
            }
        )
    relations = sorted({item["answer"] for item in items})
    groups = {"accuracy": items} | {
        name: [item for item in items if item["answer"] == name] for name in relations
    }
    right = {name: sum(item["right"] for item in group) for name, group in groups.items()}
    unclear = sum(item["said"] is None for item in items)
    totals = {name: right[name] / len(group) if group else None for name, group in groups.items()}
    scores = {name: share_score(right[name], len(group)) for name, group in groups.items()}
    scores["unclear"] = share_score(unclear, len(items))
    return MetricResult(
        items=tuple(items), totals=totals | {"unclear": unclear}, scores=keep_scores(scores)
    )


def parse(text: str, choices: list[str], *, other: str = "") -> str | None:
    """Return which of the choices an answer says; None if it says none or several."""
    words = "|".join(map(re.escape, choices))
    lower = text.lower()
    said: set[str] = set()
    if other:
        between = r"(?: of)?(?: the| an?)?(?: \w+){0,2}? "
        said = set(re.findall(rf"\b({words})\b{between}{re.escape(other.lower())}\b", lower))
    said = said or set(re.findall(rf"\b({words})\b", lower))
    return said.pop() if len(said) == 1 else None
