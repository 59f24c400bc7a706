"""Caption coverage: does the answer name all that a caption of the same picture names?

    minigpt4 evaluate caption_coverage --model miniature
    minigpt4 evaluate caption_coverage --data captions_val2014.json --images val2014 --judge llm ...

Table 2: 5,000 pictures of COCO, one of each one's captions by lot, and an LLM that is asked in the
paper's words. The prompt that the pictures were described with is not printed; ours is the first
of stage 2. `--prompt ""` shows the picture alone, as a captioning model such as BLIP-2 knows it.

Drawn counterpart: scenes with a clean caption of the world. Their truth judge reads the caption:
every thing it names must be named, not in another colour, and what it says is on or under something
must be said to be so.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from minigpt4.evaluation.benchmark import decoding, find_file, picture_source
from minigpt4.evaluation.metrics.files import read_captions
from minigpt4.evaluation.pictures_beside import chosen, coco_split
from minigpt4.evaluation.question import Answer, DrawnPicture, Picture, Question
from minigpt4.evaluation.shares import counted, share_of_passed
from minigpt4.evaluation.task import Judged, Judgement, LLMPrompt, Scores, Task, TaskSettings
from minigpt4.evaluation.truth import objects_named
from minigpt4.evaluation.wording import sentences_of, words_of
from minigpt4.world.language.captions import caption
from minigpt4.world.vocabulary import KINDS

PROMPT = "Describe this image in detail."
PICTURES = 5_000
DRAWN_PICTURES = 500
MAX_NEW_TOKENS = 300
LLM_PROMPT = (
    "There is one image caption1 '{caption}', and there is another image caption2 '{answer}'. Does "
    "image caption2 cover all the objects and visual relations shown in image caption1? Only "
    "answer yes or no without any explanation."
)
"""Word for word the paper's."""

_FIRST_INDEX = 400_000_000
_RELATIONS = {
    "on": ("on", "upon", "top"),
    "under": ("under", "below", "beneath", "underneath"),
}
_STACKED = re.compile(rf"({'|'.join(KINDS)}) (on|under) an? (?:[a-z]+ )*?({'|'.join(KINDS)})\b")


def questions(settings: TaskSettings) -> list[Question]:
    """Ask for a description of each picture; a caption of it goes to the judge."""
    pairs = _drawn_pairs(settings) if settings.data is None else _coco_pairs(settings)
    return [
        Question(
            key=key,
            picture=picture,
            prompt=PROMPT if settings.prompt is None else settings.prompt,
            decoding=decoding(settings, MAX_NEW_TOKENS),
            truth={"caption": text},
        )
        for key, picture, text in pairs
    ]


def covers(text: str, reference: str) -> str:
    """Say what of a caption of the drawn world a text lacks; "" if it covers all."""
    said: dict[str, set[str | None]] = {}
    for kind, color in objects_named(text):
        said.setdefault(kind, set()).add(color)
    for kind, color in objects_named(reference):
        if kind not in said:
            return f"no {kind}"
        if color is not None and not said[kind] & {color, None}:
            return f"the {kind} is not said to be {color}"
    for first, name, second in _STACKED.findall(reference.lower()):
        if not _is_said(text, first, name, second):
            return f"not that the {first} is {name} the {second}"
    return ""


def judge_by_truth(answer: Answer) -> Judgement:
    """Judge by the words of the drawn world."""
    lacking = covers(answer.text, answer.question.truth["caption"])
    return Judgement(passed=not lacking, reason=lacking)


def score(judged: Sequence[Judged]) -> Scores:
    """Return the share of pictures whose caption is covered."""
    return counted({"covered": share_of_passed(judged)})


def _is_said(text: str, first: str, name: str, second: str) -> bool:
    """Find both things and the relation in one sentence: "a cat on a table", "... is on it"."""
    for sentence in sentences_of(text):
        words = words_of(sentence)
        kinds = [kind for kind, _ in objects_named(sentence)]
        if first in kinds and second in kinds and not set(_RELATIONS[name]).isdisjoint(words):
            return True
    return False


def _drawn_pairs(settings: TaskSettings) -> list[tuple[str, Picture, str]]:
    pairs: list[tuple[str, Picture, str]] = []
    for number in range(settings.limit or DRAWN_PICTURES):
        picture = DrawnPicture(settings.split, settings.seed, _FIRST_INDEX + number, "scene")
        chance = random.Random(f"caption {settings.seed} {number}")
        pairs.append((str(number), picture, caption(picture.scene, chance)))
    return pairs


def _coco_pairs(settings: TaskSettings) -> list[tuple[str, Picture, str]]:
    assert settings.data is not None
    file = find_file(settings.data, "captions_val2014.json", "captions*.json")
    captions = read_captions(file)
    picture_of = picture_source(settings, coco_split(file), "val2014", "val2017")
    count = settings.limit or PICTURES
    return [
        (
            str(image_id),
            picture_of(image_id),
            random.Random(f"caption {settings.seed} {image_id}").choice(captions[image_id]),
        )
        for image_id in chosen(sorted(captions), count, seed=settings.seed)
    ]


def _told(answer: Answer) -> dict[str, str]:
    return {"caption": answer.question.truth["caption"].strip(), "answer": answer.text}


TASK = Task(
    about="does the answer cover a caption of the picture",
    paper="Table 2",
    questions=questions,
    score=score,
    truth=judge_by_truth,
    llm=LLMPrompt(text=LLM_PROMPT, fields=_told),
    person_asks="Does the answer cover all the objects and relations of the caption above?",
    person_sees=lambda answer: answer.question.truth["caption"],
)
