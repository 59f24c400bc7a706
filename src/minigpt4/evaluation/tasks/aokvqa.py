"""A-OKVQA: questions of knowledge with four choices.

    minigpt4 evaluate aokvqa --data aokvqa_v1p0_val.json --images val2017

Three ways of asking. `choice`: the choices are not shown; the one whose words the LLM finds
likeliest is taken, as the authors' later code does. Its divisor, the length of prompt and choice
together, is the official one for a batch of one; `choice.token_mean` and `choice.sum` divide by
the choice's own length and by nothing. `letter`: the choices are listed and a letter is asked for;
what names none of them is unparsable and wrong. `direct`: a free answer, scored by ten people's.

Paper: Tables 4 and 6 (multiple choice; the paper does not say which way).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from minigpt4.data.questions import VQA_PROMPT
from minigpt4.errors import DataError
from minigpt4.evaluation.answering import lowest
from minigpt4.evaluation.benchmark import (
    decoding,
    drawn,
    find_file,
    limited,
    picture_source,
    prompted,
)
from minigpt4.evaluation.metrics.aokvqa import score_answers
from minigpt4.evaluation.metrics.files import read_aokvqa_questions
from minigpt4.evaluation.question import Answer, Question
from minigpt4.evaluation.reading import LETTERS, read_letter, says
from minigpt4.evaluation.score import Score, share_score
from minigpt4.evaluation.shares import by_group, counted
from minigpt4.evaluation.task import Judged, Scores, Task, TaskSettings, check_groups

PROMPTS = {
    "choice": VQA_PROMPT,
    "letter": "{} Answer with the letter of the right choice.",
    "direct": VQA_PROMPT,
}
MAX_NEW_TOKENS = 20


def questions(settings: TaskSettings) -> list[Question]:
    """Ask each question in each way.

    Raises:
        DataError: for a question without choices, or with more than there are letters for.
    """
    if settings.data is None:
        rows = {row["question_id"]: row for row in drawn(settings)["aokvqa.json"]}
    else:
        rows = read_aokvqa_questions(find_file(settings.data, "aokvqa_v1p0_val.json", "aokvqa*"))
    picture_of = picture_source(settings, "val2017", "val2014")
    asked = []
    for group in check_groups(settings, PROMPTS):
        for key, row in rows.items():
            choices = tuple(row.get("choices") or ())
            if len(choices) < 2:
                raise DataError(f"question {key} has no choices; use the train or val file")
            if group == "letter" and len(choices) > len(LETTERS):
                raise DataError(
                    f"question {key} has {len(choices)} choices; by letter at most {len(LETTERS)} "
                    "are asked: take --only choice, which ranks any number"
                )
            text = row["question"]
            if group == "letter":
                listed = " ".join(
                    f"({letter}) {choice}"
                    for letter, choice in zip(LETTERS[: len(choices)], choices, strict=True)
                )
                text = f"{text} {listed}"
            asked.append(
                Question(
                    key=f"{group}/{key}",
                    group=group,
                    picture=picture_of(row["image_id"]),
                    prompt=prompted(settings, PROMPTS[group], text),
                    decoding=decoding(settings, MAX_NEW_TOKENS),
                    truth={"id": str(key), "record": row},
                    candidates=choices if group == "choice" else (),
                )
            )
    return limited(asked, settings.limit)


def score(judged: Sequence[Judged]) -> Scores:
    """Return the share of right choices by loss and by letter, and the free answers' accuracy."""
    scores: dict[str, Score | None] = {}
    for group, answers in by_group(judged).items():
        if group == "direct":
            scores |= _direct(answers)
            continue
        picked = {_id(each): _choice_text(each.answer, group) for each in answers}
        scores[group] = _share(picked, answers)
        if group == "letter" and scores[group] is not None:
            unread = sum(text is None for text in picked.values()) / len(picked)
            scores[group] = replace(scores[group], unparsable=unread)  # type: ignore[type-var]
        if group == "choice" and all(each.answer.losses for each in answers):
            for name in ("token_mean", "sum"):
                other = {_id(each): _by_loss(each.answer, name) for each in answers}
                scores[f"choice.{name}"] = _share(other, answers)
    return counted(scores)


def _direct(answers: Sequence[Judged]) -> dict[str, Score | None]:
    records = {_id(each): each.answer.question.truth["record"] for each in answers}
    texts = {_id(each): {"direct_answer": each.answer.text} for each in answers}
    right = [
        says(
            each.answer.text,
            records[_id(each)]["choices"][records[_id(each)]["correct_choice_idx"]],
            question=records[_id(each)]["question"],
        )
        for each in answers
    ]
    return {
        "direct": score_answers(texts, records).scores.get("direct_answer"),
        "direct.said": share_score(sum(right), len(right)),
    }


def _share(picked: Mapping[str, str | None], answers: Sequence[Judged]) -> Score | None:
    records = {_id(each): each.answer.question.truth["record"] for each in answers}
    predictions = {key: {"multiple_choice": text or ""} for key, text in picked.items()}
    return score_answers(predictions, records).scores.get("multiple_choice")


def _choice_text(answer: Answer, group: str) -> str | None:
    if group == "choice":
        return answer.text
    choices = tuple(answer.question.truth["record"]["choices"])
    place = read_letter(answer.text, choices)
    return None if place is None else choices[place]


def _by_loss(answer: Answer, normalisation: str) -> str:
    losses = list(answer.losses)
    if normalisation == "token_mean":
        losses = [loss / length for loss, length in zip(losses, answer.lengths, strict=True)]
    return answer.question.candidates[lowest(losses)]


def _id(judged: Judged) -> str:
    return judged.answer.question.truth["id"]


TASK = Task(
    about="four choices, by loss and by letter; free answers",
    paper="Tables 4 and 6",
    questions=questions,
    score=score,
)
