"""`minigpt4 world`: arguments reach the world, truth stands beside the answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from minigpt4.cli.world import app, summarise_truth
from minigpt4.errors import DataError

TRUTH = {
    "image": "000000.png",
    "kind": "scene",
    "place": "beach",
    "time": "morning",
    "weather": None,
    "objects": [{"kind": "car", "color": "red", "size": "small", "position": "left"}],
    "relations": [],
    "extra": {},
}


def write_lines(path: Path, *rows: dict) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_draw_writes_pictures_and_a_line_of_truth_each(tmp_path: Path):
    arguments = ["draw", "--split", "test", "--seed", "3", "--count", "2", "--out", str(tmp_path)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    rows = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    assert [row["image"] for row in rows] == ["000000.png", "000001.png"]
    assert all((tmp_path / row["image"]).is_file() for row in rows)
    assert all(set(TRUTH) <= set(row) for row in rows)


@pytest.mark.parametrize("arguments", [["--count", "0"], ["--split", "exam"], ["--seed", "-1"]])
def test_impossible_arguments_are_wrong_usage(tmp_path: Path, arguments: list[str]):
    result = CliRunner().invoke(app, ["draw", "--out", str(tmp_path), *arguments])
    assert result.exit_code == 2


def test_truth_is_said_in_a_few_words():
    assert summarise_truth(TRUTH) == "scene; beach, morning; small red car"


def test_truth_of_a_special_picture_names_what_is_special():
    truth = {"kind": "dish", "place": None, "extra": {"ingredients": ["egg", "rice"], "name": None}}
    assert summarise_truth(truth) == "dish; ingredients: egg, rice"


def test_compare_shows_truth_and_answer_together(tmp_path: Path):
    write_lines(tmp_path / "truth.jsonl", TRUTH)
    answers = write_lines(tmp_path / "a.jsonl", {"image": "x/000000.png", "text": "A red car."})
    result = CliRunner().invoke(app, ["compare", str(tmp_path), str(answers)])
    assert result.exit_code == 0
    lines = result.output.strip().splitlines()
    assert lines == [
        str(tmp_path / "000000.png"),
        "  truth: scene; beach, morning; small red car",
        "  model: A red car.",
    ]


def test_compare_refuses_answers_about_other_pictures(tmp_path: Path):
    write_lines(tmp_path / "truth.jsonl", TRUTH)
    answers = write_lines(tmp_path / "a.jsonl", {"image": "other.png", "text": "A cat."})
    with pytest.raises(DataError, match=r"other\.png"):
        CliRunner().invoke(app, ["compare", str(tmp_path), str(answers)], catch_exceptions=False)


@pytest.mark.parametrize(("text", "message"), [("{", "line 1 is not JSON"), ("1", "is a int")])
def test_compare_names_the_line_it_cannot_read(tmp_path: Path, text: str, message: str):
    (tmp_path / "truth.jsonl").write_text(text)
    with pytest.raises(DataError, match=message):
        CliRunner().invoke(app, ["compare", str(tmp_path), "a.jsonl"], catch_exceptions=False)
