"""A picture is decoded or its fault is named in a few words."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import EpsImagePlugin, Image, features

from minigpt4.data.pictures import decode_picture, picture_formats
from minigpt4.errors import DataError
from minigpt4.processing.images import load_image


def _file(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.radial_gradient("L").resize((48, 40)).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def test_bytes_and_paths_decode_alike(tmp_path: Path) -> None:
    Image.new("L", (3, 2), 77).save(tmp_path / "a.png")
    one = decode_picture(tmp_path / "a.png", where="a")
    other = decode_picture((tmp_path / "a.png").read_bytes(), where="a")
    assert one.tobytes() == other.tobytes() == bytes([77]) * 6


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"junk", "undecodable"),
        (Path("/nowhere/x.png"), "missing"),
        (Path("/"), "unreadable"),
    ],
)
def test_the_fault_comes_first(content: bytes | Path, reason: str) -> None:
    with pytest.raises(DataError, match=rf"^{reason} picture: here"):
        decode_picture(content, where="here")


def test_a_bomb_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    Image.new("RGB", (30, 30)).save(file, "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DataError, match=r"^huge picture"):
        decode_picture(file.getvalue(), where="here")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_processing_would_refuse_as_too_large_is_refused_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1500)  # Pillow only warns up to twice that
    with pytest.raises(DataError, match=r"^huge picture: here: 48 x 40 pixels, limit 1500"):
        decode_picture(_file("PNG"), where="here")


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_a_decoder_may_raise_whatever_it_likes() -> None:
    whole = _file("AVIF")
    box = whole.index(b"mdat") + 8  # its first bytes are the coded picture
    with pytest.raises(DataError, match=r"^undecodable picture: here: .*decode") as caught:
        decode_picture(whole[:box] + bytes(len(whole) - box), where="here")
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.skipif(not features.check("webp"), reason="this Pillow has no WebP")
def test_notes_that_processing_stumbles_over_are_met_here() -> None:
    assert decode_picture(_file("WEBP"), where="here").size == (48, 40)
    with pytest.raises(DataError, match=r"^undecodable picture: here"):
        decode_picture(_file("WEBP", exif=b"Exif\0\0no such thing"), where="here")


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_a_machine_without_memory_is_no_bad_picture(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_: object) -> None:
        raise error

    monkeypatch.setattr(Image.Image, "load", load)
    with pytest.raises(error):
        decode_picture(_file("BMP"), where="here")


def test_only_formats_of_pictures_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> None:
        pytest.fail("Ghostscript was started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", run)
    with pytest.raises(DataError, match=r"^undecodable picture"):
        decode_picture(_file("EPS"), where="here")
    assert {"JPEG", "PNG", "TIFF", "PPM"} <= set(picture_formats())
    assert not {"EPS", "PSD", "WMF"} & set(picture_formats())


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_turned_picture_is_left_as_it_lies(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode_picture(_file("JPEG", exif=exif), where="here")
    assert picture.size == (48, 40)
    assert load_image(picture).size == ((48, 40) if orientation == 1 else (40, 48))
