"""VQAv2 and OK-VQA: questions and answers in two files, pictures of COCO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.small_files import write_json, write_pictures
from minigpt4.data.example import Turn
from minigpt4.data.questions import VQA_PROMPT
from minigpt4.data.vqav2 import annotations_beside, open_vqav2
from minigpt4.errors import DataError

QUESTIONS = [
    {"image_id": 9, "question": "What animal?", "question_id": 9000},
    {"image_id": 9, "question": "What color?", "question_id": 9001},
]
NOTES = [
    {"question_id": 9001, "image_id": 9, "multiple_choice_answer": "white",
     "answers": [{"answer": "grey", "answer_confidence": "yes", "answer_id": 1}]},
    {"question_id": 9000, "image_id": 9,
     "answers": [{"answer": word, "answer_id": 1} for word in ("dog", "cat", "cat", " ")]},
]  # fmt: skip


def _write(folder: Path, *, questions: Any = QUESTIONS, notes: Any = NOTES) -> Path:
    write_pictures(folder / "train2014", "COCO_train2014_000000000009.jpg")
    write_json(folder / "v2_mscoco_train2014_annotations.json", {"annotations": notes})
    path = folder / "v2_OpenEnded_mscoco_train2014_questions.json"
    return write_json(path, {"info": {}, "questions": questions})


def test_a_question_is_a_prompt_and_the_most_common_answer_is_learned(tmp_path: Path) -> None:
    source = open_vqav2(_write(tmp_path), images=tmp_path / "train2014")
    assert source[0].turns == (Turn(prompt=VQA_PROMPT.format("What animal?"), answer="cat"),)
    assert source[0].image == tmp_path / "train2014" / "COCO_train2014_000000000009.jpg"
    assert source[0].key == "9000"


def test_the_official_answer_of_vqav2_wins(tmp_path: Path) -> None:
    source = open_vqav2(_write(tmp_path), images=tmp_path / "train2014", prompt="{}")
    assert source[1].turns == (Turn(prompt="What color?", answer="white"),)


@pytest.mark.parametrize(
    ("questions", "answers"),
    [
        ("v2_OpenEnded_mscoco_val2014_questions.json", "v2_mscoco_val2014_annotations.json"),
        ("OpenEnded_mscoco_train2014_questions.json", "mscoco_train2014_annotations.json"),
    ],
)
def test_the_official_names_lead_to_the_answers(questions: str, answers: str) -> None:
    assert annotations_beside(Path("d") / questions) == Path("d") / answers


def test_answers_can_be_named(tmp_path: Path) -> None:
    path = _write(tmp_path)
    other = annotations_beside(path).rename(tmp_path / "other.json")
    with pytest.raises(DataError, match=r"no answers at .*annotations=FILE"):
        open_vqav2(path)
    source = open_vqav2(path, images=tmp_path / "train2014", annotations=other)
    assert source[0].turns[0].answer == "cat"


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ({"image_id": 9, "question": "Why?", "question_id": 7}, "no answer"),
        ({"image_id": 8, "question": "Why?", "question_id": 9000}, "missing picture"),
        ({"image_id": "x", "question": "Why?", "question_id": 9000}, "no image_id"),
        ({"image_id": 9, "question_id": 9000}, "no question"),
        ("Why?", "not an object"),
    ],
)
def test_a_bad_question_says_why_and_where(tmp_path: Path, question: Any, reason: str) -> None:
    path = _write(tmp_path, questions=[*QUESTIONS, question])
    source = open_vqav2(path, images=tmp_path / "train2014")
    with pytest.raises(DataError, match=rf"^{reason}: .*questions\.json, entry 3"):
        source[2]


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no questions"):
        open_vqav2(_write(tmp_path, questions=[]))
