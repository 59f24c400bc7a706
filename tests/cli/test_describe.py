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


def test_answers_go_into_a_file_and_a_stopped_run_goes_on(capsys, folder, model_directory):
    bad = folder / "bad.png"
    bad.write_bytes((folder / "b.png").read_bytes()[:-40])
    out = folder / "answers" / "all.jsonl"
    args = [folder, "--model", model_directory, "--out", out, "--max-new-tokens", "8"]
    code, printed, err = run(capsys, *args)
    assert (code, printed) == (1, "")
    assert "bad.png is broken" in err
    assert "4 answered" in err
    rows = rows_of(out.read_text())
    assert [Path(row["image"]).name for row in rows] == ["a.JPG", "b.png", "bad.png", "c.webp"]
    assert [list(row) for row in rows if "bad" in row["image"]] == [["image", "prompt", "error"]]
    plain = rows_of(run(capsys, folder, *args[1:3], "--json", *args[5:])[1])
    assert [row["text"] for row in rows if "text" in row] == [
        row["text"] for row in plain if "text" in row
    ]

    whole = out.read_text()
    lines = whole.splitlines(keepends=True)
    # As if the power had failed in the middle of the third line.
    out.write_text(lines[0] + lines[1] + lines[2][:30])
    code, _, err = run(capsys, *args)
    assert "2 answered" in err
    assert out.read_text() == whole
    code, _, err = run(capsys, *args)
    assert (code, out.read_text()) == (0, whole)
    assert "0 answered" in err


def test_several_prompts_are_asked_about_each_picture(capsys, folder, model_directory):
    out = folder / "answers.jsonl"
    prompts = ["What color is it?", "Hi"]
    args = ["--model", model_directory, "--max-new-tokens", "4", "--batch-size", "2"]
    options = [*args, "--prompt", prompts[0], "--prompt", prompts[1]]
    assert run(capsys, folder, "--out", out, *options)[0] == 0
    rows = rows_of(out.read_text())
    assert [row["prompt"] for row in rows] == prompts * 3
    code, _, err = run(capsys, folder, *options)
    assert code == 1
    assert "give --out" in err


def test_a_file_of_something_else_is_not_written_into(capsys, folder, model_directory):
    out = folder / "letter.txt"
    out.write_text("Dear Ada,\n")
    code, _, err = run(capsys, folder, "--model", model_directory, "--out", out)
    assert code == 1
    assert "is no answer; give --out another file" in err
    assert out.read_text() == "Dear Ada,\n"
