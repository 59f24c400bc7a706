"""`minigpt4 data`: reports for people and programs, exit codes for scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from data.small_files import picture_bytes, write_lines, write_tar
from minigpt4.cli.data import app
from minigpt4.data.open_source import open_source
from minigpt4.errors import DataError


def invoke(*arguments: str):
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    members = {"0.png": picture_bytes(0), "0.txt": b"a cat", "1.png": b"no", "1.txt": b"a dog"}
    members |= {"2.png": picture_bytes(2), "2.txt": b"visit www.example.org"}
    return write_tar(tmp_path / "0.tar", members)


def test_check_tells_what_is_wrong_and_where(tmp_path: Path, shard: Path):
    sheet = tmp_path / "sheet.png"
    result = invoke("check", str(shard), "--out", str(sheet))
    assert result.exit_code == 0
    assert "3 samples, 2 usable" in result.stdout
    assert "1 undecodable picture" in result.stdout
    assert f"{shard}, member 1" in result.stdout
    assert "1 address" in result.stdout
    assert f"contact sheet: {sheet}" in result.stdout
    with Image.open(sheet) as drawn:
        assert drawn.format == "PNG"


def test_check_as_json_is_one_object(tmp_path: Path, shard: Path):
    result = invoke("check", str(shard), "--json", "--out", str(tmp_path / "s.png"), "--limit", "1")
    report = json.loads(result.stdout)
    assert (report["samples"], report["looked_at"], report["usable"]) == (3, 1, 1)
    assert report["sheet"] == str(tmp_path / "s.png")
    assert report["width_px"]["max"] == 48


def test_check_of_nothing_usable_is_exit_code_1(tmp_path: Path):
    path = write_lines(tmp_path / "c.jsonl", {"image": "gone.png", "caption": "x"})
    result = invoke("check", str(path), "--json", "--out", str(tmp_path / "s.png"))
    assert result.exit_code == 1
    assert json.loads(result.stdout)["unusable"]["missing picture"]["count"] == 1
    assert "nothing in" in result.stderr
    assert not (tmp_path / "s.png").exists()


def test_check_without_a_sheet(tmp_path: Path, shard: Path):
    result = invoke("check", str(shard), "--pictures", "0", "--out", str(tmp_path / "s.png"))
    assert result.exit_code == 0
    assert not (tmp_path / "s.png").exists()


def test_check_of_what_is_no_data_set_says_so(tmp_path: Path):
    with pytest.raises(DataError, match="nothing at"):
        invoke("check", str(tmp_path / "gone"))


def test_convert_writes_another_form_and_tells_what_stays_out(tmp_path: Path, shard: Path):
    result = invoke("convert", str(shard), "--to", "llava", "--out", str(tmp_path / "l"))
    assert "2 samples are in" in result.stdout
    assert "1 undecodable picture" in result.stdout
    assert open_source(tmp_path / "l")[0].turns[0].answer == "a cat"


def test_prepare_prints_only_the_command_on_stdout(tmp_path: Path):
    entries = [{"url": "http://a.org/1.jpg", "caption": "x"}, {"url": "http://a.org/2.jpg"}]
    (tmp_path / "l.json").write_text(json.dumps(entries))
    result = invoke("prepare", str(tmp_path / "l.json"), "--out", str(tmp_path / "out"))
    assert result.exit_code == 0
    assert result.stdout.startswith("img2dataset --url_list ")
    assert result.stdout.count("\n") == 1
    assert "1 left out: no caption" in result.stderr
    assert (tmp_path / "out" / "l.tsv").is_file()
