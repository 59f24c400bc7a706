"""`minigpt4 doctor`: it prints what was found and fails if something is wrong."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from minigpt4.cli.doctor import doctor
from minigpt4.model import health


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(doctor)
    return app


def test_the_machine_alone_is_reported(app):
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 0, result.output
    assert all(word in result.output for word in ("python", "torch", "device cpu", "13B bf16"))


def test_json_has_a_list_of_checks_for_each_section(app):
    result = CliRunner().invoke(app, ["--json"])
    sections = json.loads(result.output)
    assert {check["status"] for check in sections["machine"]} <= {"ok", "warn"}
    assert {"name", "status", "detail", "remedy"} == set(sections["machine"][0])


def test_a_problem_is_exit_code_1_and_comes_with_its_remedy(app, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "model.safetensors").write_bytes(health.LFS_MARK + b"\noid sha256:0\nsize 13\n")
    result = CliRunner().invoke(app, [str(tmp_path)])
    assert result.exit_code == 1
    assert "PROBLEM model.safetensors" in result.output
    assert "git lfs pull" in result.output


def test_a_missing_directory_is_a_problem(app, tmp_path):
    result = CliRunner().invoke(app, [str(tmp_path / "absent")])
    assert result.exit_code == 1
    assert "is not a directory" in result.output
