"""Spatial questions: left or right, on or under? Two answers are offered, one is right.

    minigpt4 evaluate spatial

Figure 6 shows the weakness on two photos and measures nothing; there is no official file. Drawn
scenes know where everything stands. Own data: a JSON list as `write_drawn` writes `spatial.json`.
An answer with both or neither of the two is unparsable and wrong; chance is a half.

`accuracy` and the relations are of answers in words; `loss.accuracy` is of the likelier of the two
sentences that could be the answer ("The cat is left of the dog."), which can always be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigpt4.evaluation.benchmark import (
    decoding,
    drawn,
    find_file,
    limited,
    picture_source,
    prompted,
    texts_of,
    truths_of,
    with_unparsable,
)
from minigpt4.evaluation.metrics.spatial import read_spatial_questions, score_answers
from minigpt4.evaluation.question import Question
from minigpt4.evaluation.score import share_score
from minigpt4.evaluation.shares import by_group, counted
from minigpt4.evaluation.task import Judged, Scores, Task, TaskSettings, check_groups

MAX_NEW_TOKENS = 30
GROUPS = ("words", "loss")
PROMPT = "{}"
"""The question as it is."""


def questions(settings: TaskSettings) -> list[Question]:
    """Ask where things stand."""
    if settings.data is None:
        rows = {row["question_id"]: row for row in drawn(settings)["spatial.json"]}
    else:
        rows = read_spatial_questions(find_file(settings.data, "spatial.json"))
    picture_of = picture_source(settings, "val2014", "val2017")
    asked = []
    for group in check_groups(settings, GROUPS):
        for key, row in rows.items():
            sentences = tuple(_sentence(row, choice) for choice in row["choices"])
            asked.append(
                Question(
                    key=f"{group}/{key}",
                    group=group,
                    picture=picture_of(row["image_id"]),
                    prompt=prompted(settings, PROMPT, row["question"]),
                    decoding=decoding(settings, MAX_NEW_TOKENS),
                    truth={"id": key, "record": row},
                    candidates=sentences if group == "loss" else (),
                )
            )
    return limited(asked, settings.limit)


def score(judged: Sequence[Judged]) -> Scores:
    """Return the share of right answers, in all and for each relation."""
    groups = by_group(judged)
    scores: Scores = {}
    if words := groups.get("words"):
        result = score_answers(texts_of(words), truths_of(words))
        unclear = result.scores.pop("unclear")
        scores |= with_unparsable(result, unclear.value)
    if ranked := groups.get("loss"):
        right = [
            each.answer.text == _sentence(record, record["answer"])
            for each in ranked
            for record in (each.answer.question.truth["record"],)
        ]
        scores |= counted({"loss.accuracy": share_score(sum(right), len(right))})
    return scores


def _sentence(row: dict[str, Any], choice: str) -> str:
    relation = f"{choice} of" if choice in ("left", "right") else choice
    return f"The {row['subject']} is {relation} the {row['object']}."


TASK = Task(
    about="left or right, on or under",
    paper="Figure 6",
    questions=questions,
    score=score,
)
