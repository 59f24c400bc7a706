"""The pictures of a request: from `data:` URLs, or fetched from allowed hosts; never from files.

The bytes of strangers are read by few decoders (the usual formats of the web), the size is checked
before a pixel is decoded, and no message ever repeats what was sent.
"""

from __future__ import annotations

import base64
import binascii
import re

from PIL import Image

from minigpt4.config import config
from minigpt4.errors import ImageError
from minigpt4.processing.images import load_image
from minigpt4.serving.fetch import FetchPolicy, fetch

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
"""What is decoded, by Pillow's names."""

MAX_PIXELS = 25_000_000
"""The largest picture that is decoded."""

_DATA_URL = re.compile(r"data:(?P<kind>[\w.+-]+/[\w.+-]+)?(;[\w.+-]+=[\w.+-]+)*;base64,", re.ASCII)


@config
class PicturePolicy:
    """Limits for the pictures of one request."""

    fetch: FetchPolicy = FetchPolicy()
    max_pictures: int = 16
    """Pictures in all messages of a request."""
    max_pixels: int = MAX_PIXELS
    """The largest picture; decoding takes three bytes a pixel."""


def is_address(url: str) -> bool:
    """Say whether a picture must be fetched."""
    return url[:5].lower() != "data:"


def read_bytes(url: str, policy: PicturePolicy) -> bytes:
    """Return a picture's bytes; it may be fetched, so call it in a worker thread.

    Raises:
        ImageError: for anything but a `data:` URL or an address of an allowed host.
    """
    if is_address(url):
        return fetch(url, policy.fetch)
    head = _DATA_URL.match(url[:200])
    if head is None:
        raise ImageError("a data: URL begins with 'data:image/png;base64,' or the like")
    if head["kind"] and not head["kind"].lower().startswith("image/"):
        raise ImageError("the data: URL does not hold an image/... type")
    num_chars = len(url) - head.end()
    if num_chars * 3 // 4 > policy.fetch.max_bytes:
        raise ImageError(f"the picture is larger than {policy.fetch.max_bytes} bytes; reduce it")
    try:
        return base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError(
            f"the data: URL's base64 is broken: {num_chars} characters, wanted a multiple of four "
            "out of A-Z a-z 0-9 + / with = at the end; encode the whole file, without line breaks"
        ) from error


def decode_picture(data: bytes, policy: PicturePolicy) -> Image.Image:
    """Return the picture that the bytes are.

    Raises:
        ImageError: for anything else, and for a picture with too many pixels.
    """
    return load_image(data, max_pixels=policy.max_pixels, formats=FORMATS)
