"""What a task is: its questions, who may judge the answers, and its scores.

A task is one file in `evaluation/tasks/` that ends in `TASK = Task(...)`; its name is the file's.
"""

from __future__ import annotations

import difflib
import pkgutil
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from minigpt4.config import config
from minigpt4.errors import SettingsError
from minigpt4.evaluation import tasks
from minigpt4.evaluation.question import Answer, DrawnPicture, Question
from minigpt4.evaluation.score import Score
from minigpt4.generation.settings import GREEDY, GenerationSettings
from minigpt4.world.sample import Split
from minigpt4.world.scene import Scene

Scores = dict[str, Score]
JudgeName = Literal["truth", "detector", "llm", "person"]


@config
class TaskSettings:
    """What is asked: the task's own questions, or an edit of them."""

    data: Path | None = None
    """The benchmark's own files, as the task describes them; None: their drawn counterpart."""
    images: Path | None = None
    """The folder of the benchmark's pictures, where it is not beside the data."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Questions of each group at most; None: as many as the paper or the benchmark has."""
    only: tuple[str, ...] = ()
    """The groups that are asked, e.g. `meme`; empty: all."""
    split: Split = "test"
    """The part of the drawn world."""
    seed: Annotated[int, Field(ge=0)] = 0
    """The stream of drawn pictures, and the chance where a task draws lots."""
    prompt: str | None = None
    """Asked instead of the task's own prompts, `{}` being the benchmark's question. "": nothing,
    the picture stands alone as before a caption of stage 1."""
    max_new_tokens: Annotated[int, Field(ge=1)] | None = None
    """The longest answer; None: the task's own."""
    decoding: GenerationSettings = GREEDY
    """How answers are decoded, but for their length."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What one judge says about one answer."""

    passed: bool | None
    """None: the judge's verdict could not be read, or there is none."""
    refused: bool = False
    """There is no verdict; the answer is left out of this judge's scores."""
    reason: str = ""
    parts: dict[str, bool] = field(default_factory=dict)
    """What the verdict is made of, where the judge tells it: fulfilled, true ..."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """An answer with its judgement; a task with a metric of its own has none."""

    answer: Answer
    judgement: Judgement | None = None

    @property
    def group(self) -> str:
        return self.answer.question.group


def prompt_of(answer: Answer) -> str:
    """Return what the model was asked; a picture that stood alone was asked for a caption."""
    return answer.question.prompt or "What is in this picture?"


@dataclass(frozen=True, kw_only=True)
class LLMPrompt:
    """What an LLM that judges is asked; it says yes or no."""

    text: str
    """With the names of fields in braces, e.g. `{answer}`."""
    fields: Callable[[Answer], dict[str, str]]
    passes_on: Literal["yes", "no"] = "yes"

    def about(self, answer: Answer) -> str:
        """Return the prompt about one answer, whose own braces mean nothing."""
        fields = self.fields(answer)
        names = "|".join(map(re.escape, fields))
        return re.sub(rf"{{({names})}}", lambda found: fields[found[1]], self.text)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A benchmark: what is asked, who may judge, what is counted."""

    about: str
    """What is counted, in a few words."""
    paper: str
    """The table, figure or section it is of; "" for none."""
    questions: Callable[[TaskSettings], list[Question]]
    score: Callable[[Sequence[Judged]], Scores]
    """Count; judgements are there if the task has judges."""
    truth: Callable[[Answer], Judgement] | None = None
    """Judge by what is known of a drawn picture."""
    detector: Callable[[Answer], Judgement] | None = None
    """Judge by the wording alone, of any picture."""
    llm: LLMPrompt | None = None
    """What an LLM is asked about an answer."""
    person_asks: str = ""
    """What a person is asked about an answer; "" where no person judges."""
    person_sees: Callable[[Answer], str] = prompt_of
    """What stands above the answer on the person's page."""
    defaults: tuple[JudgeName, ...] = ()
    """Who judges if nothing else is said; empty: the first who can."""

    @property
    def judges(self) -> tuple[JudgeName, ...]:
        """Who may judge, the default first; empty where a metric counts."""
        able: dict[JudgeName, Any] = {
            "truth": self.truth, "detector": self.detector,
            "llm": self.llm, "person": self.person_asks,
        }  # fmt: skip
        return tuple(name for name, means in able.items() if means)

    def default_judges(self, *, drawn: bool) -> tuple[JudgeName, ...]:
        """Return who judges if nothing else is said; the truth is known of drawn pictures only."""
        able = [name for name in self.defaults or self.judges if drawn or name != "truth"]
        # A person or an LLM must be asked for by name.
        free: list[JudgeName] = [name for name in able if name in ("truth", "detector")]
        return tuple(free if self.defaults else free[:1])


def task_names() -> list[str]:
    """Return the names of all tasks."""
    return sorted(found.name for found in pkgutil.iter_modules(tasks.__path__))


def find_task(name: str) -> Task:
    """Return the task of that name.

    Raises:
        SettingsError: for an unknown name; the nearest one is named.
    """
    known = task_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise SettingsError(f"unknown task {name!r}; {hint}known: {', '.join(known)}")
    return import_module(f"{tasks.__name__}.{name}").TASK


def check_groups(settings: TaskSettings, known: Iterable[str]) -> tuple[str, ...]:
    """Return the groups that are asked.

    Raises:
        SettingsError: for a group that the task does not have.
    """
    known = tuple(known)
    for group in settings.only:
        if group not in known:
            raise SettingsError(f"no group {group!r} in this task; it has {', '.join(known)}")
    return tuple(group for group in known if not settings.only or group in settings.only)


def scene_of(answer: Answer) -> Scene:
    """Return the scene that a drawn picture shows.

    Raises:
        SettingsError: for another picture.
    """
    picture = answer.question.picture
    if not isinstance(picture, DrawnPicture):
        raise SettingsError(
            "the truth is known of drawn pictures only; for others take another judge"
        )
    return picture.scene
