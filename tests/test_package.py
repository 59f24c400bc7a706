"""The package as a whole: public names, what importing costs, and the shape of its files."""

from __future__ import annotations

import ast
import tomllib
from importlib.metadata import version

import pytest

import minigpt4


def test_importing_the_package_imports_no_torch(run_python):
    result = run_python("-c", "import minigpt4, sys; sys.exit('torch' in sys.modules)")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", minigpt4.__all__)
def test_every_public_name_can_be_used(name: str):
    assert getattr(minigpt4, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = minigpt4.no_such_name  # type: ignore[attr-defined]


def test_there_is_one_version(repository):
    settings = tomllib.loads((repository / "pyproject.toml").read_text())
    assert settings["project"]["version"] == minigpt4.__version__ == version("minigpt4")


def test_an_installed_package_has_all_its_files(repository):
    settings = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["setuptools"]
    package = repository / "src" / "minigpt4"
    shipped = {path for each in settings["package-data"]["minigpt4"] for path in package.glob(each)}
    there = {
        path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    assert not {path for path in there - shipped if path.suffix != ".py"}


def test_no_source_file_exceeds_400_lines(repository):
    long = {
        str(path): count
        for path in (repository / "src").rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_every_module_opens_with_a_docstring(repository):
    silent = [
        str(path)
        for path in (repository / "src").rglob("*.py")
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent


def test_no_room_without_a_purpose(repository):
    rooms = {"utils", "common", "helpers", "misc", "scripts"}
    assert not [path for path in (repository / "src").rglob("*") if path.stem in rooms]
