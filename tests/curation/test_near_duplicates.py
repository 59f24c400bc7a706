"""Pictures that look alike."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from curation.some_drafts import draft, verdict
from minigpt4.curation.near_duplicates import flag_near_duplicates, near_pairs, perceptual_hash
from minigpt4.curation.store import DraftStore


def picture(seed: int) -> Image.Image:
    """Draw soft shapes, as a photograph has."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((96, 96), Image.Resampling.BICUBIC)


def distance(first: Image.Image, second: Image.Image) -> int:
    return (perceptual_hash(first) ^ perceptual_hash(second)).bit_count()


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((300, 200)),
        lambda image: image.filter(ImageFilter.GaussianBlur(2)),
        lambda image: image.point(lambda value: value * 3 // 4),
        lambda image: image.convert("P").convert("RGB"),
    ],
    ids=["another size", "blurred", "darker", "fewer colours"],
)
def test_a_changed_copy_is_near_and_another_picture_is_not(change):
    for seed in range(5):
        assert distance(picture(seed), change(picture(seed))) <= 4
        assert distance(picture(seed), picture(seed + 100)) > 10


def test_each_later_picture_is_paired_with_the_nearest_earlier_one():
    hashes = np.array([0b0000, 0b1111_1111, 0b0011, 0b0001], dtype=np.uint64)
    assert list(near_pairs(hashes, max_distance=2)) == [(0, 2, 2), (0, 3, 1)]


def test_twins_are_flagged_once_and_nothing_is_decided(tmp_path):
    with DraftStore(tmp_path, create=True) as store:
        store.add([draft(0), draft(1), draft(2, picture="gone.png")])
        picture(1).save(store.pictures / "000000.png")
        picture(1).resize((50, 50)).save(store.pictures / "000001.png")
        store.record(0, verdict("accept"))
        for _ in range(2):
            assert flag_near_duplicates(store) == 1
        assert store.load(1).flags[0].reason.startswith("looks like number 0")
        assert len(store.load(1).flags) == 1
        assert [store.load(number).outcome for number in (0, 1)] == ["accept", "open"]
