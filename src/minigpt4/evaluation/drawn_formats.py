"""Put drawn scenes and questions about them into the forms of COCO, GQA, A-OKVQA and VQA files.

The chance of each benchmark is seeded by the scene, so a picture's questions do not depend on which
other pictures are there.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minigpt4.world.draw.picture import PICTURE_PX, object_boxes
from minigpt4.world.language.captions import caption, full_caption
from minigpt4.world.language.knowledge_questions import choices, with_perception
from minigpt4.world.language.short_questions import ShortQuestion, short_questions
from minigpt4.world.language.words import sentence
from minigpt4.world.scene import Dish, Scene
from minigpt4.world.vocabulary import DISHES, FAMILY_OF, INGREDIENTS, KINDS, POSITIONS

Scenes = Mapping[int, Scene]
Maker = Callable[[Scene, random.Random], list[ShortQuestion]]

NUM_CAPTIONS = 5
NUM_PEOPLE = 10
QUESTIONS_PER_PICTURE = {"gqa": 3, "aokvqa": 1, "vqav2": 3, "okvqa": 1, "spatial": 2}
"""At most; a picture without objects allows fewer."""
CATEGORIES = (*KINDS, *DISHES, *INGREDIENTS)
"""COCO's category ids count from 1 in this order."""
_INFO = {"description": "drawn by minigpt4 from the truth of each scene", "version": "1.0"}
_LICENSE = {"id": 1, "name": "drawn pictures", "url": ""}


def coco_captions(scenes: Scenes) -> dict[str, Any]:
    """Return COCO captions: one sentence that names everything, and short ones."""
    notes = []
    for key, scene in scenes.items():
        rng = random.Random(f"captions {scene.seed}")
        texts = [full_caption(scene, rng)]
        texts += [caption(scene, rng) for _ in range(NUM_CAPTIONS - 1)]
        for number, text in enumerate(texts):
            note = {"image_id": key, "id": key * NUM_CAPTIONS + number, "caption": sentence(text)}
            notes.append(note)
    return _coco(scenes) | {"annotations": notes}


def coco_instances(scenes: Scenes) -> dict[str, Any]:
    """Return COCO instances: each object with its box, each food of a dish with the whole dish."""
    notes: list[dict[str, Any]] = []
    for key, scene in scenes.items():
        things = [
            (item.kind, box) for item, box in zip(scene.objects, object_boxes(scene), strict=True)
        ]
        if isinstance(scene.extra, Dish):
            whole = (0.0, 0.0, float(PICTURE_PX), float(PICTURE_PX))
            things = [(name, whole) for name in (scene.extra.name, *scene.extra.ingredients)]
        for name, (left, top, right, bottom) in things:
            box = [round(left, 1), round(top, 1), round(right - left, 1), round(bottom - top, 1)]
            notes.append(
                {
                    "id": len(notes) + 1,
                    "image_id": key,
                    "category_id": CATEGORIES.index(name) + 1,
                    "bbox": box,
                    "area": round(box[2] * box[3], 1),
                    "iscrowd": 0,
                    "segmentation": [],
                }
            )
    categories = [
        {"id": number, "name": name, "supercategory": FAMILY_OF.get(name, "food")}
        for number, name in enumerate(CATEGORIES, start=1)
    ]
    return _coco(scenes) | {"annotations": notes, "categories": categories}


def gqa_questions(scenes: Scenes) -> dict[str, dict[str, Any]]:
    """Return GQA's questions by id; a count is no question of GQA's."""
    found: dict[str, dict[str, Any]] = {}
    for key, made in _asked(scenes, short_questions, "gqa"):
        number = f"{len(found) + 1:08d}"
        detailed = f"{made.structure}{made.about.title().replace(' ', '')}"
        found[number] = {
            "imageId": f"{key:012d}",
            "question": made.text,
            "answer": made.answer,
            "fullAnswer": made.full,
            "isBalanced": made.balanced,
            "groups": {
                "global": made.about if made.structure == "query" else None,
                "local": f"{made.semantic}-{made.about}",
            },
            "types": {
                "structural": made.structure, "semantic": made.semantic, "detailed": detailed,
            },
            "semantic": [
                {"operation": "select", "dependencies": [], "argument": "scene"},
                {"operation": made.structure, "dependencies": [0], "argument": made.about},
            ],
            "semanticStr": f"select: scene->{made.structure}: {made.about} [0]",
            "entailed": [number],
            "equivalent": [number],
            "annotations": {"question": {}, "answer": {}, "fullAnswer": {}},
        }  # fmt: skip
    return found


