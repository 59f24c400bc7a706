"""Features on disk are found by their keys, however many files and processes wrote them."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from minigpt4.data import feature_cache
from minigpt4.data.feature_cache import FeatureCache, FeatureWriter
from minigpt4.errors import DataError

IDENTITY: dict[str, Any] = {"vision_encoder": "abc", "image_mean": [0.5, 0.5, 0.5]}


def _key(number: int) -> bytes:
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


def _features(*numbers: int) -> torch.Tensor:
    return torch.stack([torch.full((2, 3), float(number)) for number in numbers])


def _write(folder: Path, *numbers: int, process: int = 0) -> None:
    writer = FeatureWriter(folder, IDENTITY, process=process)
    for number in numbers:
        writer.add([_key(number)], _features(number))
        writer.flush()
    writer.close()


def test_features_come_back_in_the_order_asked_for(tmp_path: Path) -> None:
    _write(tmp_path, *range(9))
    _write(tmp_path, 9, 3, process=1)  # 3 a second time
    cache = FeatureCache(tmp_path)
    assert len(cache) == 10
    found = cache.get([_key(number) for number in (4, 9, 0, 4)])
    assert found is not None
    assert found.dtype == torch.bfloat16
    assert torch.equal(found.float(), _features(4, 9, 0, 4))
    assert cache.get([_key(1), _key(77)]) is None
    assert _key(9) in cache
    assert _key(77) not in cache


def test_more_files_than_may_be_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_cache, "_MAX_OPEN_FILES", 2)
    _write(tmp_path, *range(6))
    cache = pickle.loads(pickle.dumps(FeatureCache(tmp_path)))  # as a loader's worker gets it
    for numbers in ((0, 1, 2, 3, 4, 5), (5, 0, 3)):
        found = cache.get([_key(number) for number in numbers])
        assert torch.equal(found.float(), _features(*numbers))


def test_keys_with_the_same_first_half_are_told_apart(tmp_path: Path) -> None:
    keys = [b"12345678" + half for half in (b"aaaaaaaa", b"bbbbbbbb")]
    writer = FeatureWriter(tmp_path, IDENTITY)
    writer.add(keys, _features(1, 2))
    writer.close()
    cache = FeatureCache(tmp_path)
    found = cache.get(keys[::-1])
    assert found is not None
    assert torch.equal(found.float(), _features(2, 1))
    assert b"12345678cccccccc" not in cache


def test_a_file_is_written_when_it_is_big_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_cache, "SHARD_BYTES", 3 * 12)
    writer = FeatureWriter(tmp_path, IDENTITY)
    for number in range(7):
        writer.add([_key(number)], _features(number))
    assert len(list(tmp_path.glob("features-*"))) == 2
    assert len(FeatureCache(tmp_path)) == 6  # without an index, and before the build is done
    writer.close()
    assert len(FeatureCache(tmp_path)) == 7


def test_an_empty_cache_knows_nothing(tmp_path: Path) -> None:
    FeatureWriter(tmp_path, IDENTITY).close()
    assert len(FeatureCache(tmp_path)) == 0
    assert FeatureCache(tmp_path).get([_key(0)]) is None


def test_another_identity_is_refused_by_name(tmp_path: Path) -> None:
    _write(tmp_path, 1)
    with pytest.raises(DataError, match="vision_encoder abc, not xyz"):
        FeatureWriter(tmp_path, IDENTITY | {"vision_encoder": "xyz"})


def test_a_damaged_identity_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        FeatureCache(tmp_path)
