"""BLIP's lists become what img2dataset reads, piece by piece."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from minigpt4.data import prepare as module
from minigpt4.data.prepare import download_command, prepare
from minigpt4.errors import DataError, SettingsError

ENTRIES: list[Any] = [
    {"url": "http://a.org/1.jpg", "caption": "a\tcat\non a mat"},
    {"url": "http://a.org/2.jpg", "caption": 'the "big" one, ü \ud83d'},
    {"url": "http://a.org/3.jpg", "caption": " "},
    {"caption": "of what?"},
    "text",
]


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t"))


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_a_list_becomes_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, indent: int | None, chunk: int
) -> None:
    monkeypatch.setattr(module, "_CHUNK_BYTES", chunk)
    path = tmp_path / "ccs_synthetic_filtered_large.json"
    path.write_text(json.dumps(ENTRIES, indent=indent))
    done = prepare(path, tmp_path / "out")
    assert done.tsv == tmp_path / "out" / "ccs_synthetic_filtered_large.tsv"
    assert _rows(done.tsv) == [
        ["url", "caption"],
        ["http://a.org/1.jpg", "a cat on a mat"],
        ["http://a.org/2.jpg", 'the "big" one, ü ?'],
    ]
    assert done.num_written == 2
    assert done.left_out == {"no caption": 1, "no url": 1, "not an object": 1}


def test_a_share_is_the_same_in_every_run(tmp_path: Path) -> None:
    entries = [{"url": f"http://a.org/{n}.jpg", "caption": "x"} for n in range(1000)]
    (tmp_path / "l.json").write_text(json.dumps(entries))
    first = prepare(tmp_path / "l.json", tmp_path / "1", share=0.2)
    assert 150 < first.num_written < 250
    assert first.left_out == {"not in the share": 1000 - first.num_written}
    second = prepare(tmp_path / "l.json", tmp_path / "2", share=0.2)
    assert first.tsv.read_bytes() == second.tsv.read_bytes()
    larger = prepare(tmp_path / "l.json", tmp_path / "3", share=0.3)
    assert {url for url, _ in _rows(first.tsv)} < {url for url, _ in _rows(larger.tsv)}


def test_the_command_is_the_official_one(tmp_path: Path) -> None:
    command = shlex.split(download_command(tmp_path / "a b" / "laion_synthetic_filtered_large.tsv"))
    assert command[0] == "img2dataset"
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--output_folder"] == str(tmp_path / "a b" / "laion_dataset")
    assert options["--output_format"] == "webdataset"
    assert (options["--image_size"], options["--processes_count"]) == ("224", "16")
    assert (options["--url_col"], options["--caption_col"]) == ("url", "caption")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"url": "a"}', "wanted a JSON list"),
        ('[{"url": "a", "caption": "b"}, {"url', "not valid JSON"),
        ('[{"url": "a", "caption": "b"},', "breaks off"),
        ("", "breaks off"),
        ("[]", "no usable entry"),
    ],
)
def test_a_bad_list_is_refused_and_leaves_nothing(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "l.json").write_text(text)
    with pytest.raises(DataError, match=message):
        prepare(tmp_path / "l.json", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_missing_list_and_an_impossible_share_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        prepare(tmp_path / "gone.json", tmp_path)
    with pytest.raises(SettingsError, match="share is 0"):
        prepare(tmp_path / "gone.json", tmp_path, share=0)
