"""GQA: short answers about objects, their attributes and relations.

    minigpt4 evaluate gqa --data testdev_balanced_questions.json --images images

The paper gives neither prompt nor split; asked is in the words of the authors' later code, on the
balanced questions of testdev. `accuracy` is exact match of the lower-cased answer, as in that code;
`exact` and `lavis` are the official script and LAVIS's (`metrics/gqa.py`); `said` reads the answer
out of a whole sentence (`reading.py`), for models that know no short answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minigpt4.data.questions import VQA_PROMPT
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
from minigpt4.evaluation.metrics.files import read_gqa_questions
from minigpt4.evaluation.metrics.gqa import score_answers
from minigpt4.evaluation.question import Question
from minigpt4.evaluation.reading import says
from minigpt4.evaluation.score import Score, share_score
from minigpt4.evaluation.shares import counted
from minigpt4.evaluation.task import Judged, Scores, Task, TaskSettings

MAX_NEW_TOKENS = 20
"""Official."""


def questions(settings: TaskSettings) -> list[Question]:
    """Ask the balanced questions."""
    if settings.data is None:
        asked = drawn(settings)["gqa_questions.json"]
    else:
        asked = read_gqa_questions(
            find_file(settings.data, "testdev_balanced_questions.json", "*gqa*questions*.json")
        )
    picture_of = picture_source(settings, "images")
    kept = {key: record for key, record in asked.items() if record.get("isBalanced", True)}
    return limited(
        (
            Question(
                key=str(key),
                picture=picture_of(record.get("imageId", record.get("image"))),
                prompt=prompted(settings, VQA_PROMPT, record["question"]),
                decoding=decoding(settings, MAX_NEW_TOKENS),
                truth={"id": str(key), "record": record},
            )
            for key, record in kept.items()
        ),
        settings.limit,
    )


def score(judged: Sequence[Judged]) -> Scores:
    """Return the accuracy in each way of comparing, and of binary and open questions."""
    texts, truths = texts_of(judged), truths_of(judged)
    later = score_answers(texts, truths, variant="minigpt4").scores
    scores: dict[str, Score | None] = {"accuracy": later["accuracy"]}
    for variant in ("exact", "lavis"):
        scores[variant] = score_answers(texts, truths, variant=variant).scores["accuracy"]
    scores["said"] = _said(judged)
    binary = [each for each in judged if _record(each)["answer"] in ("yes", "no")]
    scores["said.binary"] = _said(binary)
    scores["said.open"] = _said(each for each in judged if each not in binary)
    return counted(scores)


def _said(judged: Iterable[Judged]) -> Score | None:
    right = [
        says(each.answer.text, _record(each)["answer"], question=_record(each)["question"])
        for each in judged
    ]
    return share_score(sum(right), len(right))


def _record(judged: Judged) -> dict[str, str]:
    return judged.answer.question.truth["record"]


TASK = Task(
    about="short answers, exact match",
    paper="Tables 4 and 6",
    questions=questions,
    score=score,
)
