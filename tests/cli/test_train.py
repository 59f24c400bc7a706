"""`minigpt4 train`: finds recipes, settles settings, refuses to overwrite, and resumes."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from minigpt4.cli.train import train
from minigpt4.config import config
from minigpt4.errors import SettingsError, TrainingError
from minigpt4.recipes import RECIPES


@config
class _Optimizer:
    peak_lr: float = 1e-3


@config
class _Experiment:
    num_steps: int = 10
    seed: int = 0
    optimizer: _Optimizer = _Optimizer()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """Put a recipe `toy` into the table; return what it was run with."""
    calls: list[dict[str, Any]] = []

    def run(experiment: Any, **given: Any) -> types.SimpleNamespace:
        calls.append({"experiment": experiment, **given})
        counts = {"num_examples": 1200, "skipped": {"truncated": 2, "missing": 1}}
        times = {"loss": 1.5, "seconds": 90.0, "waiting_share": 0.031}
        return types.SimpleNamespace(finished=experiment.seed != 13, step=4, **counts, **times)

    module: Any = types.ModuleType("toy_recipes")
    module.toy, module.run = _Experiment, run
    module.data_fingerprints = lambda experiment: {"world": "abc"}
    monkeypatch.setitem(sys.modules, "toy_recipes", module)
    monkeypatch.setitem(RECIPES, "toy", "toy_recipes:toy")
    monkeypatch.chdir(tmp_path)
    return calls


def _train(*args: str) -> Any:
    app = typer.Typer()
    app.command()(train)
    return CliRunner().invoke(app, args)


def test_a_recipe_runs_in_its_own_folder_and_is_recorded(calls: list[dict[str, Any]]) -> None:
    result = _train("toy")
    assert result.exit_code == 0, result.output
    (call,) = calls
    assert call["experiment"] == _Experiment()
    assert (call["out"], call["resume"], call["device"]) == (Path("runs/toy"), False, "auto")
    record = json.loads(Path("runs/toy/experiment.json").read_text())
    assert record["recipe"] == "toy"
    assert record["settings"] == {"num_steps": 10, "seed": 0, "optimizer": {"peak_lr": 1e-3}}
    assert record["data"] == {"world": "abc"}
    assert {"python", "torch", "transformers"} <= record["versions"].keys()
    assert "git_commit" in record


def test_settings_come_from_recipe_then_file_then_command_line(
    calls: list[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text("num_steps: 20\noptimizer: {peak_lr: 0.5}\n")
    result = _train("toy", "--config", "own.yaml", "--set", "num_steps=30", "--out", "here")
    assert result.exit_code == 0, result.output
    experiment = calls[0]["experiment"]
    assert (experiment.num_steps, experiment.optimizer.peak_lr) == (30, 0.5)
    assert calls[0]["out"] == Path("here")


def test_an_unknown_recipe_names_the_nearest(calls: list[dict[str, Any]]) -> None:
    result = _train("miniature_stage3")
    assert isinstance(result.exception, SettingsError)
    assert "did you mean 'miniature_stage" in str(result.exception)
    assert not calls


@pytest.mark.parametrize("text", ["num_step=3", "optimizer.peek_lr=1", "num_steps=many"])
def test_a_bad_setting_is_named_before_anything_is_written(
    calls: list[dict[str, Any]], text: str
) -> None:
    result = _train("toy", "--set", text)
    assert isinstance(result.exception, SettingsError)
    assert not Path("runs").exists()
    assert not calls


def test_an_unknown_key_in_a_file_is_named(calls: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text('{"optimizer": {"peak_lrr": 1}}')
    result = _train("toy", "--config", "own.json")
    assert isinstance(result.exception, SettingsError)
    assert "peak_lr" in str(result.exception)


def test_a_folder_that_is_not_empty_is_not_overwritten(
    calls: list[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    result = _train("toy", "--out", "mine")
    assert isinstance(result.exception, TrainingError)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    assert not calls


def test_resume_takes_the_settings_the_run_was_started_with(calls: list[dict[str, Any]]) -> None:
    assert _train("toy", "--set", "num_steps=77").exit_code == 0
    assert _train("toy", "--resume").exit_code == 0
    assert calls[1]["resume"]
    assert calls[1]["experiment"].num_steps == 77


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ("a of 3 shards, 9 bytes, 1f", "b of 3 shards, 9 bytes, 1f", True),  # moved
        ("a of 3 shards, 9 bytes, 1f", "a of 2 shards, 6 bytes, 2e", False),
        ("a.json of 9 bytes", "a.json of 8 bytes", False),
        ("a", "a of 3 shards, 9 bytes, 1f", True),  # of an earlier version
        ("world:web drawn by 1f", "world:web drawn by 2e", False),
    ],
)
def test_resume_with_other_data_is_refused_and_changes_nothing(
    calls: list[dict[str, Any]], before: str, now: str, same: bool
) -> None:
    module = sys.modules["toy_recipes"]
    vars(module)["data_fingerprints"] = lambda experiment: {"x": before}
    assert _train("toy").exit_code == 0
    record = Path("runs/toy/experiment.json").read_bytes()
    vars(module)["data_fingerprints"] = lambda experiment: {"x": now}
    result = _train("toy", "--resume")
    assert len(calls) == (2 if same else 1)
    if not same:
        assert isinstance(result.exception, TrainingError)
        assert f"x: {before} -> {now}" in str(result.exception)
        assert Path("runs/toy/experiment.json").read_bytes() == record


def test_resume_in_a_folder_of_another_recipe_is_refused(
    calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "other", "toy_recipes:toy")
    assert _train("toy", "--out", "here").exit_code == 0
    result = _train("other", "--out", "here", "--resume")
    assert isinstance(result.exception, SettingsError)
    assert "a run of 'toy'" in str(result.exception)


def test_a_stopped_run_says_how_to_go_on_and_is_not_a_success(calls: list[dict[str, Any]]) -> None:
    result = _train("toy", "--set", "seed=13")
    assert result.exit_code == 130
    assert "minigpt4 train toy --out runs/toy --resume" in result.output


def test_a_run_ends_with_a_summary(calls: list[dict[str, Any]]) -> None:
    output = _train("toy").output
    assert "4 steps, 1,200 examples, loss 1.5000" in output
    assert "90 s in steps, 3.1% of it waiting for data" in output
    assert "3 bad examples were replaced by others: 2 truncated, 1 missing" in output


def test_a_device_that_is_not_there_is_refused_before_anything_is_written(
    calls: list[dict[str, Any]],
) -> None:
    result = _train("toy", "--device", "gpu")
    assert isinstance(result.exception, SettingsError)
    assert not Path("runs").exists()
    assert not calls


def test_help_names_the_recipes() -> None:
    result = _train("--help")
    assert "miniature_stage1" in result.output
