"""VQAv2 and OK-VQA are one task on two data sets: short answers, scored by ten people's.

`accuracy` equals the official script's; `minigpt4` ignores case, as the authors' later code does;
`said` reads the answer most people gave out of a whole sentence (`reading.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minigpt4.data.questions import VQA_PROMPT, most_common_answer
from minigpt4.data.vqav2 import annotations_beside
from minigpt4.errors import DataError
from minigpt4.evaluation.benchmark import (
    decoding,
    drawn,
    find_file,
    limited,
    picture_source,
    prompted,
    texts_of,
    truths_of,
)
from minigpt4.evaluation.metrics.files import read_vqa_annotations, read_vqa_questions
from minigpt4.evaluation.metrics.vqa import score_answers
from minigpt4.evaluation.question import Question
from minigpt4.evaluation.reading import says
from minigpt4.evaluation.score import share_score
from minigpt4.evaluation.shares import counted
from minigpt4.evaluation.task import Judged, Scores, TaskSettings

MAX_NEW_TOKENS = 20
"""Official."""


def vqa_questions(settings: TaskSettings, *, name: str, patterns: Sequence[str]) -> list[Question]:
    """Ask the questions of one of the two.

    Args:
        name: of the drawn counterpart.
        patterns: names of the questions file.
    """
    if settings.data is None:
        content = drawn(settings)
        asked = {row["question_id"]: row for row in content[f"{name}_questions.json"]["questions"]}
        notes = {
            row["question_id"]: row for row in content[f"{name}_annotations.json"]["annotations"]
        }
    else:
        file = find_file(settings.data, *patterns, f"{name}_questions.json")
        asked = read_vqa_questions(file)
        notes = read_vqa_annotations(_annotations(file))
    picture_of = picture_source(settings, "val2014", "val2017")
    lost = [key for key in asked if key not in notes]
    if lost:
        raise DataError(f"{len(lost)} questions have no annotation, the first is {lost[0]}")
    return limited(
        (
            Question(
                key=str(key),
                picture=picture_of(row["image_id"]),
                prompt=prompted(settings, VQA_PROMPT, row["question"]),
                decoding=decoding(settings, MAX_NEW_TOKENS),
                truth={"id": key, "record": notes[key], "question": row["question"]},
            )
            for key, row in asked.items()
        ),
        settings.limit,
    )


def vqa_score(judged: Sequence[Judged]) -> Scores:
    """Return the official accuracy and the other counts."""
    texts, truths = texts_of(judged), truths_of(judged)
    right = [
        says(
            each.answer.text,
            most_common_answer(
                (given["answer"] for given in each.answer.question.truth["record"]["answers"]),
                where=each.answer.question.key,
            ),
            question=each.answer.question.truth["question"],
        )
        for each in judged
    ]
    return counted(
        {
            "accuracy": score_answers(texts, truths).scores.get("accuracy"),
            "minigpt4": score_answers(texts, truths, variant="minigpt4").scores.get("accuracy"),
            "said": share_score(sum(right), len(right)),
        }
    )


def _annotations(questions: Path) -> Path:
    file = annotations_beside(questions)
    if not file.is_file():
        raise DataError(f"no annotations at {file}; put the official file beside the questions")
    return file
