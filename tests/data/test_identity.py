"""A source is recognised by what it is made of, wherever that lies."""

from __future__ import annotations

import shutil
from pathlib import Path

from data.small_files import picture, write_lines, write_pictures
from minigpt4.data.cc_sbu_align import CcSbuAlign, write_cc_sbu_align
from minigpt4.data.identity import differences, source_record
from minigpt4.data.open_source import open_source
from minigpt4.data.shards import TarShards, write_shards


def _pairs(count: int) -> list:
    return [(picture(number), f"caption {number}") for number in range(count)]


def test_shards_are_known_by_names_and_sizes(tmp_path: Path) -> None:
    write_shards(_pairs(5), tmp_path / "a", samples_per_shard=2)
    record = source_record(TarShards(tmp_path / "a"))
    assert (record["kind"], record["examples"], record["files"]) == ("TarShards", 5, 3)
    moved = Path(shutil.copytree(tmp_path / "a", tmp_path / "b"))
    assert source_record(TarShards(moved)) == record
    (moved / "00002.tar").rename(moved / "00003.tar")
    renamed = source_record(TarShards(moved))
    assert differences([record], [renamed])[0].startswith("source 0 (TarShards): names_and_sizes")
    (moved / "00003.tar").unlink()
    (text,) = differences([record], [source_record(TarShards(moved))])
    assert "examples 5 -> 4, files 3 -> 2" in text


def test_annotation_files_are_known_by_their_size(tmp_path: Path) -> None:
    write_pictures(tmp_path, "0.png", "1.png")
    rows = [{"image": f"{number}.png", "caption": "x"} for number in range(2)]
    write_lines(tmp_path / "captions.jsonl", *rows)
    record = source_record(open_source(tmp_path))
    write_lines(tmp_path / "captions.jsonl", rows[0], rows[1] | {"caption": "another"})
    assert "bytes" in differences([record], [source_record(open_source(tmp_path))])[0]
    write_cc_sbu_align(_pairs(3), tmp_path / "align")
    record = source_record(CcSbuAlign(tmp_path / "align"))
    assert (record["examples"], record["files"]) == (3, 1)


def test_another_number_of_sources_is_named(tmp_path: Path) -> None:
    assert differences([{"examples": 1}], []) == ["1 sources -> 0"]
    assert differences([{"examples": 1}], [{"examples": 1}]) == []