def aokvqa_rows(scenes: Scenes, split: str) -> list[dict[str, Any]]:
    """Return A-OKVQA's rows: questions of knowledge where the picture allows one."""
    rows = []
    for key, scene in scenes.items():
        rng = random.Random(f"aokvqa {scene.seed}")
        for made in with_perception(scene, rng):
            offered = choices(made, rng, more=KINDS if made.answer in KINDS else ())
            if offered is None:
                continue
            rows.append(
                {
                    "split": split,
                    "image_id": key,
                    "question_id": f"drawn{key:09d}",
                    "question": made.text,
                    "choices": offered,
                    "correct_choice_idx": offered.index(made.answer),
                    "direct_answers": people(made, rng),
                    "difficult_direct_answer": False,
                    "rationales": [made.full],
                }
            )
            break
    return rows


def vqa_files(scenes: Scenes, maker: Maker, *, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a questions file and an annotations file of VQAv2's form."""
    questions: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    for number, (key, made) in enumerate(_asked(scenes, maker, name)):
        ids = {"image_id": key, "question_id": key * 1000 + number % 1000}
        rng = random.Random(f"people {name} {ids['question_id']} {made.text}")
        given = people(made, rng)
        answers = [
            {"answer": text, "answer_confidence": "yes", "answer_id": person}
            for person, text in enumerate(given, start=1)
        ]
        questions.append(ids | {"question": made.text})
        notes.append(
            ids
            | {
                "question_type": " ".join(made.text.rstrip("?").lower().split()[:2]),
                "answer_type": made.answer_type,
                "multiple_choice_answer": made.answer,
                "answers": answers,
            }
        )
    head = {"info": _INFO, "license": _LICENSE, "data_type": "drawn", "data_subtype": name}
    return (
        head | {"task_type": "Open-Ended", "questions": questions},
        head | {"annotations": notes},
    )


def spatial_rows(scenes: Scenes) -> list[dict[str, Any]]:
    """Return questions with two possible answers: left or right, on or under. Paper: Figure 6."""
    rows: list[dict[str, Any]] = []
    for key, scene in scenes.items():
        rng = random.Random(f"spatial {scene.seed}")
        items = scene.objects
        pairs = [
            (items[r.subject].kind, r.name, items[r.object].kind, ("on", "under"))
            for r in scene.relations
            if r.name in ("on", "under")
        ]
        places = [POSITIONS.index(item.position) for item in items]
        sides = [
            (items[a].kind, "left" if places[a] < places[b] else "right", items[b].kind)
            for a in range(len(items))
            for b in range(len(items))
            if places[a] != places[b]
        ]
        rng.shuffle(sides)
        asked = [*pairs, *((*side, ("left", "right")) for side in sides)]
        for subject, name, other, options in asked[: QUESTIONS_PER_PICTURE["spatial"]]:
            first, second = options if rng.random() < 0.5 else options[::-1]
            words = [f"{word} of" if "left" in options else word for word in (first, second)]
            rows.append(
                {
                    "question_id": len(rows) + 1,
                    "image_id": key,
                    "image": f"{key:012d}.png",
                    "question": f"Is the {subject} {words[0]} or {words[1]} the {other}?",
                    "answer": name,
                    "choices": list(options),
                    "subject": subject,
                    "object": other,
                }
            )
    return rows


def people(question: ShortQuestion, rng: random.Random) -> list[str]:
    """Return what ten people would say: mostly the short answer, now and then another wording."""
    others = [*question.also, question.answer]
    given = [
        question.answer if rng.random() < 0.75 else rng.choice(others)
        for _ in range(NUM_PEOPLE - 4)
    ]
    # Four say the short answer in any case, so that it always counts in full.
    given += [question.answer] * 4
    rng.shuffle(given)
    return given


def _asked(scenes: Scenes, maker: Maker, name: str) -> list[tuple[int, ShortQuestion]]:
    """Return the first few questions of each picture."""
    found = []
    for key, scene in scenes.items():
        made = maker(scene, random.Random(f"{name} {scene.seed}"))
        if name == "gqa":
            made = [question for question in made if question.about != "count"]
        found += [(key, question) for question in made[: QUESTIONS_PER_PICTURE[name]]]
    return found


def _coco(scenes: Sequence[int] | Scenes) -> dict[str, Any]:
    images = [
        {"id": key, "file_name": f"{key:012d}.png", "width": PICTURE_PX, "height": PICTURE_PX,
         "license": 1}
        for key in scenes
    ]  # fmt: skip
    return {"info": _INFO, "licenses": [_LICENSE], "images": images}
