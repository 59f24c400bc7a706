"""Captions against people's: BLEU, ROUGE-L and CIDEr, as COCO's caption evaluation counts them.

    minigpt4 evaluate captions --data captions_val2014.json --images val2014

5,000 pictures by lot, each with all its captions; `--data` of a published split's own captions file
gives that split's number. Asked is for a short answer, in Table 5's words; `--prompt ""` shows the
picture alone, as a captioning model knows it. The measures are computed here, offline, and equal
the reference's (`metrics/captions.py`). METEOR and SPICE need Java and are not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigpt4.evaluation.benchmark import decoding, drawn, find_file, picture_source, texts_of
from minigpt4.evaluation.metrics.captions import score_captions
from minigpt4.evaluation.metrics.files import read_captions
from minigpt4.evaluation.pictures_beside import chosen, coco_split
from minigpt4.evaluation.question import Question
from minigpt4.evaluation.score import mean_score
from minigpt4.evaluation.shares import counted
from minigpt4.evaluation.task import Judged, Scores, Task, TaskSettings

PROMPT = "Please describe the image shortly and precisely, in less than 20 words."
PICTURES = 5_000
MAX_NEW_TOKENS = 100


def questions(settings: TaskSettings) -> list[Question]:
    """Ask for a caption of each picture."""
    folder = "val2014"
    if settings.data is None:
        captions: dict[Any, list[str]] = {}
        for note in drawn(settings)["captions.json"]["annotations"]:
            captions.setdefault(note["image_id"], []).append(note["caption"])
    else:
        file = find_file(settings.data, "captions_val2014.json", "captions*.json")
        captions, folder = read_captions(file), coco_split(file)
    picture_of = picture_source(settings, folder, "val2014", "val2017")
    return [
        Question(
            key=str(image_id),
            picture=picture_of(image_id),
            prompt=PROMPT if settings.prompt is None else settings.prompt,
            decoding=decoding(settings, MAX_NEW_TOKENS),
            truth={"id": image_id, "captions": captions[image_id]},
        )
        for image_id in chosen(sorted(captions), settings.limit or PICTURES, seed=settings.seed)
    ]


def score(judged: Sequence[Judged]) -> Scores:
    """Return BLEU-1 to 4, ROUGE-L and CIDEr, and the mean length."""
    references = {
        each.answer.question.truth["id"]: each.answer.question.truth["captions"] for each in judged
    }
    texts = texts_of(judged)
    words = mean_score([len(text.split()) for text in texts.values()])
    return {**score_captions(texts, references).scores, **counted({"words": words})}


TASK = Task(
    about="captions: BLEU, ROUGE-L, CIDEr",
    paper="",
    questions=questions,
    score=score,
)
