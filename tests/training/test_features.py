"""Features are computed once for each picture that a training needs, always to the same bits."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image

from minigpt4.data.example import Example, captioned
from minigpt4.data.mixing import Mixture
from minigpt4.training.features import compute_features


class Greys:
    """Pictures that differ in brightness."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Example:
        return captioned(Image.new("RGB", (9, 9), (40 * index,) * 3), "grey", key=str(index))


def _mixture() -> Mixture:
    return Mixture([(Greys(), 1), (Greys(), 1)], batch_size=3, seed=0)


def test_features_computed_again_are_the_same_bits(tiny_model: Any) -> None:
    one, other = (compute_features(tiny_model, _mixture(), num_batches=4) for _ in range(2))
    assert one.rows == other.rows
    assert torch.equal(one.values, other.values)


def test_only_the_pictures_of_the_training_are_encoded(tiny_model: Any) -> None:
    features = compute_features(tiny_model, _mixture(), num_batches=1)
    assert len(features.rows) == len(features.values) == 3


def test_features_are_those_of_the_model(tiny_model: Any) -> None:
    mixture = _mixture()
    features = compute_features(tiny_model, mixture, num_batches=3, chunk_size=4)
    drawn = mixture.draw(2)
    pictures = [example.image for example in drawn.examples if example.image is not None]
    expected = tiny_model.encode_images(tiny_model.processor.pixel_values(pictures))
    torch.testing.assert_close(features.of(drawn), expected)


def test_bf16_halves_their_memory(tiny_model: Any) -> None:
    features = compute_features(tiny_model, _mixture(), num_batches=1, dtype=torch.bfloat16)
    assert features.values.dtype == torch.bfloat16
