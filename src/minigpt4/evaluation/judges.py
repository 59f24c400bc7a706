"""Who judges an answer: the drawn world's truth, a detector, an LLM or a person.

Each judge gives a `Judgement` for each answer, and has a hash that says which judge it was and how
it judges: two scores with the same hash were judged alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from minigpt4.errors import SettingsError
from minigpt4.evaluation.agreement import PairAgreement
from minigpt4.evaluation.answering import Report
from minigpt4.evaluation.identity import hash_code, hash_json
from minigpt4.evaluation.question import Answer
from minigpt4.evaluation.task import Judgement, Task


class Judge(Protocol):
    """Anyone who can judge the answers of a task."""

    @property
    def name(self) -> str: ...

    @property
    def hash(self) -> str:
        """Of who judges and how."""
        ...

    def judge(
        self, answers: Sequence[Answer], *, report: Report | None = None
    ) -> list[Judgement | None]:
        """Return a judgement for each answer; None where it is still to come."""
        ...

    def own_agreement(self) -> PairAgreement | None:
        """Say how far several minds within this judge agree, if it has several."""
        ...


@dataclass(frozen=True)
class RuleJudge:
    """A judge that is a function: the truth of a drawn picture, or a detector."""

    name: str
    task_name: str
    rule: Callable[[Answer], Judgement]

    @property
    def hash(self) -> str:
        return hash_json([self.name, self.task_name, hash_code(self.rule.__module__)])[:16]

    def judge(
        self, answers: Sequence[Answer], *, report: Report | None = None
    ) -> list[Judgement | None]:
        return [self.rule(answer) for answer in answers]

    def own_agreement(self) -> PairAgreement | None:
        return None


def rule_judge(task: Task, task_name: str, name: str) -> RuleJudge:
    """Return the task's own rule as a judge.

    Raises:
        SettingsError: if the task has no such rule.
    """
    rule = {"truth": task.truth, "detector": task.detector}.get(name)
    if rule is None:
        raise SettingsError(
            f"no judge {name!r} for {task_name}; it takes {' or '.join(task.judges) or 'none'}"
        )
    return RuleJudge(name, task_name, rule)


def parse_yes_no(text: str) -> bool | None:
    """Read the first word of a reply as yes or no; None if it is neither."""
    words = "".join(letter if letter.isalpha() else " " for letter in text.lower()).split()
    return {"yes": True, "no": False}.get(words[0]) if words else None
