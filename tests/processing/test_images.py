"""Every kind of picture becomes RGB, or an error that says what is wrong with it."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from minigpt4.errors import ImageError
from minigpt4.processing import images
from minigpt4.processing.image_processor import MiniGPT4ImageProcessor
from minigpt4.processing.images import (
    CLIP_MEAN,
    CLIP_STD,
    load_image,
    random_crop,
    squash,
    to_pixel_values,
)

RED = (255, 0, 0)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


@pytest.fixture
def noise() -> Image.Image:
    levels = np.random.default_rng(0).integers(0, 256, size=(40, 60, 3), dtype=np.uint8)
    return Image.fromarray(levels)


# -- good pictures of every kind ----------------------------------------------------------------


def test_a_path_bytes_and_a_picture_are_the_same(noise: Image.Image, tmp_path: Path):
    noise.save(tmp_path / "noise.png")
    wanted = np.asarray(noise)
    data = (tmp_path / "noise.png").read_bytes()
    for source in (tmp_path / "noise.png", str(tmp_path / "noise.png"), data, noise):
        picture = load_image(source)
        assert picture.mode == "RGB"
        assert (np.asarray(picture) == wanted).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "LAB"])
def test_modes_become_what_pillow_makes_of_them(noise: Image.Image, mode: str):
    given = noise if mode == "LAB" else noise.convert(mode)
    picture = load_image(given)
    assert picture.mode == "RGB"
    assert (np.asarray(picture) == np.asarray(given.convert("RGB"))).all()


def test_cmyk_jpegs_keep_their_colours():
    red = Image.new("RGB", (16, 16), RED).convert("CMYK")
    colour = np.asarray(load_image(encoded(red, "JPEG"))).reshape(-1, 3).mean(0)
    assert colour[0] > 240
    assert colour[1:].max() < 15


def test_palettes_with_transparency_keep_their_colours():
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, *RED])
    data = encoded(picture, "PNG", transparency=b"\x00\x80")
    assert load_image(data).getpixel((0, 0)) == RED


def test_transparency_is_dropped_as_officially():
    picture = Image.new("RGBA", (4, 4), (*RED, 0))
    assert load_image(encoded(picture, "PNG")).getpixel((0, 0)) == RED


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path):
    levels = np.array([[0, 257 * 100], [257 * 200, 65_535]], dtype=np.uint16)
    for name in ("grey.png", "grey.tiff"):
        Image.fromarray(levels).save(tmp_path / name)
        got = np.asarray(load_image(tmp_path / name))[..., 0]
        assert got.tolist() == [[0, 100], [200, 255]]


def test_thirty_two_bit_levels_and_floats_are_scaled():
    whole = Image.fromarray(np.array([[0, 70_000], [35_000, 140_000]], dtype=np.int32))
    assert np.asarray(load_image(whole))[..., 0].tolist() == [[0, 128], [64, 255]]
    small = Image.fromarray(np.array([[0, 100]], dtype=np.int32))
    assert np.asarray(load_image(small))[..., 0].tolist() == [[0, 100]]
    unit = Image.fromarray(np.array([[0.0, 0.5, 1.0, np.nan]], dtype=np.float32))
    assert np.asarray(load_image(unit))[..., 0].tolist() == [[0, 128, 255, 0]]


def test_pictures_are_turned_upright(noise: Image.Image):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    picture = load_image(encoded(noise, "PNG", exif=exif))
    assert picture.size == (40, 60)
    assert (np.asarray(picture) == np.rot90(np.asarray(noise), k=-1)).all()


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(form: str):
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, (0, 255, 0), (0, 0, 255))]
    options = {"lossless": True} if form == "WEBP" else {}
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:], **options)
    assert load_image(data).getpixel((0, 0)) == RED


# -- bad pictures -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.png", "no picture at"),
        ("folder", "is a folder"),
        ("text.png", "is not a picture"),
        ("empty.png", "is not a picture"),
        ("https://example.com/a.png", "is an address"),
    ],
)
def test_what_is_no_picture_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
):
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImageError, match=f"{name}.*{reason}|{reason}.*{name}"):
        load_image(name)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_truncated_picture_is_said(noise: Image.Image, tmp_path: Path, form: str, share: float):
    data = encoded(noise, form)
    path = tmp_path / f"cut.{form.lower()}"
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ImageError, match=r"cut\.\w+ is (broken or truncated|not a picture)"):
        load_image(path)


def test_damaged_contents_are_said(noise: Image.Image):
    data = bytearray(encoded(noise, "PNG"))
    data[60:90] = bytes(30)
    with pytest.raises(ImageError, match=r"the picture \(\d+ bytes\) is broken"):
        load_image(bytes(data))


def test_a_decompression_bomb_is_refused_unopened(monkeypatch: pytest.MonkeyPatch):
    data = encoded(Image.new("1", (2_000, 2_000)), "PNG")
    monkeypatch.setattr(images, "MAX_PIXELS", 1_000_000)
    with pytest.raises(ImageError, match="2000 x 2000 pixels, limit 1000000"):
        load_image(data)


@pytest.mark.parametrize("side", [10_000, 20_000])
def test_pillows_own_limits_are_image_errors_too(side: int):
    """Above its limit Pillow warns, above twice that it refuses."""
    data = encoded(Image.new("1", (8, 8)), "PNG")
    header = data.index(b"IHDR")
    forged = bytearray(data)
    forged[header + 4 : header + 12] = side.to_bytes(4, "big") * 2
    import zlib

    checksum = zlib.crc32(bytes(forged[header : header + 17]))
    forged[header + 17 : header + 21] = checksum.to_bytes(4, "big")
    with pytest.raises(ImageError, match=r"too many pixels|limit"):
        load_image(bytes(forged))


def test_pixels_of_arrays_and_tensors_are_taken_as_they_are():
    levels = np.random.default_rng(2).integers(0, 256, size=(5, 7, 3), dtype=np.uint8)
    for given in (levels, torch.from_numpy(levels), levels[:, ::-1]):
        assert np.array_equal(np.asarray(load_image(given)), np.asarray(given))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (np.zeros((5, 7, 3), dtype=np.float32), r"ndarray \(5, 7, 3\) of float32, wanted"),
        (torch.zeros(3, 5, 7), r"Tensor \(3, 5, 7\) of float32, wanted"),
        (np.zeros((5, 7), dtype=np.uint8), r"ndarray \(5, 7\) of uint8, wanted"),
        (7, "is a int; give a path"),
        (None, "is a NoneType; give a path"),
    ],
    ids=["floats", "channels first", "grey", "number", "none"],
)
def test_what_could_mean_several_pictures_is_refused_by_its_type(given: object, reason: str):
    with pytest.raises(ImageError, match=reason):
        load_image(given)  # type: ignore[arg-type]


def test_a_file_that_may_not_be_read_is_not_called_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "secret.png").write_bytes(encoded(Image.new("RGB", (2, 2)), "PNG"))

    def denied(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", denied)  # root may read everything
    with pytest.raises(ImageError, match=r"secret.png may not be read; check the permissions"):
        load_image(tmp_path / "secret.png")


def test_no_picture_at_all_is_said():
    with pytest.raises(ImageError, match="give at least one"):
        MiniGPT4ImageProcessor(size=16)([])


def test_a_picture_without_pixels_is_refused():
    with pytest.raises(ImageError, match="no pixels"):
        load_image(Image.new("RGB", (0, 5)))


# -- to pixels ----------------------------------------------------------------------------------


def test_pixels_are_normed_by_clip():
    pixels = to_pixel_values(Image.new("RGB", (2, 2), (255, 0, 51)))
    wanted = (torch.tensor([1.0, 0.0, 0.2]) - torch.tensor(CLIP_MEAN)) / torch.tensor(CLIP_STD)
    torch.testing.assert_close(pixels[:, 0, 0], wanted)
    assert pixels.shape == (3, 2, 2)


@pytest.mark.parametrize("size", [(60, 40), (33, 129), (7, 5), (1, 1), (500, 16)])
def test_a_squash_keeps_the_whole_picture(size: tuple[int, int]):
    levels = np.random.default_rng(1).integers(0, 256, size=(*size[::-1], 3), dtype=np.uint8)
    small = squash(Image.fromarray(levels), size_px=32)
    assert small.size == (32, 32)
    # Bicubic weights add up to one: the mean brightness stays.
    assert np.asarray(small).mean() == pytest.approx(levels.mean(), abs=6)


def test_crops_are_the_generators_and_of_the_official_size(monkeypatch: pytest.MonkeyPatch):
    boxes: list[tuple[int, int, int, int]] = []
    draw = images._draw_crop

    def watched(*arguments: Any) -> tuple[int, int, int, int]:
        boxes.append(draw(*arguments))
        return boxes[-1]

    monkeypatch.setattr(images, "_draw_crop", watched)
    picture = Image.new("RGB", (120, 100))
    rng = random.Random(3)
    for _ in range(300):
        assert random_crop(picture, size_px=16, rng=rng).size == (16, 16)
    for left, top, width, height in boxes:
        assert 0 <= left <= 120 - width
        assert 0 <= top <= 100 - height
        assert 0.49 <= width * height / 12_000 <= 1.0
        assert 0.74 <= width / height <= 1.36
    assert len(set(boxes)) > 200
    first = [draw(120, 100, random.Random(3)) for _ in range(2)]
    assert first[0] == first[1] == boxes[0]


def test_pictures_too_long_for_a_crop_give_their_middle():
    assert images._draw_crop(1000, 10, random.Random(0)) == (493, 0, 13, 10)
    assert images._draw_crop(10, 1000, random.Random(0)) == (0, 493, 10, 13)


def test_a_crop_is_never_flipped():
    ramp = np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[None, :, None], (64, 1, 3))
    for seed in range(20):
        crop = np.asarray(random_crop(Image.fromarray(ramp), size_px=32, rng=random.Random(seed)))
        assert (np.diff(crop[16, :, 0].astype(int)) >= 0).all()
