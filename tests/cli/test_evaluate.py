"""`minigpt4 evaluate`: options reach the task, scores reach the reader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import minigpt4
from generation.tiny_model import build_tiny_model
from minigpt4.cli.evaluate import evaluate
from minigpt4.errors import SettingsError


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every name mean a random model that babbles briefly."""
    model = build_tiny_model()
    monkeypatch.setattr(minigpt4, "load", lambda path, device: model)


def invoke(*arguments: str):
    app = typer.Typer()
    app.command()(evaluate)
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_without_a_task_all_are_listed():
    text = " ".join(invoke().output.split())
    for name in ("abilities", "caption_coverage", "pope"):
        assert name in text
    assert "Table 1" in text


def test_scores_are_printed_and_written(tmp_path: Path):
    result = invoke("failures", "--limit", "2", "--max-new-tokens", "3", "--out", str(tmp_path))
    assert "poem.unfinished" in result.stdout
    assert "95 % interval" in result.stdout
    (file,) = (tmp_path / "failures").glob("*.json")
    assert json.loads(file.read_text())["settings"]["limit"] == 2


def test_json_is_all_that_goes_to_stdout(tmp_path: Path):
    result = invoke(
        "failures", "--limit", "1", "--only", "poem", "--max-new-tokens", "3", "--json",
        "--out", str(tmp_path), "--judge", "detector", "--judge", "truth",
    )  # fmt: skip
    values = json.loads(result.stdout)
    assert set(values["scores"]) == {"detector", "truth"}
    assert values["scores"]["truth"]["poem"]["count"] == 1
    assert values["agreement"][0]["share"]["count"] == 1


def test_a_person_is_told_where_to_judge(tmp_path: Path):
    result = invoke(
        "failures", "--limit", "1", "--max-new-tokens", "3", "--judge", "person",
        "--out", str(tmp_path),
    )  # fmt: skip
    assert "2 answers wait for a person" in result.stderr
    assert f"minigpt4 curate judge {tmp_path}/failures/person/answers.sqlite" in result.stderr


def test_answers_of_a_file_are_scored_without_a_model(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(minigpt4, "load", lambda *_, **__: pytest.fail("no model is needed"))
    file = tmp_path / "mine.jsonl"
    file.write_text('{"key": "poem/0", "text": "Roses"}\n')
    result = invoke(
        "failures", "--answers", str(file), "--limit", "1", "--only", "poem", "--out", str(tmp_path)
    )
    assert "mine.jsonl, judged by detector" in " ".join(result.output.split())


def test_an_llm_needs_an_address(tmp_path: Path):
    with pytest.raises(SettingsError, match="--judge-url"):
        invoke("abilities", "--judge", "llm", "--out", str(tmp_path))


def test_the_drawn_benchmarks_are_written_as_official_files(tmp_path: Path):
    result = invoke("--write-drawn", str(tmp_path / "files"), "--limit", "2")
    assert "2 pictures and the benchmark files" in result.output
    assert (tmp_path / "files" / "gqa_questions.json").is_file()
