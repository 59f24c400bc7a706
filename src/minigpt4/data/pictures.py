"""Find, read and decode the pictures of a data set, so that a bad one is met early.

A bad picture is a DataError whose message begins with the reason, for counting; the example is
then replaced by another one.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from minigpt4.errors import DataError

PICTURE_SUFFIXES = (
    "jpg",
    "jpeg",
    "png",
    "webp",
    "bmp",
    "gif",
    "tif",
    "tiff",
    "jfif",
    "jpe",
    "ppm",
    "avif",
    "jp2",
)
"""What a picture's name may end with, without the dot; an earlier one wins over a later one."""


def decode_picture(content: bytes | Path, *, where: str) -> Image.Image:
    """Return the decoded picture in whatever mode it has; `processing` makes it RGB.

    Raises:
        DataError: whose message begins with the reason, for counting.
    """
    try:
        if isinstance(content, Path):
            content = content.read_bytes()
        if not content:
            raise DataError(f"empty picture: {where}")
        image = Image.open(io.BytesIO(content))
        image.load()
    except FileNotFoundError as error:
        raise DataError(f"missing picture: {where}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"huge picture: {where}: {error}") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        # Pillow says "truncated" of a picture that breaks off, in several wordings.
        cut = "truncated" in str(error).lower()
        reason = "truncated picture" if cut else "undecodable picture"
        raise DataError(f"{reason}: {where}: {error}") from error
    return image


def encoded_picture(image: Image.Image | Path) -> tuple[bytes, str]:
    """Return a picture as a file's bytes, and the suffix of such a file, without the dot.

    A file is taken as it is; a decoded picture is encoded without loss.
    """
    if isinstance(image, Path):
        content, suffix = image.read_bytes(), image.suffix.lower().removeprefix(".")
        if suffix not in PICTURE_SUFFIXES:
            suffix = str(Image.open(io.BytesIO(content)).format).lower()
        return content, suffix
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue(), "png"


def find_picture(folder: Path, stems: Iterable[str], *, where: str) -> Path:
    """Return the picture of the first of some names that has one, whatever its suffix.

    Raises:
        DataError: "missing picture" if there is none.
    """
    stems = list(stems)
    for stem in stems:
        for suffix in PICTURE_SUFFIXES:
            path = folder / f"{stem}.{suffix}"
            if path.is_file():
                return path
    raise DataError(f"missing picture: {where}: no {folder / stems[0]}.jpg (or png, webp, ...)")


def coco_stems(image_id: int | str) -> list[str]:
    """Return the file names, without suffix, that COCO gives a picture, in 2017 and in 2014."""
    number = f"{int(image_id):012d}"
    years = [f"COCO_{split}2014_{number}" for split in ("train", "val", "test")]
    return [number, *years, f"COCO_test2015_{number}"]
