"""Pictures of strangers: few formats, checked sizes, and no file."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from dataclasses import replace

import pytest
from PIL import Image

from minigpt4.errors import ImageError
from minigpt4.serving.fetch import FetchPolicy
from minigpt4.serving.pictures import PicturePolicy, decode_picture, read_bytes
from serving.running import data_url

POLICY = PicturePolicy()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_the_formats_of_the_web_are_read(kind):
    picture = Image.new("RGB", (6, 4), "red")
    decoded = decode_picture(read_bytes(data_url(picture, kind), POLICY), POLICY)
    assert (decoded.size, decoded.mode) == ((6, 4), "RGB")


@pytest.mark.parametrize("kind", ["TIFF", "ICO", "PPM", "PDF"])
def test_other_formats_are_not_even_tried(kind):
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(file, kind)
    with pytest.raises(ImageError, match="not a picture"):
        decode_picture(file.getvalue(), POLICY)


def test_a_bomb_is_refused_by_its_head():
    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    for side in (6_000, 12_000, 60_000):
        head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        bomb = (
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
        )
        with pytest.raises(ImageError, match="pixels"):
            decode_picture(bomb, POLICY)


def test_a_picture_that_is_too_large_is_not_decoded():
    small = replace(POLICY, fetch=FetchPolicy(max_bytes=100))
    with pytest.raises(ImageError, match="larger than 100 bytes"):
        read_bytes("data:image/png;base64," + "A" * 200, small)


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png;base64,AA=A",
        "data:image/png;base64,AAA",
        "data:image/png;base64,AA\nAA",
        "data:image/png,AAAA",
        "data:text/plain;base64,AAAA",
        "data:",
        "/etc/passwd",
        "~/picture.png",
        "picture.png",
        "FILE:///etc/passwd",
    ],
)
def test_what_is_no_data_url_and_no_address_is_refused(url):
    with pytest.raises(ImageError) as error:
        read_bytes(url, POLICY)
    assert "passwd" not in str(error.value)


def test_broken_base64_says_what_would_be_whole():
    with pytest.raises(ImageError, match=r"3 characters, wanted a multiple of four .*; encode"):
        read_bytes("data:image/png;base64,AAA", POLICY)


def test_parameters_of_a_data_url_are_allowed():
    data = base64.b64encode(b"xyz").decode()
    for head in (
        "data:image/png;charset=utf-8;base64,",
        "data:;base64,",
        "data:image/svg+xml;base64,",
    ):
        assert read_bytes(head + data, POLICY) == b"xyz"
