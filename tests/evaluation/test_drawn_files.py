"""Drawn benchmark files: official in form, true in content, the same each time."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from functools import cache

import numpy as np
import pytest
from PIL import Image

from minigpt4.data.aokvqa import open_aokvqa
from minigpt4.data.gqa import open_gqa
from minigpt4.data.vqav2 import open_vqav2
from minigpt4.errors import SettingsError
from minigpt4.evaluation.drawn_files import drawn_content, kinds_in, picture_name, write_drawn
from minigpt4.evaluation.drawn_formats import CATEGORIES
from minigpt4.evaluation.drawn_pope import SAMPLINGS
from minigpt4.evaluation.metrics import aokvqa, captions, chair, files, gqa, pope, spatial, vqa
from minigpt4.world.draw.picture import draw
from minigpt4.world.sample import sample_scene
from minigpt4.world.vocabulary import KINDS

COUNT = 24
CONTENT = drawn_content(split="test", seed=3, count=300)


@cache
def scene_at(index):
    return sample_scene("test", 3, index)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("drawn") / "files"
    calls = []
    write_drawn(out, split="test", seed=3, count=COUNT, report=lambda *done: calls.append(done))
    assert calls == [(number + 1, COUNT) for number in range(COUNT)]
    return out


def test_the_same_settings_write_the_same_files(folder, tmp_path):
    write_drawn(tmp_path / "again", split="test", seed=3, count=COUNT)
    assert fingerprint(folder) == fingerprint(tmp_path / "again")


def test_another_seed_writes_other_files():
    assert drawn_content(seed=1, count=5) != drawn_content(seed=2, count=5)


def test_more_pictures_do_not_change_the_questions_of_the_first_ones():
    few = drawn_content(split="test", seed=3, count=10)
    assert few["aokvqa.json"] == [r for r in CONTENT["aokvqa.json"] if r["image_id"] < 10]
    asked = few["vqav2_questions.json"]["questions"]
    assert asked == CONTENT["vqav2_questions.json"]["questions"][: len(asked)]


def test_pictures_can_be_drawn_again_from_their_ids(folder):
    where = json.loads((folder / "scenes.json").read_text())
    scene = sample_scene(where["split"], where["seed"], 7)
    written = np.asarray(Image.open(folder / "pictures" / picture_name(7)))
    assert np.array_equal(written, np.asarray(draw(scene)))


def test_every_file_is_read_and_a_perfect_model_is_perfect(folder):
    notes = files.read_vqa_annotations(folder / "vqav2_annotations.json")
    asked = files.read_vqa_questions(folder / "vqav2_questions.json")
    assert set(asked) == set(notes)
    right = {key: note["multiple_choice_answer"] for key, note in notes.items()}
    # Ten that agree are compared as they are, else normalized; the short answer is right in both.
    assert vqa.score_answers(right, notes).totals["overall"] == 100
    notes = files.read_vqa_annotations(folder / "okvqa_annotations.json")
    right = {key: note["multiple_choice_answer"] for key, note in notes.items()}
    assert vqa.score_answers(right, notes).totals["overall"] == 100

    questions = files.read_gqa_questions(folder / "gqa_questions.json")
    right = {key: question["answer"] for key, question in questions.items()}
    totals = gqa.score_answers(right, questions).totals
    assert (totals["accuracy"], totals["open"], totals["binary"]) == (100, 100, 100)
    assert totals["distribution"] == 0

    rows = files.read_aokvqa_questions(folder / "aokvqa.json")
    right = {
        key: {
            "multiple_choice": row["choices"][row["correct_choice_idx"]],
            "direct_answer": row["choices"][row["correct_choice_idx"]],
        }
        for key, row in rows.items()
    }
    totals = aokvqa.score_answers(right, rows).totals
    assert (totals["multiple_choice"], totals["direct_answer"]) == (100, 100)

    for sampling in SAMPLINGS:
        rows = files.read_pope_questions(folder / f"pope_{sampling}.jsonl")
        assert pope.score_answers([row["label"] for row in rows], rows).totals["accuracy"] == 1

    rows = spatial.read_spatial_questions(folder / "spatial.json")
    right = {key: row["answer"] for key, row in rows.items()}
    assert spatial.score_answers(right, rows).totals["accuracy"] == 1


def test_references_name_only_what_is_annotated(folder):
    words = chair.words_of_objects(CATEGORIES)
    references = files.read_captions(folder / "captions.json")
    assert all(len(texts) == 5 for texts in references.values())
    instances = files.read_instances(folder / "instances.json")
    truth = chair.truth_of(instances, {}, words)
    for number in range(5):
        said = {key: texts[number] for key, texts in references.items()}
        assert chair.score_captions(said, truth, words).totals["CHAIRi"] == 0
    first = {key: texts[0] for key, texts in references.items()}
    assert captions.score_captions(first, references).totals["Bleu_4"] == pytest.approx(1, abs=1e-6)


def test_the_first_caption_names_every_object():
    words = chair.words_of_objects(CATEGORIES)
    first = {}
    for note in CONTENT["captions.json"]["annotations"]:
        first.setdefault(note["image_id"], note["caption"])
    for key, text in first.items():
        scene = scene_at(key)
        if scene.place is not None:
            assert {name for _, name in chair.mentions(text, words).named} == set(kinds_in(scene))


def test_boxes_lie_in_the_picture_around_their_objects():
    notes = CONTENT["instances.json"]["annotations"]
    images = {image["id"]: image for image in CONTENT["instances.json"]["images"]}
    for note in notes:
        left, top, wide, tall = note["bbox"]
        image = images[note["image_id"]]
        assert wide > 0
        assert tall > 0
        assert -1 <= left <= left + wide <= image["width"] + 1
        assert -8 <= top <= top + tall <= image["height"] + 8


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_pope_asks_for_as_many_absent_things_as_present_ones(sampling):
    rows = CONTENT[f"pope_{sampling}.jsonl"]
    for number, row in enumerate(rows):
        kinds = kinds_in(scene_at(int(row["image"].removesuffix(".png"))))
        kind = row["text"].split()[3]
        assert kind in KINDS
        assert row["label"] == ("yes" if kind in kinds else "no")
        assert row["label"] == ("yes", "no")[number % 2]


def test_popular_absent_things_are_the_most_frequent_ones():
    counts = Counter(kind for index in range(300) for kind in set(kinds_in(scene_at(index))))
    frequent = [kind for kind, _ in counts.most_common(8)]
    absent = {
        sampling: [
            row["text"].split()[3]
            for row in CONTENT[f"pope_{sampling}.jsonl"]
            if row["label"] == "no"
        ]
        for sampling in SAMPLINGS
    }
    share = {
        name: sum(kind in frequent for kind in kinds) / len(kinds) for name, kinds in absent.items()
    }
    assert share["popular"] == 1
    assert share["random"] < 0.5


def test_spatial_questions_offer_both_answers_in_either_order():
    rows = CONTENT["spatial.json"]
    assert {row["answer"] for row in rows} == {"left", "right", "on", "under"}
    first = sum(row["question"].index(row["answer"]) < 24 for row in rows)
    assert 0 < first < len(rows)
    said_first = [min(row["choices"], key=row["question"].index) == row["answer"] for row in rows]
    assert 0.35 < sum(said_first) / len(rows) < 0.65


def test_question_ids_are_unique():
    for name in ("vqav2", "okvqa"):
        ids = [row["question_id"] for row in CONTENT[f"{name}_questions.json"]["questions"]]
        assert len(set(ids)) == len(ids)
    assert all(len(row["direct_answers"]) == 10 for row in CONTENT["aokvqa.json"])


def test_the_package_s_own_readers_open_them_as_training_data(folder):
    pictures = folder / "pictures"
    for source in (
        open_vqav2(
            folder / "vqav2_questions.json",
            images=pictures,
            annotations=folder / "vqav2_annotations.json",
        ),
        open_gqa(folder / "gqa_questions.json", images=pictures),
        open_aokvqa(folder / "aokvqa.json", images=pictures, answer="choice"),
    ):
        example = source[0]
        assert example.image is not None
        assert example.turns[0].answer


def test_a_folder_with_something_in_it_is_refused(folder):
    with pytest.raises(SettingsError, match="is not empty"):
        write_drawn(folder, count=1)


def test_an_error_leaves_nothing_behind(tmp_path):
    with pytest.raises(SettingsError, match="unknown split"):
        write_drawn(tmp_path / "out", split="dev", count=1)
    assert list((tmp_path / "out").iterdir()) == []


def fingerprint(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
