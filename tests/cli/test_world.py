"""`minigpt4 world`: arguments reach the world, truth stands beside the answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import minigpt4
from generation.tiny_model import build_tiny_model
from minigpt4.cli.world import app, summarise_truth
from minigpt4.data.cc_sbu_align import CcSbuAlign
from minigpt4.data.shards import TarShards
from minigpt4.errors import DataError, SettingsError
from minigpt4.evaluation.world_questions import MAX_NEW_TOKENS

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


def invoke(*arguments: str):
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_draw_writes_pictures_and_a_line_of_truth_each(tmp_path: Path):
    options = ("--split", "test", "--seed", "3", "--count", "2", "--out", str(tmp_path))
    assert invoke("draw", *options).exit_code == 0
    rows = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    assert [row["image"] for row in rows] == ["000000.png", "000001.png"]
    assert all((tmp_path / row["image"]).is_file() for row in rows)
    assert all(set(TRUTH) <= set(row) for row in rows)


@pytest.mark.parametrize("arguments", [["--count", "0"], ["--split", "exam"], ["--seed", "-1"]])
def test_impossible_arguments_are_wrong_usage(tmp_path: Path, arguments: list[str]):
    result = CliRunner().invoke(app, ["draw", "--out", str(tmp_path), *arguments])
    assert result.exit_code == 2


def test_shards_writes_two_sources(tmp_path: Path):
    result = invoke("shards", "--count", "4", "--out", str(tmp_path))
    assert [len(TarShards(tmp_path / name)) for name in ("laion", "cc_sbu")] == [3, 1]
    assert "3 pairs" in result.output


def test_align_writes_the_official_form(tmp_path: Path):
    result = invoke("align", "--count", "2", "--seed", "3", "--out", str(tmp_path))
    assert len(CcSbuAlign(tmp_path)) == 2
    assert "2 detailed descriptions" in result.output


@pytest.mark.parametrize("command", ["draw", "shards", "align"])
def test_a_folder_in_use_is_refused(tmp_path: Path, command: str):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SettingsError, match="not empty"):
        invoke(command, "--count", "2", "--out", str(tmp_path))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every name mean a random model that babbles briefly."""
    model = build_tiny_model()
    monkeypatch.setattr(minigpt4, "load", lambda path, device: model)
    for task in MAX_NEW_TOKENS:
        monkeypatch.setitem(MAX_NEW_TOKENS, task, 4)


@pytest.mark.usefixtures("tiny")
def test_score_prints_tables_and_ends_with_json(tmp_path: Path):
    result = invoke("score", "tiny", "--seed", "2", "--count", "2", "--limit-abilities", "1")
    values = json.loads(result.output.splitlines()[-1])
    assert values["name"] == "tiny"
    assert values["settings"]["seed"] == 2
    assert "answers" not in values
    for word in ("tiny on test scenes, seed 2", "answers complete", "alignment gap", "recipe"):
        assert word in result.output


@pytest.mark.usefixtures("tiny")
def test_score_keeps_every_answer_for_a_person_to_read(tmp_path: Path):
    arguments = ("score", "tiny", "--count", "2", "--limit-abilities", "0")
    whole, scores, lines = (tmp_path / name for name in ("a.json", "b.json", "c.jsonl"))
    invoke(*arguments, "--json", str(whole))
    answers = json.loads(whole.read_text())["answers"]
    assert [row["index"] for row in answers] == [0, 1]
    invoke(*arguments, "--json", str(scores), "--answers", str(lines))
    assert "answers" not in json.loads(scores.read_text())
    assert [json.loads(line) for line in lines.read_text().splitlines()] == answers
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.json", "c.jsonl"]


def test_score_refuses_a_place_for_its_file_before_it_works(tmp_path: Path):
    with pytest.raises(SettingsError, match="no folder"):
        invoke("score", "nothing", "--json", str(tmp_path / "missing" / "a.json"))


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


def test_compare_reads_odd_line_ends_within_a_text(tmp_path: Path):
    write_lines(tmp_path / "truth.jsonl", TRUTH)
    row = {"image": "000000.png", "text": "A red\u2028car."}
    answers = tmp_path / "a.jsonl"
    answers.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["compare", str(tmp_path), str(answers)])
    assert "A red\u2028car." in result.output


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
