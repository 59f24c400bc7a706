"""Shards are walked once; the index is checked, repaired and kept somewhere writable."""

from __future__ import annotations

import logging
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from data.small_files import picture_bytes, write_tar
from minigpt4.data import shard_index
from minigpt4.data.shard_index import INDEX_NAME, index_shard, index_shards
from minigpt4.data.shards import TarShards


def _shard(path: Path, *captions: str) -> Path:
    members = {}
    for number, caption in enumerate(captions):
        members[f"{number}.png"] = picture_bytes(number)
        members[f"{number}.txt"] = caption.encode()
    return write_tar(path, members)


def _answers(source: TarShards) -> list[str]:
    return [source[index].turns[0].answer for index in range(len(source))]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINIGPT4_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "shards"
    folder.mkdir()
    _shard(folder / "0.tar", "a", "b")
    _shard(folder / "1.tar", "c")
    return folder


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the shards that are walked from now on."""
    names: list[str] = []
    original = index_shard

    def noted(path: Path) -> shard_index.ShardIndex:
        names.append(path.name)
        return original(path)

    monkeypatch.setattr(shard_index, "index_shard", noted)
    return names


def test_shards_are_walked_once(folder: Path, walked: list[str]) -> None:
    assert _answers(TarShards(folder)) == ["a", "b", "c"]
    assert walked == ["0.tar", "1.tar"]
    assert (folder / INDEX_NAME).is_file()
    assert _answers(TarShards(folder)) == ["a", "b", "c"]
    assert _answers(TarShards(folder / "1.tar")) == ["c"]
    assert walked == ["0.tar", "1.tar"]


def test_only_a_changed_or_new_shard_is_walked_again(folder: Path, walked: list[str]) -> None:
    TarShards(folder)
    _shard(folder / "1.tar", "C", "D")
    _shard(folder / "2.tar", "E")
    walked.clear()
    assert _answers(TarShards(folder)) == ["a", "b", "C", "D", "E"]
    assert walked == ["1.tar", "2.tar"]


def test_a_shard_of_equal_size_is_known_by_its_time_stamp(folder: Path, walked: list[str]) -> None:
    TarShards(folder)
    _shard(folder / "1.tar", "x")
    os.utime(folder / "1.tar", ns=(1, 1))
    walked.clear()
    assert _answers(TarShards(folder)) == ["a", "b", "x"]
    assert walked == ["1.tar"]


@pytest.mark.parametrize("damage", ["text", "cut", "bit", "empty"])
def test_a_damaged_index_is_built_anew(
    folder: Path, walked: list[str], caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    TarShards(folder)
    index = folder / INDEX_NAME
    whole = bytearray(index.read_bytes())
    if damage == "bit":
        whole[whole.index(b"places.npy") + 200] ^= 1
    index.write_bytes(
        {"text": b"not an index", "cut": whole[:300], "bit": whole, "empty": b""}[damage]
    )
    walked.clear()
    with caplog.at_level(logging.WARNING):
        assert _answers(TarShards(folder)) == ["a", "b", "c"]
    assert walked == ["0.tar", "1.tar"]
    assert "is damaged" in caplog.text
    walked.clear()
    TarShards(folder)
    assert not walked


def test_beside_unwritable_data_the_index_goes_to_the_cache_folder(
    folder: Path, tmp_path: Path, walked: list[str]
) -> None:
    (folder / INDEX_NAME).mkdir()  # nothing can be written there, not even by root
    TarShards(folder)
    assert len(list((tmp_path / "cache" / "shard_index").glob("*.npz"))) == 1
    walked.clear()
    assert _answers(TarShards(folder)) == ["a", "b", "c"]
    assert not walked


def test_an_index_that_can_not_be_kept_is_said_and_used(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / INDEX_NAME).mkdir()
    (tmp_path / "cache").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        assert _answers(TarShards(folder)) == ["a", "b", "c"]
    assert "can't be kept" in caplog.text
    assert not list(folder.glob("*.partial"))


def test_troubles_are_remembered_with_their_places(folder: Path, walked: list[str]) -> None:
    write_tar(folder / "1.tar", {"7.png": picture_bytes(0), "8.txt": b"x", "t.parquet": b"x"})
    first = TarShards(folder).troubles
    walked.clear()
    assert TarShards(folder).troubles == first
    assert not walked
    assert first.counts == {"no caption": 1, "no picture": 1}
    assert first.places["no caption"] == [f"{folder / '1.tar'}, member 7"]


def test_many_shards_are_walked_by_several_processes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    paths = [_shard(folder / f"{number}.tar", f"n{number}") for number in range(9)]
    reported: list[tuple[int, int]] = []
    indexes = index_shards(paths, report=lambda done, total: reported.append((done, total)))
    assert [len(index.keys) for index in indexes] == [1] * 9
    assert reported == [(done, 9) for done in range(1, 10)]
    assert _answers(TarShards(folder)) == [f"n{number}" for number in range(9)]


def test_equal_names_in_different_folders_of_a_shard_are_different_samples(tmp_path: Path) -> None:
    members = {"a/1.png": picture_bytes(0), "b/1.png": picture_bytes(1)}
    path = write_tar(tmp_path / "0.tar", members | {"a/1.txt": b"of a", "b/1.txt": b"of b"})
    assert _answers(TarShards(path)) == ["of a", "of b"]


def test_hidden_members_are_passed_over(tmp_path: Path) -> None:
    members = {"._1.png": b"finder", "1.png": picture_bytes(0), "1.txt": b"x", "._1.txt": b"finder"}
    source = TarShards(write_tar(tmp_path / "0.tar", members))
    assert len(source) == 1
    assert not source.troubles


def test_a_source_can_be_handed_to_another_process(folder: Path) -> None:
    source = TarShards(folder)
    assert _answers(pickle.loads(pickle.dumps(source))) == ["a", "b", "c"]


def test_a_sample_takes_some_tens_of_bytes(folder: Path) -> None:
    index = index_shard(folder / "0.tar")
    assert isinstance(index.places, np.ndarray)
    assert (index.places.nbytes + index.keys.nbytes) / len(index.keys) < 40
