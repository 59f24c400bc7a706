"""Pictures are drawn once, by any number of processes alike, and kept by the drawing's hash."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from minigpt4.data import drawn
from minigpt4.data.drawn import cache_folder, draw_range, drawing_hash, load_pictures, normalise
from minigpt4.world.draw.picture import PICTURE_PX, draw
from minigpt4.world.sample import sample_scene


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINIGPT4_CACHE", str(tmp_path))
    return tmp_path / "pictures"


def test_pictures_are_those_of_the_stream_in_order():
    pictures = load_pictures("validation", 3, 4)
    assert pictures.pixels.shape == (4, PICTURE_PX, PICTURE_PX, 3)
    for index in range(4):
        scene = sample_scene("validation", 3, index)
        assert pictures.scene(index) == scene
        assert np.array_equal(pictures.pixels[index], np.asarray(draw(scene)))


def test_pictures_in_the_cache_are_not_drawn_again(cache, monkeypatch):
    first = load_pictures("test", 0, 2)
    assert [path.name for path in cache.iterdir()] == [f"{drawing_hash()}_test_0_2.npy"]
    monkeypatch.setattr(drawn, "_draw_all", pytest.fail)
    assert np.array_equal(load_pictures("test", 0, 2).pixels, first.pixels)


def test_an_interrupted_drawing_leaves_nothing_behind(cache, monkeypatch):
    monkeypatch.setattr(drawn, "draw", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_pictures("test", 0, 2)
    assert not list(cache.iterdir())


def test_several_processes_draw_what_one_draws(monkeypatch):
    alone = list(draw_range("test", 1, 2, 6))
    monkeypatch.setattr(drawn, "_PICTURES_PER_JOB", 2)
    together = list(draw_range("test", 1, 2, 6))
    assert len(together) == 4
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_progress_ends_at_the_number_of_pictures():
    seen = []
    load_pictures("test", 0, 3, report=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (3, 3)


def test_normalised_pictures_are_standardised_as_clip_does():
    grey = np.full((1, 2, 2, 3), 255 * 0.48145466, dtype=np.uint8)
    values = normalise(grey)
    assert values.shape == (1, 3, 2, 2)
    assert torch.allclose(values[:, 0], torch.tensor((122 / 255 - 0.48145466) / 0.26862954))
    white = normalise(np.full((1, 1, 1, 3), 255, dtype=np.uint8))
    assert white[0, 2, 0, 0].item() == pytest.approx((1 - 0.40821073) / 0.27577711)


def test_pixel_values_follow_the_indices_asked_for():
    pictures = load_pictures("test", 0, 3)
    assert torch.equal(pictures.pixel_values([2, 0])[0], normalise(pictures.pixels[2:3])[0])


def test_the_drawing_hash_ignores_comments_but_not_code(tmp_path, monkeypatch):
    package = tmp_path / "draw" / "__init__.py"
    package.parent.mkdir()
    monkeypatch.setattr(drawn.draw_package, "__file__", str(package))
    package.write_text("x = 1\n")
    before = drawing_hash()
    package.write_text("x = 1  # one\n")
    assert drawing_hash() == before
    package.write_text("x = 2\n")
    assert drawing_hash() != before


def test_the_cache_folder_can_be_chosen(tmp_path, monkeypatch):
    assert cache_folder() == tmp_path
    monkeypatch.delenv("MINIGPT4_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/minigpt4")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
