"""GQA's questions by their ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.small_files import write_json, write_pictures
from minigpt4.data.example import Turn
from minigpt4.data.gqa import open_gqa
from minigpt4.data.questions import VQA_PROMPT
from minigpt4.errors import DataError

QUESTION = {
    "semantic": [{"operation": "select", "dependencies": [], "argument": "sky (2486325)"}],
    "imageId": "2354786",
    "question": "Is the sky dark?",
    "answer": "yes",
    "fullAnswer": "Yes, the sky is dark.",
    "isBalanced": True,
}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "pictures", "2354786.jpg")


def test_a_question_and_its_short_answer(tmp_path: Path, pictures: Path) -> None:
    path = write_json(tmp_path / "q.json", {"02930152": QUESTION})
    example = open_gqa(path, images=pictures)[0]
    assert example.turns == (Turn(prompt=VQA_PROMPT.format("Is the sky dark?"), answer="yes"),)
    assert example.image == pictures / "2354786.jpg"
    assert example.key == "02930152"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"imageId": "1"}, "missing picture"),
        ({"imageId": None}, "no imageId"),
        ({"answer": None}, "no answer"),  # the test split
        ({"question": ""}, "empty question"),
    ],
)
def test_a_bad_question_says_why_and_where(
    tmp_path: Path, pictures: Path, change: dict[str, Any], reason: str
) -> None:
    path = write_json(tmp_path / "q.json", {"7": {**QUESTION, **change}})
    with pytest.raises(DataError, match=rf"^{reason}: .*q\.json, entry 1 \(question 7\)"):
        open_gqa(path, images=pictures)[0]


@pytest.mark.parametrize("content", [[], {}, [QUESTION]])
def test_another_file_is_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(DataError, match="no GQA file"):
        open_gqa(write_json(tmp_path / "q.json", content))
