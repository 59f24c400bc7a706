"""What the tasks on benchmark files share: finding the files, their pictures, and cutting to size.

Without `--data` a task takes its drawn counterpart, which is made in memory in the same form
(`drawn_files`); a folder written by `write_drawn` is data like the official files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from minigpt4.data.pictures import coco_stems
from minigpt4.errors import DataError
from minigpt4.evaluation.drawn_files import PICTURES, drawn_content
from minigpt4.evaluation.metrics.result import MetricResult
from minigpt4.evaluation.pictures_beside import PictureBeside
from minigpt4.evaluation.question import DrawnPicture, Picture, Question
from minigpt4.evaluation.score import Score
from minigpt4.evaluation.task import Judged, Scores, TaskSettings
from minigpt4.generation.settings import GenerationSettings
from minigpt4.world.sample import Split

DRAWN_PICTURES = 300
"""Pictures of a drawn benchmark."""
PictureOf = Callable[[Any], Picture]
"""Returns a picture by its id in the benchmark."""


@lru_cache(maxsize=4)
def _drawn(split: Split, seed: int) -> dict[str, Any]:
    return drawn_content(split=split, seed=seed, count=DRAWN_PICTURES)


def drawn(settings: TaskSettings) -> dict[str, Any]:
    """Return the contents of the drawn benchmark files by name."""
    return _drawn(settings.split, settings.seed)


def find_file(data: Path, *patterns: str) -> Path:
    """Return the benchmark's file: the one that is named, or the one in the folder that is named.

    Raises:
        DataError: if there is none.
    """
    if data.is_file():
        return data
    for place in (data, data / "annotations"):
        for pattern in patterns:
            if found := sorted(place.glob(pattern)):
                return found[0]
    raise DataError(f"no {' or '.join(patterns)} in {data}; give --data the file or its folder")


def picture_source(settings: TaskSettings, *folders: str) -> PictureOf:
    """Return how a picture is found by its id: drawn, or a file named by COCO's number or the id.

    Args:
        folders: names that the benchmark gives the folder of its pictures.
    """
    data = settings.data
    if data is None:
        return lambda image_id: DrawnPicture(settings.split, settings.seed, int(image_id))
    places = (*filter(None, folders), PICTURES)

    def find(image_id: Any) -> Picture:
        numbered = coco_stems(image_id) if str(image_id).isdecimal() else []
        stems = tuple(dict.fromkeys([*numbered, str(image_id)]))
        return PictureBeside(data, settings.images, places, stems)

    return find


def prompted(settings: TaskSettings, prompt: str, question: str) -> str:
    """Put a question into a prompt, the task's or the one that was given instead."""
    prompt = prompt if settings.prompt is None else settings.prompt
    return prompt.replace("{}", question)


def decoding(settings: TaskSettings, max_new_tokens: int) -> GenerationSettings:
    """Return the decoding with the task's longest answer, unless another was given."""
    return replace(settings.decoding, max_new_tokens=settings.max_new_tokens or max_new_tokens)


def limited(questions: Iterable[Question], limit: int | None) -> list[Question]:
    """Return the first questions of each group, so many of each."""
    counts: dict[str, int] = {}
    kept = []
    for question in questions:
        counts[question.group] = counts.get(question.group, 0) + 1
        if limit is None or counts[question.group] <= limit:
            kept.append(question)
    return kept


def named(group: str, scores: Scores) -> Scores:
    """Return scores under the names `GROUP.SCORE`."""
    return {f"{group}.{name}": score for name, score in scores.items()}


def texts_of(judged: Sequence[Judged]) -> dict[Any, str]:
    """Return the answers by the benchmark's own ids."""
    return {each.answer.question.truth["id"]: each.answer.text for each in judged}


def truths_of(judged: Sequence[Judged]) -> dict[Any, dict[str, Any]]:
    """Return the benchmark's records by their ids."""
    return {
        each.answer.question.truth["id"]: each.answer.question.truth["record"] for each in judged
    }


def with_unparsable(result: MetricResult, share: float) -> dict[str, Score]:
    """Return a metric's scores, each with the share of answers that could not be read."""
    return {name: replace(score, unparsable=share) for name, score in result.scores.items()}
