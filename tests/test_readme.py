"""What the README tells people to type exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from minigpt4.cli.main import app

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def code_lines() -> list[str]:
    blocks = re.findall(r"```(?:bash|sh|console)\n(.*?)```", README, flags=re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [line.split("#")[0].removeprefix("$ ").strip() for line in joined.splitlines()]


def commands() -> list[list[str]]:
    """The `minigpt4 ...` lines, each as its words."""
    lines = [line.removeprefix(".venv/bin/") for line in code_lines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("minigpt4 ")]


def test_the_readme_shows_the_commands():
    assert {words[0] for words in commands()} >= {"describe", "chat", "train", "import", "doctor"}


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_of_the_readme_exists_with_its_options(words: list[str]):
    depth = 2 if words[0] in ("cache", "curate", "data", "world") else 1
    result = CliRunner().invoke(app, [*words[:depth], "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    for option in (word for word in words if word.startswith("--")):
        assert re.search(rf"{option}\b", result.output), f"{words[0]} has no {option}"


def test_what_is_tried_first_works_as_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tried = [words for words in commands() if words[0] in ("describe", "doctor")]
    tried = [
        words for words in tried if {"miniature", "pictures", "pictures/000000.png"} & {*words}
    ]
    drawn = next(words for words in commands() if words[:2] == ["world", "draw"])
    said = {}
    for words in (drawn, *tried):
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, (words, result.output)
        said[words[0], len(words)] = result.stdout
    assert set(said) == {("world", 10), ("describe", 2), ("describe", 4), ("doctor", 2)}
    assert all(f"pictures/{number:06d}.png" in said["describe", 2] for number in range(8))
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    capsys.readouterr()
    exec(block, {})
    first, second = capsys.readouterr().out.strip().splitlines()
    assert len(first.split()) > 5
    assert second


def test_make_targets_of_the_readme_exist(repository):
    targets = set(re.findall(r"^([a-z]+):", (repository / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?m)(?:^|`)make ([a-z]+)", README))
    assert named >= {"run", "test", "check", "demo"}
    assert named <= targets


def test_paths_of_the_readme_exist(repository):
    named = set(re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
    assert not [path for path in named if not (repository / path).exists()]
