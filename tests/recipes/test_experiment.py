"""A recipe is found by name, its settings settled, and what was run is written down."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from minigpt4.config import config
from minigpt4.errors import SettingsError, TrainingError
from minigpt4.recipes import RECIPES
from minigpt4.recipes.experiment import (
    check_out,
    find_recipe,
    git_commit,
    write_experiment,
)


@config
class _Toy:
    num_steps: int = 3


def test_an_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="miniature_stage1"):
        find_recipe("xyz")


def test_naming_the_recipes_imports_no_torch(run_python) -> None:
    code = "import sys, minigpt4.recipes as r; assert r.RECIPES; assert 'torch' not in sys.modules"
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", RECIPES)
def test_the_table_names_a_module_and_a_function(name: str) -> None:
    module, found, function = RECIPES[name].partition(":")
    assert found
    assert module.startswith("minigpt4.recipes.")
    assert function.isidentifier()


def test_the_record_is_enough_to_repeat_the_run(tmp_path: Path) -> None:
    path = write_experiment(tmp_path / "run", "toy", _Toy(num_steps=5), data={"a": "b"})
    record = json.loads(path.read_text())
    assert record["settings"] == {"num_steps": 5}
    assert record["data"] == {"a": "b"}
    assert [file.name for file in path.parent.iterdir()] == ["experiment.json"]


def test_out_must_be_a_free_folder(tmp_path: Path) -> None:
    check_out(tmp_path / "new", resume=False)
    check_out(tmp_path, resume=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="not empty"):
        check_out(tmp_path, resume=False)
    with pytest.raises(TrainingError, match="is a file"):
        check_out(tmp_path / "file", resume=True)


def test_the_commit_says_whether_the_checkout_was_changed(tmp_path: Path) -> None:
    def git(*args: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", "-C", str(tmp_path), *identity, "-c", "core.hooksPath=/dev/null", *args]
        subprocess.run(command, check=True, capture_output=True)

    assert git_commit(tmp_path) is None
    git("init")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-m", "one")
    commit = git_commit(tmp_path)
    assert commit is not None
    assert len(commit) == 40
    (tmp_path / "a").write_text("2")
    assert git_commit(tmp_path) == f"{commit}-dirty"
