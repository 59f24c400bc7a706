"""POPE: is an object there? Half of the questions are about objects that are not.

    minigpt4 evaluate pope --data output/coco --images val2014

DIR holds the official `coco_pope_random.json`, `..._popular.json` and `..._adversarial.json`; one
of them alone is data too. An answer that says neither yes nor no is unparsable and wrong;
`GROUP.reference` is the accuracy by the reference script, which takes it for a yes.

Paper: §5 (hallucination); beside Table 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minigpt4.evaluation.benchmark import (
    decoding,
    drawn,
    find_file,
    limited,
    named,
    picture_source,
    prompted,
    with_unparsable,
)
from minigpt4.evaluation.drawn_pope import SAMPLINGS
from minigpt4.evaluation.metrics.files import read_pope_questions
from minigpt4.evaluation.metrics.pope import score_answers
from minigpt4.evaluation.question import Question
from minigpt4.evaluation.shares import by_group
from minigpt4.evaluation.task import Judged, Scores, Task, TaskSettings, check_groups

MAX_NEW_TOKENS = 30
PROMPT = "{}"
"""The question as it is."""


def questions(settings: TaskSettings) -> list[Question]:
    """Ask the questions of each of the three samplings."""
    picture_of = picture_source(settings, "val2014")
    asked = []
    for group in check_groups(settings, SAMPLINGS):
        if (
            settings.data is not None
            and settings.data.is_file()
            and group not in settings.data.name
        ):
            continue
        for number, row in enumerate(_rows(settings, group)):
            asked.append(
                Question(
                    key=f"{group}/{number + 1}",
                    group=group,
                    picture=picture_of(Path(row["image"]).stem),
                    prompt=prompted(settings, PROMPT, row["text"]),
                    decoding=decoding(settings, MAX_NEW_TOKENS),
                    truth={"record": row},
                )
            )
    return limited(asked, settings.limit)


def score(judged: Sequence[Judged]) -> Scores:
    """Return accuracy, precision, recall, F1 and the share of yes for each sampling."""
    scores: Scores = {}
    for group, answers in by_group(judged).items():
        texts = [each.answer.text for each in answers]
        rows = [each.answer.question.truth["record"] for each in answers]
        result = score_answers(texts, rows)
        found = with_unparsable(result, result.totals["unclear"] / len(rows))
        found["reference"] = score_answers(texts, rows, rules="reference").scores["accuracy"]
        scores |= named(group, found)
    return scores


def _rows(settings: TaskSettings, group: str) -> list[dict[str, str]]:
    if settings.data is None:
        return drawn(settings)[f"pope_{group}.jsonl"]
    return read_pope_questions(find_file(settings.data, f"*pope_{group}.json*"))


TASK = Task(
    about="is an object there: accuracy, F1, share of yes",
    paper="§5",
    questions=questions,
    score=score,
)
