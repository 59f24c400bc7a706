"""Answers to the world's questions: asked of a model, judged by the truth of the scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from minigpt4.evaluation.abilities import FULFILLED, Verdict
from minigpt4.evaluation.truth import DescriptionVerdict, judge_description
from minigpt4.evaluation.world_questions import DESCRIPTION, Question
from minigpt4.generation import GREEDY, Conversation, Prompt, generate
from minigpt4.generation.prompt import model_template
from minigpt4.processing.conversation import IMAGE
from minigpt4.world.language.tell import tell


@dataclass(frozen=True, kw_only=True)
class JudgedAnswer:
    """An answer and what is right and wrong about it."""

    question: Question
    text: str
    finished: bool
    """Ended by itself, not by the longest length allowed."""
    verdict: DescriptionVerdict | Verdict

    def as_json(self) -> dict[str, Any]:
        """Return a line a person can read: the truth, the answer, the verdict."""
        question = self.question
        return {
            "task": question.task,
            "index": question.index,
            "kind": question.scene.kind,
            "prompt": question.prompt,
            "text": self.text,
            "finished": self.finished,
            "verdict": asdict(self.verdict),
            "truth": question.scene.truth(),
        }


def ask(model: Any, questions: Sequence[Question], *, told: bool = False) -> list[tuple[str, bool]]:
    """Let a model answer questions of one task, all at once and greedily.

    The prompts are laid out in the model's own template. With `told` the LLM reads the scene in
    words where its picture would be. Returns each answer and whether it ended by itself.
    """
    settings = replace(GREEDY, max_new_tokens=max(each.max_new_tokens for each in questions))
    prompts = [
        _told_prompt(model, each) if told else Conversation.ask(each.prompt, each.picture)
        for each in questions
    ]
    replies = generate(model, prompts, settings, batch_size=len(prompts))
    return [(reply.text, reply.finish_reason == "stop") for reply in replies]


def ask_all(
    model: Any,
    questions: Sequence[Question],
    *,
    batch_size: int,
    told: bool = False,
    report: Callable[[int], None] | None = None,
) -> list[JudgedAnswer]:
    """Ask questions in batches of one task and judge the answers.

    `report` is called with the size of each batch that is done.
    """
    answers: list[JudgedAnswer] = []
    start = 0
    while start < len(questions):
        task = questions[start].task
        batch = [each for each in questions[start : start + batch_size] if each.task == task]
        for question, (text, finished) in zip(batch, ask(model, batch, told=told), strict=True):
            answers.append(judge(question, text, finished=finished))
        start += len(batch)
        if report is not None:
            report(len(batch))
    return answers


def judge(question: Question, text: str, *, finished: bool = True) -> JudgedAnswer:
    """Judge one answer; one that was cut off is neither complete nor fulfilled."""
    verdict: DescriptionVerdict | Verdict
    if question.task == DESCRIPTION:
        verdict = judge_description(question.scene, text)
        if not finished:
            verdict = replace(verdict, complete=False, fault=verdict.fault or "it was cut off")
    else:
        verdict = FULFILLED[question.task](question.scene, text)
        if not finished:
            verdict = replace(verdict, fulfilled=False, reason=verdict.reason or "it was cut off")
    return JudgedAnswer(question=question, text=text, finished=finished, verdict=verdict)


def _told_prompt(model: Any, question: Question) -> Prompt:
    segments = model_template(model).render(Conversation.ask(question.prompt, "the picture"))
    return Prompt(tuple(tell(question.scene) if part is IMAGE else part for part in segments))
