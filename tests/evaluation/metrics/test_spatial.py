"""Spatial questions: reading an answer, counting by relation."""

from __future__ import annotations

import pytest

from evaluation.metrics.goldens import write_json
from minigpt4.errors import DataError
from minigpt4.evaluation.metrics.spatial import parse, score_answers, score_files


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("left", "left"),
        ("It is on the LEFT of the table.", "left"),
        ("The cat is left of the big table, on the right is a dog.", "left"),
        ("left or right", None),
        ("I do not know.", None),
        ("It is leftover.", None),
    ],
)
def test_sides_are_read(text, expected):
    assert parse(text, ["left", "right"], other="table") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on", "on"),
        ("The cat is on the right, under the blue table.", "under"),
        ("on the table", "on"),
        ("It stands on the left.", "on"),
        ("on or under", None),
    ],
)
def test_the_relation_to_the_other_thing_wins(text, expected):
    assert parse(text, ["on", "under"], other="table") == expected


def question(number, answer, choices):
    return {"question_id": number, "question": "?", "answer": answer, "choices": choices}


def test_relations_are_counted_apart():
    questions = {
        1: question(1, "left", ["left", "right"]),
        2: question(2, "left", ["left", "right"]),
        3: question(3, "on", ["on", "under"]),
    }
    result = score_answers({1: "left", 2: "right", 3: "who knows"}, questions)
    assert result.totals == {"accuracy": pytest.approx(1 / 3), "left": 0.5, "on": 0, "unclear": 1}
    assert result.scores["unclear"].value == pytest.approx(1 / 3)
    assert [item["said"] for item in result.items] == ["left", "right", None]


def test_files_are_scored_and_damaged_ones_described(tmp_path):
    questions = write_json(tmp_path / "q.json", [question(1, "left", ["left", "right"])])
    answers = write_json(tmp_path / "a.json", [{"question_id": 1, "answer": "left"}])
    assert score_files(answers, questions=questions).totals["accuracy"] == 1
    write_json(questions, [question(1, "up", ["left", "right"])])
    with pytest.raises(DataError, match="the answer 'up' is not among"):
        score_files(answers, questions=questions)
    write_json(questions, [question(2, "left", ["left", "right"])])
    with pytest.raises(DataError, match="1 of 1 questions have no answer"):
        score_files(answers, questions=questions)
