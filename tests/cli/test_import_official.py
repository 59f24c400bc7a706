"""`minigpt4 import`: options and their meaning; the import itself is tested with the model."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from minigpt4.cli.import_official import import_official
from minigpt4.model import official

BASE = ["--vision", "v.pth", "--llm", "llm", "--projection", "p.pth", "--out", "model"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch):
    """Run the command with the import itself replaced; give back the arguments it received."""
    calls: list[dict] = []
    monkeypatch.setattr(official, "import_official", lambda *args, **kwargs: calls.append(kwargs))
    app = typer.Typer()
    app.command()(import_official)

    def run(*arguments: str) -> tuple[int, list[dict]]:
        return CliRunner().invoke(app, [*BASE, *arguments]).exit_code, calls

    return run


def test_the_paths_reach_the_import(run):
    code, calls = run("--qformer", "q.pth", "--sizes", "s.json")
    assert code == 0
    (call,) = calls
    assert {str(value) for value in call.values() if isinstance(value, Path)} == {
        *BASE[1::2],
        "q.pth",
        "s.json",
    }


def test_the_variant_without_qformer_needs_no_qformer_file(run):
    code, calls = run("--no-qformer")
    assert code == 0
    assert not any("q.pth" in str(value) for value in calls[0].values())


def test_a_blip2_directory_brings_its_qformer(run, tmp_path: Path):
    code, calls = run("--vision", str(tmp_path))
    assert code == 0
    assert calls[0]["qformer"] == tmp_path


@pytest.mark.parametrize("arguments", [[], ["--no-qformer", "--qformer", "q.pth"]])
def test_a_qformer_is_either_given_or_declined(run, arguments: list[str]):
    code, calls = run(*arguments)
    assert code == 2
    assert not calls
