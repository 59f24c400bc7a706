"""Drawn counterparts of the benchmarks, in the benchmarks' own file formats.

    DIR/pictures/000000000007.png     the pictures, named as COCO of 2017 names them
    DIR/captions.json                 COCO captions, five a picture
    DIR/instances.json                COCO instances; the categories are the world's kinds and foods
    DIR/gqa_questions.json            GQA, with types and balance
    DIR/aokvqa.json                   A-OKVQA: four choices and ten free answers
    DIR/vqav2_questions.json          VQAv2, with vqav2_annotations.json
    DIR/okvqa_questions.json          OK-VQA, with okvqa_annotations.json
    DIR/pope_random.jsonl             POPE, with pope_popular.jsonl and pope_adversarial.jsonl
    DIR/spatial.json                  left, right, on, under
    DIR/scenes.json                   which scenes these are

A picture's id is its place in the world's stream, so that the same split, seed and count always
write the same files, and a picture can be drawn again from its id. Any tool that reads the official
files reads these. `write_drawn` is what `minigpt4 evaluate --write-drawn DIR` calls.

Paper: Tables 4 to 6, Figure 6 (their drawn counterparts).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minigpt4.evaluation.drawn_formats import (
    aokvqa_rows,
    coco_captions,
    coco_instances,
    gqa_questions,
    spatial_rows,
    vqa_files,
)
from minigpt4.evaluation.drawn_pope import SAMPLINGS, pope_questions
from minigpt4.world.draw.picture import draw
from minigpt4.world.export import new_folder
from minigpt4.world.language.knowledge_questions import knowledge_questions
from minigpt4.world.language.short_questions import short_questions
from minigpt4.world.sample import Split, sample_scene
from minigpt4.world.scene import Scene

PICTURES = "pictures"
Report = Callable[[int, int], None]


def write_drawn(
    out: str | Path,
    *,
    split: Split = "test",
    seed: int = 0,
    count: int = 100,
    report: Report | None = None,
) -> None:
    """Write pictures and all benchmark files into a new or empty folder.

    Args:
        report: called with (drawn, count), for a progress bar.

    Raises:
        SettingsError: for an unknown split, or if there is something in the folder already.
    """
    with new_folder(out) as draft:
        pictures = draft / PICTURES
        pictures.mkdir()
        for index in range(count):
            draw(sample_scene(split, seed, index)).save(pictures / picture_name(index))
            if report is not None:
                report(index + 1, count)
        for name, content in drawn_content(split=split, seed=seed, count=count).items():
            if name.endswith(".jsonl"):
                text = "".join(json.dumps(row) + "\n" for row in content)
            else:
                text = json.dumps(content, indent=1) + "\n"
            (draft / name).write_text(text, encoding="utf-8")


def drawn_content(*, split: Split = "test", seed: int = 0, count: int = 100) -> dict[str, Any]:
    """Return what the files hold, by their names; nothing is drawn.

    Raises:
        SettingsError: for an unknown split.
    """
    scenes = {index: sample_scene(split, seed, index) for index in range(count)}
    content: dict[str, Any] = {
        "captions.json": coco_captions(scenes),
        "instances.json": coco_instances(scenes),
        "gqa_questions.json": gqa_questions(scenes),
        "aokvqa.json": aokvqa_rows(scenes, split),
        "spatial.json": spatial_rows(scenes),
        "scenes.json": {"split": split, "seed": seed, "count": count},
    }
    for name, maker in (("vqav2", short_questions), ("okvqa", knowledge_questions)):
        questions, annotations = vqa_files(scenes, maker, name=name)
        content[f"{name}_questions.json"] = questions
        content[f"{name}_annotations.json"] = annotations
    kinds_of = {picture_name(key): kinds_in(scene) for key, scene in scenes.items()}
    for sampling in SAMPLINGS:
        rng = random.Random(f"pope {sampling} {split} {seed}")
        content[f"pope_{sampling}.jsonl"] = pope_questions(kinds_of, sampling, rng)
    return content


def picture_name(index: int) -> str:
    """Return the file name of a picture."""
    return f"{index:012d}.png"


def kinds_in(scene: Scene) -> list[str]:
    """Return the kinds of a scene's objects, each once."""
    return list(dict.fromkeys(item.kind for item in scene.objects))
