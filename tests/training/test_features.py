"""Features are the same bits wherever they come from, and only those of the right encoder count."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from minigpt4.data.example import Example, captioned
from minigpt4.data.feature_cache import FeatureCache
from minigpt4.data.mixing import Mixture
from minigpt4.errors import DataError, WeightsError
from minigpt4.training.features import (
    build_cache,
    compute_features,
    encode,
    encoder_identity,
    open_cache,
    picture_key,
)


class Greys:
    """Pictures that differ in brightness; the seventh is broken, the last two are the same."""

    def __init__(self, *, count: int = 9, broken: int | None = 6) -> None:
        self.count, self.broken = count, broken

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        if index == self.broken:
            raise DataError("truncated picture: grey 6")
        level = 25 * min(index, 7)
        return captioned(Image.new("RGB", (9, 9), (level,) * 3), "grey", key=str(index))


def _image(index: int) -> Image.Image:
    image = Greys()[index].image
    assert isinstance(image, Image.Image)
    return image


def _mixture() -> Mixture:
    return Mixture([(Greys(), 1), (Greys(), 1)], batch_size=3, seed=0)


def _pixels(model: Any, indices: list[int]) -> torch.Tensor:
    return model.processor.pixel_values([_image(index) for index in indices])


def _values(folder: Path) -> dict[bytes, torch.Tensor]:
    cache = FeatureCache(folder)
    keys = {picture_key(_image(index)) for index in range(9) if index != 6}
    return {key: found[0] for key in keys if (found := cache.get([key])) is not None}


def test_a_pictures_features_do_not_depend_on_those_beside_it(tiny_model: Any) -> None:
    together = encode(tiny_model, _pixels(tiny_model, [0, 1, 2, 3, 4]))
    others = encode(tiny_model, _pixels(tiny_model, [5, 4, 0, 7, 2, 3]))
    assert torch.equal(together[4], others[1])
    assert torch.equal(together[0], encode(tiny_model, _pixels(tiny_model, [0]))[0])


def test_features_are_those_of_the_model_in_bf16(tiny_model: Any) -> None:
    pixels = _pixels(tiny_model, [0, 1, 2])
    expected = tiny_model.encode_images(pixels)
    torch.testing.assert_close(encode(tiny_model, pixels).float(), expected, rtol=1e-2, atol=1e-2)


def test_precision_of_the_training_does_not_reach_the_encoder(tiny_model: Any) -> None:
    pixels = _pixels(tiny_model, [0, 1])
    plain = encode(tiny_model, pixels)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(encode(tiny_model, pixels), plain)


def test_only_the_pictures_of_the_training_are_computed(tiny_model: Any) -> None:
    features = compute_features(tiny_model, _mixture(), num_batches=1)
    assert 1 <= len(features.rows) == len(features.values) <= 3
    assert features.of([_image(index) for index in range(9) if index != 6]) is None


def test_later_epochs_are_not_read_before_the_first_step(tiny_model: Any) -> None:
    class Counted(Greys):
        reads = 0

        def __getitem__(self, index: int) -> Example:
            self.reads += 1
            return super().__getitem__(index)

    source = Counted()
    mixture = Mixture([(source, 1)], batch_size=3, seed=0)
    compute_features(tiny_model, mixture, num_batches=3)
    first_epoch = source.reads
    features = compute_features(tiny_model, mixture, num_batches=30)
    assert source.reads == 2 * first_epoch
    assert features.of([_image(index) for index in range(9) if index != 6]) is not None


def test_memory_and_disk_hold_the_same_bits(tiny_model: Any, tmp_path: Path) -> None:
    build_cache(tiny_model, [Greys()], tmp_path)
    memory = compute_features(tiny_model, _mixture(), num_batches=6)
    disk = open_cache(tmp_path, tiny_model)
    for number in range(6):
        images = [example.image for example in _mixture().draw(number).examples]
        one, other = memory.of(images), disk.of(images)
        assert one is not None
        assert other is not None
        assert torch.equal(one, other)


def test_each_picture_is_encoded_once_and_bad_ones_are_counted(
    tiny_model: Any, tmp_path: Path
) -> None:
    report = build_cache(tiny_model, [Greys(), Greys(broken=None)], tmp_path)
    assert report.num_examples == 18
    assert report.num_encoded == len(FeatureCache(tmp_path)) == 8
    assert report.num_known == 9
    assert report.skipped == {"truncated picture": 1}
    again = build_cache(tiny_model, [Greys()], tmp_path)
    assert (again.num_encoded, again.num_known) == (0, 8)


def test_a_build_that_was_killed_goes_on(tiny_model: Any, tmp_path: Path) -> None:
    build_cache(tiny_model, [Greys()], tmp_path / "whole")
    folder = tmp_path / "killed"
    build_cache(tiny_model, [Greys(count=3)], folder)
    (folder / ".features-000-00001.safetensors.123.partial").write_bytes(b"half")
    (folder / "index.safetensors").unlink()
    report = build_cache(tiny_model, [Greys()], folder)
    assert report.num_encoded == 4
    assert not list(folder.glob(".*"))
    whole, killed = _values(tmp_path / "whole"), _values(folder)
    assert whole.keys() == killed.keys()
    assert all(torch.equal(whole[key], killed[key]) for key in whole)


def test_processes_share_the_pictures(tiny_model: Any, tmp_path: Path) -> None:
    build_cache(tiny_model, [Greys()], tmp_path / "one")
    for process in (1, 0):
        build_cache(tiny_model, [Greys()], tmp_path / "two", process=process, num_processes=2)
    names = sorted(os.listdir(tmp_path / "two"))
    assert [name[:12] for name in names if name.startswith("features")] == [
        "features-000",
        "features-001",
    ]
    one, two = _values(tmp_path / "one"), _values(tmp_path / "two")
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_an_old_index_is_not_believed(tiny_model: Any, tmp_path: Path) -> None:
    build_cache(tiny_model, [Greys(count=3)], tmp_path)
    old = (tmp_path / "index.safetensors").read_bytes()
    build_cache(tiny_model, [Greys()], tmp_path)
    (tmp_path / "index.safetensors").write_bytes(old)
    assert len(FeatureCache(tmp_path)) == 7


def test_a_damaged_file_is_named(tiny_model: Any, tmp_path: Path) -> None:
    build_cache(tiny_model, [Greys()], tmp_path)
    path = next(tmp_path.glob("features-*"))
    path.write_bytes(path.read_bytes()[:50])
    (tmp_path / "index.safetensors").unlink()
    with pytest.raises(DataError, match=r"features-000-00000.safetensors.*delete it"):
        FeatureCache(tmp_path)


def test_another_encoder_is_refused(tiny_model: Any, tmp_path: Path) -> None:
    build_cache(tiny_model, [Greys()], tmp_path)
    with torch.no_grad():
        tiny_model.vision_encoder.embeddings.class_embedding += 1
    with pytest.raises(DataError, match="made with vision_encoder"):
        open_cache(tmp_path, tiny_model)
    with pytest.raises(DataError, match="another folder"):
        build_cache(tiny_model, [Greys()], tmp_path)


def test_other_queries_or_another_preprocessing_are_refused(
    tiny_model: Any, tmp_path: Path
) -> None:
    build_cache(tiny_model, [Greys()], tmp_path)
    tiny_model.processor.image_processor.image_mean = [0.5, 0.5, 0.5]
    with pytest.raises(DataError, match="image_mean"):
        open_cache(tmp_path, tiny_model)
    before = encoder_identity(tiny_model)
    with torch.no_grad():
        tiny_model.query_tokens += 1
    assert encoder_identity(tiny_model)["query_tokens"] != before["query_tokens"]


def test_a_trained_qformer_is_no_part_of_what_is_cached(tiny_model: Any, tmp_path: Path) -> None:
    tiny_model.config.train_qformer = True
    tiny_model.freeze()
    build_cache(tiny_model, [Greys()], tmp_path)
    with torch.no_grad():
        tiny_model.query_tokens += 1
    features = open_cache(tmp_path, tiny_model).of([_image(1)])
    assert features is not None
    assert features.shape == (1, 5, 16)  # the vision encoder's tokens
    embeds = tiny_model.embed_features(features)
    embeds.sum().backward()
    assert tiny_model.query_tokens.grad is not None


def test_a_model_without_its_encoder_says_so(tiny_model: Any) -> None:
    pixels = _pixels(tiny_model, [0])
    parts = tiny_model.leave_out_encoder()
    assert parts.keys() == {"vision_encoder", "qformer"}
    with pytest.raises(WeightsError, match="without its vision_encoder"):
        tiny_model.encode_images(pixels)


def test_a_folder_that_is_no_cache_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cache build RECIPE"):
        FeatureCache(tmp_path)
