"""Example pictures: drawn on the fly, unseen in training, and described truly by the model.

A visitor's first click should meet the model at its best, so each kind of picture is drawn some
times over, the model describes them all, the world's own judge reads the descriptions, and a
picture that is described truly becomes the example. What the model does with any other picture
is one click away, too: `draw_new` does not choose.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigpt4.evaluation.abilities import Verdict
from minigpt4.evaluation.truth import DescriptionVerdict
from minigpt4.evaluation.world_answers import JudgedAnswer, ask, judge
from minigpt4.evaluation.world_questions import DESCRIPTION, Question
from minigpt4.serving.demo.abilities import DRAWN_WORLD
from minigpt4.serving.demo.talk import Picture
from minigpt4.world.draw.picture import draw
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import Scene, SceneKind

TILES: tuple[tuple[str, SceneKind], ...] = (
    ("A scene", "scene"),
    ("Another scene", "scene"),
    ("Something odd", "incongruous"),
    ("A dish", "dish"),
    ("A product", "product"),
    ("A sick plant", "plant"),
    ("A film poster", "poster"),
    ("A sketched page", "mockup"),
)
CANDIDATES = (8, 24, 64)
"""Pictures of each kind to choose from: more only while none is described truly."""
_TRIED_ABILITIES = 6
"""Truly described pictures of which the one whose ability works is preferred."""
_STREAM = 2_718
"""New pictures come from this stream of the test split, examples from those behind it."""
_DRAWN_RECIPES = "miniature"


@dataclass(frozen=True, eq=False)
class Example:
    """A tile that can be clicked."""

    label: str
    picture: Picture

    @property
    def kind(self) -> SceneKind:
        """The kind of its scene."""
        assert self.picture.scene is not None, "examples are drawn"
        return self.picture.scene.kind


def knows_drawn_world(directory: str | Path) -> bool:
    """Say whether a model was made by one of the miniature's recipes."""
    try:
        made = json.loads((Path(directory) / "experiment.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(made, dict) and str(made.get("recipe", "")).startswith(_DRAWN_RECIPES)


def choose_examples(
    model: Any,
    *,
    counts: Sequence[int] = CANDIDATES,
    report: Callable[[int, int], None] | None = None,
) -> list[Example]:
    """Draw candidates of each kind and keep the first best that the model describes truly.

    A kind of which the model describes none truly has no example.

    Args:
        report: called with (kinds done, all kinds).
    """
    chosen = []
    for place, (label, kind) in enumerate(TILES, start=1):
        best = _find_best(model, kind, counts, stream=_STREAM + place)
        if best is not None:
            chosen.append(Example(label, Picture(draw(best), best)))
        if report is not None:
            report(place, len(TILES))
    return chosen


def draw_new(rng: random.Random | None = None) -> Picture:
    """Draw a picture that nobody has seen, chosen by nothing but chance."""
    rng = rng or random.Random()
    scene = sample_scene("test", _STREAM, rng.randrange(1_000_000, 1_000_000_000))
    return Picture(draw(scene), scene)


def is_true(verdict: DescriptionVerdict) -> bool:
    """Say whether a description names all there is and says nothing that is not so."""
    said = (verdict.place_right, verdict.time_right, verdict.weather_right, verdict.extra_right)
    wrong = verdict.hallucinated or verdict.miscolored or verdict.false_relations
    return (
        verdict.complete
        and not wrong
        and False not in said
        and set(verdict.recalled) == set(verdict.expected)
    )


def _find_best(model: Any, kind: SceneKind, counts: Sequence[int], *, stream: int) -> Scene | None:
    """Return a scene described truly, best one whose ability works and where much is to see."""
    start = 0
    for count in counts:
        scenes = [sample_scene("test", stream, index, kind=kind) for index in range(start, count)]
        start = count
        true = [
            answer.question.scene
            for answer in _answers(model, DESCRIPTION, scenes)
            if isinstance(answer.verdict, DescriptionVerdict) and is_true(answer.verdict)
        ][:_TRIED_ABILITIES]
        if true:
            return _best(model, true)
    return None


def _best(model: Any, scenes: Sequence[Scene]) -> Scene:
    """Return the scene whose ability works and, among such, where most is to see."""
    task = next(ability.task for ability in DRAWN_WORLD[1:] if ability.kind == scenes[0].kind)
    worth = [
        (isinstance(answer.verdict, Verdict) and answer.verdict.passed, len(scene.objects))
        for scene, answer in zip(scenes, _answers(model, task, scenes), strict=True)
    ]
    return scenes[worth.index(max(worth))]


def _answers(model: Any, task: str, scenes: Sequence[Scene]) -> list[JudgedAnswer]:
    """Ask one thing about all scenes at once."""
    prompt = next(ability.prompt for ability in DRAWN_WORLD if ability.task == task)
    questions = [
        Question(task=task, index=index, scene=scene, prompt=prompt)
        for index, scene in enumerate(scenes)
    ]
    answers = zip(questions, ask(model, questions), strict=True)
    return [judge(question, text, finished=finished) for question, (text, finished) in answers]
