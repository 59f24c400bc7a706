"""A check counts what is there and names what is wrong and where."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from data.small_files import picture, picture_bytes, write_lines, write_pictures, write_tar
from minigpt4.data.check import check_source
from minigpt4.data.open_source import open_source
from minigpt4.data.shards import write_shards


def test_good_samples_are_measured(tmp_path: Path) -> None:
    write_shards(
        [(picture(n, (40 + n, 60)), "one two three"[: 4 * n + 3]) for n in range(3)], tmp_path
    )
    found = check_source(open_source(tmp_path)).as_json()
    assert (found["samples"], found["looked_at"], found["usable"]) == (3, 3, 3)
    assert found["width_px"] == {
        "min": 40, "p5": 40.1, "median": 41.0, "mean": 41.0, "p95": 41.9, "max": 42
    }  # fmt: skip
    assert (found["answer_words"]["min"], found["answer_words"]["max"]) == (1, 3)
    assert (found["distinct_pictures"], found["distinct_texts"]) == (3, 3)
    assert found["unusable"] == found["suspicious"] == {}


def test_troubles_of_a_shard_are_named_by_member(tmp_path: Path) -> None:
    good = picture_bytes(1)
    members = {
        "0.png": good, "0.txt": b"a cat",
        "1.png": good, "1.txt": b"a cat",
        "2.png": good, "2.txt": b"another cat",
        "3.png": picture_bytes(2)[:60], "3.txt": b"x",
        "4.png": b"<html>", "4.txt": b"x",
        "5.png": b"", "5.txt": b"x",
        "6.png": good, "6.txt": b" ",
        "7.png": good,
    }  # fmt: skip
    path = write_tar(tmp_path / "0.tar", members)
    found = check_source(open_source(tmp_path))
    assert found.num_samples == 8
    assert found.num_usable == 3
    assert found.unusable.counts == {
        "no caption": 1,
        "truncated picture": 1,
        "undecodable picture": 1,
        "empty picture": 1,
        "empty caption": 1,
    }
    assert found.unusable.places["no caption"] == [f"{path}, member 7"]
    assert found.unusable.places["empty caption"] == [f"{path}, member 6"]
    assert found.unusable.places["truncated picture"][0].startswith(f"{path}, member 3: ")
    duplicates = f"{path}, member 1, as {path}, member 0"
    assert found.suspicious.places == {"duplicate of picture and text": [duplicates]}
    assert found.as_json()["distinct_pictures"] == 1


def test_troubles_of_a_file_are_named_by_line(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a.png")
    rows = [{"image": "a.png", "caption": "a cat"}, {"image": "b.png", "caption": "x"}, "{"]
    path = write_lines(tmp_path / "captions.jsonl", *rows)
    found = check_source(open_source(path))
    assert found.unusable.counts == {"missing picture": 1, "not JSON": 1}
    assert found.unusable.places["missing picture"] == [f"{path}, line 2: {tmp_path / 'b.png'}"]
    assert found.unusable.places["not JSON"][0].startswith(f"{path}, line 3")


def test_a_caption_of_many_pictures_is_named_but_not_an_answer(tmp_path: Path) -> None:
    write_pictures(tmp_path, *(f"{n}.png" for n in range(12)))
    rows = [{"image": f"{n}.png", "caption": "the same"} for n in range(12)]
    said = check_source(open_source(write_lines(tmp_path / "a.jsonl", *rows))).suspicious
    assert said.counts == {"caption of many pictures": 12}
    assert said.places["caption of many pictures"][0].endswith("line 1, 12 times")
    asked = [{**row, "prompt": "Is it?"} for row in rows]
    assert not check_source(open_source(write_lines(tmp_path / "b.jsonl", *asked))).suspicious


def test_several_processes_find_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [(picture(n), f"picture {n % 150}") for n in range(300)]
    write_shards(pairs, tmp_path, samples_per_shard=100)
    source = open_source(tmp_path)
    reported: list[tuple[int, int]] = []
    alone = check_source(source, num_processes=1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    both = check_source(source, report=lambda done, total: reported.append((done, total)))
    assert both.as_json() == alone.as_json()
    assert both.rows.tolist() == alone.rows.tolist()
    assert reported[-1] == (300, 300)


def test_a_limit_spreads_over_the_whole_source(tmp_path: Path) -> None:
    write_shards([(picture(n), f"picture {n}") for n in range(10)], tmp_path)
    found = check_source(open_source(tmp_path), limit=4)
    assert found.rows["index"].tolist() == [0, 3, 6, 9]
    assert (found.num_samples, found.num_looked_at) == (10, 4)


def test_nothing_usable_is_told(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", {"image": "gone.png", "caption": "x"})
    found = check_source(open_source(path))
    assert found.num_usable == 0
    assert found.as_json()["width_px"] == {}
