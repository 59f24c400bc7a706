"""Reading the official files: what is taken from them, and how damage is described."""

from __future__ import annotations

import pytest

from evaluation.metrics.goldens import GOLDENS, write_json
from minigpt4.errors import DataError
from minigpt4.evaluation.metrics import files


def test_captions_and_instances_are_grouped_by_picture(tmp_path):
    captions = {"annotations": [{"image_id": 2, "caption": "b"}, {"image_id": 2, "caption": "c"}]}
    assert files.read_captions(write_json(tmp_path / "c.json", captions)) == {2: ["b", "c"]}
    instances = {
        "images": [{"id": 1}, {"id": 2}],
        "categories": [{"id": 5, "name": "dog"}],
        "annotations": [{"image_id": 2, "category_id": 5}] * 2,
    }
    found = files.read_instances(write_json(tmp_path / "i.json", instances))
    assert found == {1: set(), 2: {"dog"}}


def test_official_files_of_every_kind_are_read():
    assert files.read_captions(GOLDENS / "captions/references.json")
    assert files.read_instances(GOLDENS / "chair/instances_val2014.json")
    questions = files.read_vqa_questions(GOLDENS / "vqa/vqav2_questions.json")
    assert set(questions) == set(files.read_vqa_annotations(GOLDENS / "vqa/vqav2_annotations.json"))
    assert all("question" in row for row in questions.values())
    listed = files.read_gqa_questions(GOLDENS / "gqa/minigpt4_list.json")
    assert set(listed) == set(files.read_gqa_questions(GOLDENS / "gqa/questions.json"))
    predicted = files.read_aokvqa_predictions(GOLDENS / "aokvqa/predictions_val.json")
    assert set(predicted) <= set(
        files.read_aokvqa_questions(GOLDENS / "aokvqa/aokvqa_v1p0_val.json")
    )


@pytest.mark.parametrize(
    ("reader", "content", "message"),
    [
        (files.read_captions, [], "holds no annotations; wanted"),
        (files.read_captions, {"annotations": []}, "holds no annotations"),
        (files.read_captions, {"annotations": [{"image_id": 1}]}, "entry 1: no caption; has"),
        (files.read_captions, {"annotations": ["x"]}, "not an object: .*entry 1"),
        (files.read_instances, {"annotations": []}, "holds no categories"),
        (files.read_results, {"overall": {}}, "wanted a list of results or"),
        (files.read_results, [{"image_id": 1, "caption": None}], "caption is None; wanted a text"),
        (
            files.read_results,
            [{"image_id": 1, "caption": "a"}] * 2,
            "image_id 1 comes twice; keep one",
        ),
        (files.read_vqa_questions, {"questions": [{"question_id": 1}]}, "no image_id and no quest"),
        (
            files.read_vqa_annotations,
            {"annotations": [{"question_id": 4, "answers": []}]},
            "question 4 has no answers",
        ),
        (
            files.read_vqa_annotations,
            {"annotations": [{"question_id": 4, "answers": ["red"]}]},
            "question 4, entry 1",
        ),
        (files.read_gqa_questions, {}, "wanted {QUESTION_ID: {question, answer"),
        (files.read_gqa_questions, {"1": {"question": "?"}}, "no answer; has question"),
        (files.read_aokvqa_predictions, [], "wanted {QUESTION_ID"),
        (files.read_aokvqa_predictions, {"q": "soup"}, "not an object"),
        (files.read_pope_questions, [{"text": "?", "label": 1}], "wanted yes or no"),
        (files.read_pope_answers, [{"answer": True}], "answer is True; wanted a text"),
    ],
)
def test_damage_is_described(tmp_path, reader, content, message):
    with pytest.raises(DataError, match=message.replace("{", r"\{")):
        reader(write_json(tmp_path / "file.json", content))


def test_a_file_that_breaks_off_is_not_valid_json(tmp_path):
    path = tmp_path / "file.json"
    path.write_text('{"annotations": [{"image_id": 1, ')
    with pytest.raises(DataError, match="is not valid JSON"):
        files.read_captions(path)
    with pytest.raises(DataError, match="no file"):
        files.read_captions(tmp_path / "none.json")
