"""Answers for tests of tasks: what is asked, answered by a function in the model's place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minigpt4.evaluation.question import Answer, DrawnPicture, Question
from minigpt4.evaluation.task import Judged, Judgement, Scores, TaskSettings, find_task
from minigpt4.world.scene import Scene


def ask(task: str, **settings: Any) -> list[Question]:
    """Return the questions of a task."""
    return find_task(task).questions(TaskSettings(**settings))


def answer(questions: Sequence[Question], says: Callable[[Question], str]) -> list[Answer]:
    """Answer each question; of candidates the one that is said has the lowest loss."""
    answers = []
    for question in questions:
        text = says(question)
        losses = tuple(float(each != text) for each in question.candidates)
        answers.append(
            Answer(
                question=question,
                text=text,
                losses=losses,
                lengths=(2,) * len(losses),
                num_prompt_tokens=10,
            )
        )
    return answers


def count(task: str, questions: Sequence[Question], says: Callable[[Question], str]) -> Scores:
    """Return the scores of a task that has a metric, or by its first rule."""
    found = find_task(task)
    rule = found.truth or found.detector
    answers = answer(questions, says)
    return found.score(
        [Judged(answer=each, judgement=rule(each) if rule else None) for each in answers]
    )


def scene(question: Question) -> Scene:
    """Return the scene that a question's drawn picture shows."""
    assert isinstance(question.picture, DrawnPicture)
    return question.picture.scene


def rule(task: str, judge: str) -> Callable[[Answer], Judgement]:
    """Return a task's own rule: `truth` or `detector`."""
    found = {"truth": find_task(task).truth, "detector": find_task(task).detector}[judge]
    assert found is not None
    return found
