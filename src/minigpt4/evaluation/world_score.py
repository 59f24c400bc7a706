"""Score a model on unseen scenes of the drawn world, by the world's own truth.

    minigpt4 world score MODEL --split test --seed S --count N

Detailed descriptions (which objects are named, which are made up, is the text whole), composed
answers (was the request fulfilled, is all of it true), and the alignment gap. All greedy, so the
same command gives the same numbers.

Paper: Table 1 (abilities), Table 3 (failed generations), Table 5 (CHAIR_i).
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Annotated, Any

from pydantic import Field

from minigpt4 import __version__
from minigpt4.config import build_config, config, dump_config
from minigpt4.data.drawn import drawing_hash
from minigpt4.evaluation.abilities import Verdict
from minigpt4.evaluation.alignment import MAX_PICTURES, alignment_gap
from minigpt4.evaluation.score import Score, mean_score, share_score
from minigpt4.evaluation.truth import DescriptionVerdict
from minigpt4.evaluation.world_answers import JudgedAnswer, ask_all
from minigpt4.evaluation.world_questions import (
    ABILITY_KINDS,
    DESCRIPTION,
    PAPER_ABILITIES,
    ability_questions,
    description_questions,
)
from minigpt4.model.fingerprint import fingerprint
from minigpt4.world.sample import Split
from minigpt4.world.scene import SCENE_KINDS

Scores = dict[str, Score]


@config
class ScoreSettings:
    """What is scored, and how."""

    split: Split = "test"
    """The part of the world; the splits share no scene."""
    seed: Annotated[int, Field(ge=0)] = 0
    """The stream of scenes."""
    count: Annotated[int, Field(ge=1)] = 200
    """Pictures to describe."""
    pictures_per_ability: Annotated[int, Field(ge=0)] = 25
    """Pictures for each composed ability; 0 leaves the abilities out."""
    batch_size: Annotated[int, Field(ge=1)] = 32
    """Pictures answered at the same time."""
    told: bool = False
    """Tell the LLM the scene in words instead of showing the picture: the best it could do."""


@dataclass(frozen=True, kw_only=True)
class WorldScore:
    """All scores of one model, and everything that is needed to believe them."""

    settings: ScoreSettings
    descriptions: Scores
    by_kind: dict[str, Scores]
    """The scores of the descriptions, for each kind of scene."""
    alignment: Scores
    abilities: dict[str, Scores]
    """For each ability what passed, which part was fulfilled and which part true."""
    composed: Score | None
    """Fulfilled and true among the paper's four abilities."""
    model: dict[str, Any]
    versions: dict[str, str]
    answers: tuple[JudgedAnswer, ...]

    def as_json(self, *, with_answers: bool = True) -> dict[str, Any]:
        """Return everything as plain values; the answers are the long part."""
        values: dict[str, Any] = {
            "settings": dump_config(self.settings),
            "model": self.model,
            "versions": self.versions,
            "descriptions": _plain(self.descriptions),
            "alignment": _plain(self.alignment),
            "composed": None if self.composed is None else asdict(self.composed),
            "abilities": {name: _plain(scores) for name, scores in self.abilities.items()},
            "by_kind": {kind: _plain(scores) for kind, scores in self.by_kind.items()},
        }
        if with_answers:
            values["answers"] = [answer.as_json() for answer in self.answers]
        return values


def score_world(
    model: Any, *, report: Callable[[int, int], None] | None = None, **settings: Any
) -> WorldScore:
    """Score a model that has its processor attached, as `load` returns it.

    Args:
        report: called with (done, all) pictures, for a progress bar.
        settings: fields of `ScoreSettings`: split, seed, count, batch_size ...
    """
    chosen = build_config(ScoreSettings, settings)
    stream: dict[str, Any] = {"split": chosen.split, "seed": chosen.seed}
    num_captioned = min(chosen.count, MAX_PICTURES)
    questions = [
        *description_questions(**stream, count=chosen.count),
        *ability_questions(**stream, pictures_per_ability=chosen.pictures_per_ability),
    ]
    advance = _counter(len(questions) + num_captioned, report)
    answers = ask_all(
        model, questions, batch_size=chosen.batch_size, told=chosen.told, report=advance
    )
    alignment = alignment_gap(
        model, **stream, count=num_captioned, batch_size=chosen.batch_size, report=advance
    )
    return WorldScore(
        settings=chosen,
        descriptions=score_descriptions(answers),
        by_kind=score_by_kind(answers),
        alignment={
            "alignment_gap": alignment.gap,
            "loss_shown": alignment.loss_shown,
            "loss_told": alignment.loss_told,
        },
        abilities=score_abilities(answers),
        composed=score_composed(answers),
        model=identify(model),
        versions=versions(),
        answers=tuple(answers),
    )


