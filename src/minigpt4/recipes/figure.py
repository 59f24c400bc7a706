"""What a figure of the paper is: the same pictures, the answers of several models side by side.

The pictures are the first of a stream that nothing is scored on; none is picked by its answers. Of
drawn pictures the truth is known, so each answer carries what is true, missing or made up.

Paper: Figures 2-14.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from minigpt4.evaluation.abilities import FULFILLED
from minigpt4.evaluation.question import Answer, DrawnPicture, Picture, PictureFile, Question
from minigpt4.evaluation.truth import judge_description
from minigpt4.evaluation.world_questions import ABILITY_KINDS, DESCRIPTION, MAX_NEW_TOKENS
from minigpt4.generation.settings import GREEDY
from minigpt4.recipes.row_models import RowModel
from minigpt4.recipes.table import Scorer
from minigpt4.recipes.table_settings import FIRST_SEED
from minigpt4.world.scene import SceneKind

PICTURES_SEED = 7
"""The stream of the figures' pictures; scores are taken on others."""
PAPER_MAX_NEW_TOKENS = 300
"""Longest answer about a picture that is not drawn; the official chat's."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One request about some pictures."""

    title: str
    prompt: str
    ability: str = ""
    """What the drawn world calls it; "" where no truth judges the answer."""
    kind: SceneKind | None = None
    """Kind of the pictures; None: the one the ability is about."""
    num_pictures: int = 2


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure of the paper."""

    number: int
    title: str
    models: tuple[RowModel, ...]
    panels: tuple[Panel, ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One answer of one model."""

    model: RowModel
    text: str
    finished: bool
    verdict: str = ""
    """What the drawn world's truth says about it."""
    passed: bool | None = None


@dataclass(frozen=True, kw_only=True)
class PanelResult:
    """A request, the pictures, and what each model says about each."""

    panel: Panel
    pictures: tuple[Picture, ...]
    answers: tuple[tuple[Shown, ...], ...]
    """For each picture, those of the models in their order."""


@dataclass(frozen=True, kw_only=True)
class FigureResult:
    """A figure with answers; none, and the reason, if it was not run."""

    figure: Figure
    panels: tuple[PanelResult, ...] = ()
    missing: str = ""


def run_figure(figure: Figure, scorer: Scorer, *, pictures: Sequence[Path] = ()) -> FigureResult:
    """Ask all models of a figure; they are trained if they have to be.

    Args:
        pictures: files in the place of the drawn pictures, for every panel.
    """
    from minigpt4.evaluation.runner import answer_all

    asked = [_questions(figure, panel, pictures) for panel in figure.panels]
    everything = [question for questions in asked for question in questions]
    said: dict[str, list[Answer]] = {}
    began, watch = time.monotonic(), scorer.runs.watch
    for model in figure.models:
        loaded: Any = scorer.loaded(model, FIRST_SEED)
        watch.begin(figure_job(figure))
        said[model.name] = answer_all(loaded, everything, scorer.out, report=watch.advance)
    watch.end(figure_job(figure), time.monotonic() - began)
    results, start = [], 0
    for panel, questions in zip(figure.panels, asked, strict=True):
        rows = tuple(
            tuple(_shown(model, panel, said[model.name][start + place]) for model in figure.models)
            for place in range(len(questions))
        )
        seen = tuple(question.picture for question in questions)
        results.append(PanelResult(panel=panel, pictures=seen, answers=rows))
        start += len(questions)
    return FigureResult(figure=figure, panels=tuple(results))


def figure_job(figure: Figure) -> str:
    """Name a figure for those who watch."""
    return f"figure {figure.number}"


def _questions(figure: Figure, panel: Panel, files: Sequence[Path]) -> list[Question]:
    kind = panel.kind or ABILITY_KINDS.get(panel.ability)
    # Each figure has a stretch of its own, so that no picture is in two of them.
    first = figure.number * 1000
    pictures: list[Picture] = [PictureFile(path) for path in files] or [
        DrawnPicture("test", PICTURES_SEED, first + number, kind)
        for number in range(panel.num_pictures)
    ]
    length = MAX_NEW_TOKENS.get(panel.ability or DESCRIPTION, PAPER_MAX_NEW_TOKENS)
    if files:
        length = PAPER_MAX_NEW_TOKENS
    return [
        Question(
            key=f"figure{figure.number}/{panel.title}/{picture.name}",
            picture=picture,
            prompt=panel.prompt,
            decoding=replace(GREEDY, max_new_tokens=length),
        )
        for picture in pictures
    ]


def _shown(model: RowModel, panel: Panel, answer: Answer) -> Shown:
    shown = Shown(model=model, text=answer.text, finished=answer.finished)
    picture = answer.question.picture
    if not isinstance(picture, DrawnPicture) or not panel.ability:
        return shown
    if panel.ability == DESCRIPTION:
        passed, verdict = _described(picture, answer)
    else:
        judged = FULFILLED[panel.ability](picture.scene, answer.text)
        passed = judged.passed and answer.finished
        verdict = judged.reason or ("" if answer.finished else "it was cut off")
    return replace(shown, passed=passed, verdict=verdict or "fulfilled, and all of it is true")


def _described(picture: DrawnPicture, answer: Answer) -> tuple[bool, str]:
    """Say how much of the picture a description has, and what it makes up."""
    found = judge_description(picture.scene, answer.text)
    parts = [f"{len(found.recalled)} of {len(found.expected)} things right"]
    if found.hallucinated:
        parts.append(f"made up: {', '.join(map(_name, found.hallucinated))}")
    if found.miscolored:
        parts.append(f"wrong colour: {', '.join(map(_name, found.miscolored))}")
    if not (found.complete and answer.finished):
        parts.append(found.fault or "cut off")
    return len(parts) == 1 and len(found.recalled) == len(found.expected), "; ".join(parts)


def _name(thing: tuple[str, str | None]) -> str:
    kind, color = thing
    return f"{color} {kind}" if color else kind
