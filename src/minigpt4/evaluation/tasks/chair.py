"""CHAIR: how much of what an answer names is not in the picture.

    minigpt4 evaluate chair --data annotations --images val2014

Table 5's two prompts, one for a long answer and one for a short one. `GROUP.chair_i` is the share
of named objects that are not there, `GROUP.chair_s` the share of answers that name such an object,
`GROUP.words` the mean length, `GROUP.recall` the share of objects that are named.
`--prompt ""` shows the picture alone, as BLIP-2 captions it (group `long` or `short` all the same;
choose one with `--only`).

DIR holds COCO's `instances_val2014.json` and `captions_val2014.json`; 500 of their pictures are
taken by lot (the paper does not say how many it took). The objects are COCO's with the words of
Rohrbach et al. 2018; other categories than COCO's are found by their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minigpt4.errors import DataError
from minigpt4.evaluation.benchmark import (
    decoding,
    drawn,
    find_file,
    named,
    picture_source,
    texts_of,
)
from minigpt4.evaluation.drawn_formats import CATEGORIES
from minigpt4.evaluation.metrics.chair import (
    ChairWords,
    coco_words,
    score_captions,
    truth_of,
    words_of_objects,
)
from minigpt4.evaluation.metrics.files import listed, read_captions, read_instances
from minigpt4.evaluation.pictures_beside import chosen, coco_split
from minigpt4.evaluation.question import Question
from minigpt4.evaluation.score import bootstrap_score, mean_score, share_score
from minigpt4.evaluation.shares import by_group, counted
from minigpt4.evaluation.task import Judged, Scores, Task, TaskSettings, check_groups

PROMPTS = {
    "long": "Please describe this image as detailed as possible.",
    "short": "Please describe the image shortly and precisely, in less than 20 words.",
}
MAX_NEW_TOKENS = {"long": 300, "short": 100}
PICTURES = 500


def questions(settings: TaskSettings) -> list[Question]:
    """Ask for a long and a short answer about the same pictures."""
    truth, words, folder = (
        _drawn_truth(settings) if settings.data is None else _coco_truth(settings)
    )
    picture_of = picture_source(settings, folder, "val2014", "val2017")
    pictures = chosen(sorted(truth), settings.limit or PICTURES, seed=settings.seed)
    return [
        Question(
            key=f"{group}/{image_id}",
            group=group,
            picture=picture_of(image_id),
            prompt=PROMPTS[group] if settings.prompt is None else settings.prompt,
            decoding=decoding(settings, MAX_NEW_TOKENS[group]),
            truth={"id": image_id, "objects": truth[image_id], "words": words},
        )
        for group in check_groups(settings, PROMPTS)
        for image_id in pictures
    ]


def score(judged: Sequence[Judged]) -> Scores:
    """Return the four numbers for each prompt; the answers are drawn anew for the intervals."""
    scores: Scores = {}
    for group, answers in by_group(judged).items():
        truths = [each.answer.question.truth for each in answers]
        objects = {truth["id"]: truth["objects"] for truth in truths}
        items = score_captions(texts_of(answers), objects, truths[0]["words"]).items
        wrong = [len(item["hallucinated"]) for item in items]
        said = [len(item["named"]) for item in items]
        found = counted(
            {
                "chair_i": bootstrap_score(wrong, said),
                "chair_s": share_score(sum(item["CHAIRs"] for item in items), len(items)),
                "recall": bootstrap_score(
                    [len(item["recalled"]) for item in items],
                    [len(item["truth"]) for item in items],
                ),
                "words": mean_score([item["length"] for item in items]),
            }
        )
        scores |= named(group, found)
    return scores


def _drawn_truth(settings: TaskSettings) -> tuple[dict[Any, set[str]], ChairWords, str]:
    content = drawn(settings)
    words = words_of_objects(CATEGORIES)
    instances = content["instances.json"]
    names = {row["id"]: row["name"] for row in instances["categories"]}
    found: dict[Any, set[str]] = {image["id"]: set() for image in instances["images"]}
    for note in instances["annotations"]:
        found[note["image_id"]].add(names[note["category_id"]])
    # A picture without an object of the table, such as a sketched page, has nothing to make up.
    return truth_of({key: kinds for key, kinds in found.items() if kinds}, {}, words), words, ""


def _coco_truth(settings: TaskSettings) -> tuple[dict[Any, set[str]], ChairWords, str]:
    assert settings.data is not None
    file = find_file(settings.data, "instances_val2014.json", "instances*.json")
    file = file.with_name(file.name.replace("captions", "instances"))
    captions = file.with_name(file.name.replace("instances", "captions"))
    for path in (file, captions):
        if not path.is_file():
            raise DataError(f"no {path}; CHAIR needs COCO's instances and captions of one split")
    names = [str(row["name"]) for row in listed(file, "categories", needed=("name",))]
    known = set(coco_words().object_of.values())
    words = coco_words() if set(names) <= known else words_of_objects(names)
    truth = truth_of(read_instances(file), read_captions(captions), words)
    return truth, words, coco_split(Path(file))


TASK = Task(
    about="named objects that are not there: CHAIR_i, CHAIR_s, words",
    paper="Table 5",
    questions=questions,
    score=score,
)
