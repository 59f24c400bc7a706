"""`minigpt4 describe`: answers on stdout, troubles on stderr, one bad picture spoils nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from generation.tiny_model import build_tiny_model, draw_pictures
from minigpt4.cli import describe as command
from minigpt4.cli.main import main
from minigpt4.cli.notice import MINIATURE_NOTICE
from minigpt4.model import loading


@pytest.fixture(scope="module")
def model_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return loading.save(build_tiny_model(), tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures in a folder and a folder inside it, beside files that are no pictures."""
    first, second, third, _ = draw_pictures()
    (tmp_path / "inside").mkdir()
    first.save(tmp_path / "b.png")
    second.save(tmp_path / "a.JPG", format="JPEG")
    third.save(tmp_path / "inside" / "c.webp")
    (tmp_path / "truth.jsonl").write_text("{}")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *args: str | Path) -> tuple[int, str, str]:
    """Run the command; return exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as end:
        main(["describe", *map(str, args)])
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def rows_of(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_picture_is_described(capsys, folder, model_directory):
    code, out, err = run(
        capsys, folder / "b.png", "--model", model_directory, "--max-new-tokens", 4
    )
    assert (code, err) == (0, "")
    assert out.strip()


def test_a_folder_is_described_in_order_and_batches_change_nothing(capsys, folder, model_directory):
    args = [folder, "--model", model_directory, "--json", "--max-new-tokens", "8"]
    code, out, err = run(capsys, *args, "--batch-size", "2")
    assert (code, err) == (0, "")
    rows = rows_of(out)
    names = ["a.JPG", "b.png", "inside/c.webp"]
    assert [row["image"] for row in rows] == [str(folder / name) for name in names]
    for row in rows:
        assert set(row) == {"image", "prompt", "text", "finish_reason", "num_tokens"}
        assert row["prompt"] == command.PAPER_PROMPT
        assert row["finish_reason"] in ("stop", "length")
        assert 1 <= row["num_tokens"] <= 8
    assert len({row["text"] for row in rows}) == 3
    assert run(capsys, *args, "--batch-size", "1")[1] == out


def test_one_bad_picture_is_reported_and_the_rest_go_on(capsys, folder, model_directory):
    bad = folder / "bad.png"
    bad.write_bytes((folder / "b.png").read_bytes()[:-40])
    code, out, err = run(
        capsys, folder, folder / "gone.png", "--model", model_directory, "--json",
        "--max-new-tokens", "4",
    )  # fmt: skip
    assert code == 1
    rows = {Path(row["image"]).name: row for row in rows_of(out)}
    assert set(rows["bad.png"]) == set(rows["gone.png"]) == {"image", "error"}
    assert sum("text" in row for row in rows.values()) == 3
    assert "bad.png" in err
    assert "no picture at" in err
    assert err.endswith("minigpt4: 2 of 5 failed\n")


def test_many_texts_are_named_by_their_pictures(capsys, folder, model_directory):
    _, out, _ = run(capsys, folder, "--model", model_directory, "--max-new-tokens", "4")
    assert f"{folder / 'b.png'}: " in out


def test_a_folder_without_pictures_is_reported(capsys, tmp_path, model_directory):
    code, out, err = run(capsys, tmp_path, "--model", model_directory)
    assert (code, out) == (1, "")
    assert "no pictures in the folder" in err


def test_an_empty_prompt_and_an_unknown_model_are_one_line(capsys, folder):
    code, _, err = run(capsys, folder, "--prompt", " ")
    assert code == 1
    assert err.startswith("minigpt4: the prompt is empty")
    code, _, err = run(capsys, folder, "--model", "no_such_model")
    assert code == 1
    assert err.count("\n") == 1
    assert "no_such_model" in err


def test_the_prompt_reaches_the_model(capsys, folder, model_directory):
    args = [folder / "b.png", "--model", model_directory, "--json", "--max-new-tokens", "8"]
    (described,) = rows_of(run(capsys, *args)[1])
    (asked,) = rows_of(run(capsys, *args, "--prompt", "What color is it?")[1])
    assert asked["prompt"] == "What color is it?"
    assert asked["text"] != described["text"]


def test_the_miniature_says_on_stderr_what_it_is_not(capsys, folder, model_directory, monkeypatch):
    monkeypatch.setitem(loading.PACKAGED, "miniature", model_directory)
    code, out, err = run(capsys, folder / "b.png", "--max-new-tokens", "4")
    assert code == 0
    assert err == MINIATURE_NOTICE + "\n"
    assert MINIATURE_NOTICE not in out
