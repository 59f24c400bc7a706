"""Failed generations: answers that are no answer, asked for in two forms.

    minigpt4 evaluate failures --model miniature_stage1

Table 3's prompts on 100 pictures: drawn scenes, or with `--data DIR` that many of a folder (the
paper: COCO's test images). The detector tells empty, repeated, fragmentary, unfinished, off-topic
and off-language answers from the text alone (`evaluation/failures.py`). For drawn pictures the
world's truth judges too: is every sentence one of the world's language, is something named that is
there? A person counts as in the paper. Their agreement is printed with the scores.

`description` and `poem` are the shares of failed answers; `description.repeated` and so on the
shares that the detector finds of each kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from minigpt4.evaluation.abilities import fulfilled_poem
from minigpt4.evaluation.failures import FAILURES, Form, find_failures
from minigpt4.evaluation.pictures_beside import all_pictures, chosen
from minigpt4.evaluation.question import Answer, DrawnPicture, Picture, Question
from minigpt4.evaluation.score import Score
from minigpt4.evaluation.shares import by_group, counted, share_of_part, share_of_passed
from minigpt4.evaluation.task import (
    Judged,
    Judgement,
    LLMPrompt,
    Scores,
    Task,
    TaskSettings,
    check_groups,
    scene_of,
)
from minigpt4.evaluation.truth import judge_description

PROMPTS: dict[str, str] = {
    "description": "Describe the image in detail.",
    "poem": "Can you write a beautiful poem about this image?",
}
PICTURES = 100
MAX_NEW_TOKENS = 300
LLM_PROMPT = (
    "Someone asked about a picture: '{request}' The answer was: '{answer}' Is this answer broken: "
    "empty, repeating itself, in fragments, without an end, off topic, or not in English? Only "
    "answer yes or no without any explanation."
)
_FIRST_INDEX = 300_000_000
"""Far from the pictures of other tasks."""


def questions(settings: TaskSettings) -> list[Question]:
    """Ask for a description and a poem about the same pictures."""
    groups = check_groups(settings, PROMPTS)
    count = settings.limit or PICTURES
    pictures: Sequence[Picture]
    if settings.data is not None:
        pictures = chosen(all_pictures(settings.data), count, seed=settings.seed)
    else:
        pictures = [
            DrawnPicture(settings.split, settings.seed, _FIRST_INDEX + number, "scene")
            for number in range(count)
        ]
    decoding = replace(settings.decoding, max_new_tokens=settings.max_new_tokens or MAX_NEW_TOKENS)
    return [
        Question(
            key=f"{group}/{number}",
            group=group,
            picture=picture,
            prompt=PROMPTS[group] if settings.prompt is None else settings.prompt,
            decoding=decoding,
        )
        for group in groups
        for number, picture in enumerate(pictures)
    ]


def detect(answer: Answer) -> Judgement:
    """Judge by the text alone."""
    form = cast(Form, answer.question.group)
    found = find_failures(answer.text, form=form, finished=answer.finished)
    return Judgement(
        passed=not found,
        reason="; ".join(f"{kind}: {why}" for kind, why in found.items()),
        parts={kind: kind in found for kind in FAILURES},
    )


def judge_by_truth(answer: Answer) -> Judgement:
    """Judge by the world's language and the scene: is it whole, and about this picture?"""
    scene = scene_of(answer)
    if answer.question.group == "poem":
        verdict = fulfilled_poem(scene, answer.text)
        fault = "" if verdict.fulfilled else verdict.reason
    else:
        judged = judge_description(scene, answer.text)
        kinds = {item.kind for item in scene.objects}
        named = any(kind in kinds for kind, _ in judged.named)
        fault = judged.fault or ("" if named else "it names nothing of the picture")
    if not answer.finished:
        fault = fault or "it was cut off"
    return Judgement(passed=not fault, reason=fault)


def score(judged: Sequence[Judged]) -> Scores:
    """Return the share that failed of each form, and of each kind of failure."""
    scores: dict[str, Score | None] = {}
    for group, answers in by_group(judged).items():
        scores[group] = _failed(share_of_passed(answers))
        for kind in FAILURES:
            scores[f"{group}.{kind}"] = share_of_part(answers, kind)
    return counted(scores)


def _failed(passed: Score | None) -> Score | None:
    if passed is None:
        return None
    low, high = passed.interval
    return replace(passed, value=1 - passed.value, interval=(1 - high, 1 - low))


TASK = Task(
    about="answers that are empty, broken, repeated or off topic",
    paper="Table 3",
    questions=questions,
    score=score,
    truth=judge_by_truth,
    detector=detect,
    llm=LLMPrompt(
        text=LLM_PROMPT,
        fields=lambda answer: {"request": answer.question.prompt, "answer": answer.text},
        passes_on="no",
    ),
    person_asks="Does the answer do what was asked, in whole sentences or verses?",
    defaults=("detector", "truth"),
)