def score_descriptions(answers: Sequence[JudgedAnswer]) -> Scores:
    """Count what the descriptions say rightly and wrongly.

    What nothing was counted for is left out. Shares of objects are over objects, not pictures;
    `objects_hallucinated` is CHAIR_i.
    """
    judged = [(each, each.verdict) for each in answers if each.question.task == DESCRIPTION]
    texts = [each.text for each, _ in judged]
    verdicts = [verdict for _, verdict in judged if isinstance(verdict, DescriptionVerdict)]
    num_expected = sum(len(each.expected) for each in verdicts)
    num_named = sum(len(each.named) for each in verdicts)
    settings = [
        (each.place_right, each.time_right, each.weather_right)
        for each in verdicts
        if each.place_right is not None
    ]
    scores = {
        "objects_recalled": share_score(sum(len(each.recalled) for each in verdicts), num_expected),
        "objects_hallucinated": share_score(
            sum(len(each.hallucinated) for each in verdicts), num_named
        ),
        "objects_miscolored": share_score(
            sum(len(each.miscolored) for each in verdicts), num_named
        ),
        "answers_complete": _share([each.complete for each in verdicts]),
        "setting_right": _share([all(rights) for rights in settings]),
        "place_right": _share([rights[0] for rights in settings]),
        "time_right": _share([rights[1] for rights in settings]),
        "weather_right": _share([rights[2] for rights in settings]),
        "extra_right": _share([each.extra_right for each in verdicts]),
        "relations_false": _share([bool(each.false_relations) for each in verdicts]),
        "words": mean_score([len(text.split()) for text in texts]),
    }
    return _counted(scores)


def score_by_kind(answers: Sequence[JudgedAnswer]) -> dict[str, Scores]:
    """Score the descriptions of each kind of scene."""
    by_kind = {
        kind: score_descriptions([each for each in answers if each.question.scene.kind == kind])
        for kind in SCENE_KINDS
    }
    return {kind: scores for kind, scores in by_kind.items() if scores}


def score_abilities(answers: Sequence[JudgedAnswer]) -> dict[str, Scores]:
    """Count for each ability what was fulfilled, what was true, and what was both."""
    scores: dict[str, Scores] = {}
    for ability in ABILITY_KINDS:
        verdicts = _verdicts(answers, ability)
        if verdicts:
            shares = {
                "passed": _share([each.passed for each in verdicts]),
                "fulfilled": _share([each.fulfilled for each in verdicts]),
                "true": _share([each.true for each in verdicts]),
            }
            scores[ability] = _counted(shares)
    return scores


def score_composed(answers: Sequence[JudgedAnswer]) -> Score | None:
    """Return the share fulfilled and true of the paper's four abilities together."""
    return _share([each.passed for name in PAPER_ABILITIES for each in _verdicts(answers, name)])


def identify(model: Any) -> dict[str, Any]:
    """Name a model by what it is: the fingerprints of its parts, and its template."""
    parts = {**model.frozen_parts, "projection": model.projection}
    return {
        "fingerprints": {name: fingerprint(part) for name, part in parts.items()},
        "template": model.config.template,
        "num_image_tokens": model.config.num_image_tokens,
        "dtype": str(next(model.llm.parameters()).dtype).removeprefix("torch."),
        "device": str(model.device),
    }


def versions() -> dict[str, str]:
    """Return the versions of what a score depends on, the drawing of the pictures included."""
    packages = {name: version(name) for name in ("torch", "transformers", "tokenizers", "pillow")}
    return {
        "minigpt4": __version__,
        "python": platform.python_version(),
        **packages,
        "drawing": drawing_hash(),
    }


def _verdicts(answers: Sequence[JudgedAnswer], ability: str) -> list[Verdict]:
    return [
        each.verdict
        for each in answers
        if each.question.task == ability and isinstance(each.verdict, Verdict)
    ]


def _share(rights: Sequence[bool | None]) -> Score | None:
    """Return the share that is true of those that apply."""
    applied = [right for right in rights if right is not None]
    return share_score(sum(applied), len(applied))


def _counted(scores: dict[str, Score | None]) -> Scores:
    return {name: score for name, score in scores.items() if score is not None}


def _plain(scores: Scores) -> dict[str, Any]:
    return {name: asdict(score) for name, score in scores.items()}


def _counter(total: int, report: Callable[[int, int], None] | None) -> Callable[[int], None]:
    """Turn steps into (done, all)."""
    done = 0

    def advance(steps: int) -> None:
        nonlocal done
        done += steps
        if report is not None:
            report(done, total)

    return advance
