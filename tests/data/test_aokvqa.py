"""A-OKVQA: the free answer given most often, or the right choice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.small_files import write_json, write_pictures
from minigpt4.data.aokvqa import open_aokvqa
from minigpt4.data.example import Turn
from minigpt4.errors import DataError, SettingsError

ROW = {
    "split": "train",
    "image_id": 299207,
    "question_id": "22MexNkBPpdZGX6sxbxVBH",
    "question": "What is the man by the bags awaiting?",
    "choices": ["skateboarder", "train", "delivery", "cab"],
    "correct_choice_idx": 3,
    "direct_answers": ["ride", "bus", "cab", "cab", "ride", "cab"],
    "difficult_direct_answer": False,
    "rationales": ["A cab is near."],
}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "train2017", "000000299207.jpg")


@pytest.mark.parametrize(("answer", "learned"), [("direct", "cab"), ("choice", "taxi")])
def test_the_answer_learned(tmp_path: Path, pictures: Path, answer: Any, learned: str) -> None:
    row = {**ROW, "choices": ["a", "b", "c", "taxi"]}
    path = write_json(tmp_path / "aokvqa_v1p0_train.json", [row])
    example = open_aokvqa(path, images=pictures, answer=answer, prompt="Q: {}")[0]
    assert example.turns == (Turn(prompt=f"Q: {ROW['question']}", answer=learned),)
    assert example.image == pictures / "000000299207.jpg"
    assert example.key == ROW["question_id"]


def test_answers_written_as_text_are_read(tmp_path: Path, pictures: Path) -> None:
    row = {**ROW, "direct_answers": "['ride', 'cab', 'cab']"}
    source = open_aokvqa(write_json(tmp_path / "a.json", [row]), images=pictures)
    assert source[0].turns[0].answer == "cab"


@pytest.mark.parametrize(
    ("change", "answer", "reason"),
    [
        ({"direct_answers": []}, "direct", "no answer"),
        ({"correct_choice_idx": None}, "choice", "no answer"),
        ({"correct_choice_idx": 4}, "choice", "no answer"),
        ({"image_id": 1}, "direct", "missing picture"),
        ({"image_id": None}, "direct", "no image_id"),
        ({"question": " "}, "direct", "empty question"),
    ],
)
def test_a_bad_question_says_why_and_where(
    tmp_path: Path, pictures: Path, change: dict[str, Any], answer: Any, reason: str
) -> None:
    path = write_json(tmp_path / "a.json", [{**ROW, **change}])
    with pytest.raises(DataError, match=rf"^{reason}: .*a\.json, entry 1"):
        open_aokvqa(path, images=pictures, answer=answer)[0]


def test_an_unknown_kind_of_answer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="direct or choice"):
        open_aokvqa(write_json(tmp_path / "a.json", [ROW]), answer="all")
