"""Find, read and decode the pictures of a data set, so that a bad one is met early.

A bad picture is a DataError whose message begins with the reason, for counting; the example is
then replaced by another one.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from PIL import ExifTags, Image, ImageOps

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
    if isinstance(content, Path):
        content = _read(content, where)
    if not content:
        raise DataError(f"empty picture: {where}")
    try:
        image = Image.open(io.BytesIO(content), formats=picture_formats())
        _check_size(image, where)
        image.load()
        # What `processing` will do with it is tried here, where a fault only costs this picture.
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            ImageOps.exif_transpose(image)
    except (DataError, MemoryError):  # no memory is a fault of the machine, not of the picture
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"huge picture: {where}: {error}") from error
    # Decoders raise whatever they stumble over in a broken file: RuntimeError, struct.error, ...
    except Exception as error:
        # Pillow says "truncated" of a picture that breaks off, in several wordings.
        cut = "truncated" in str(error).lower()
        reason = "truncated picture" if cut else "undecodable picture"
        raise DataError(f"{reason}: {where}: {error}") from error
    return image


@lru_cache(maxsize=1)
def picture_formats() -> tuple[str, ...]:
    """Return Pillow's names of the formats of `PICTURE_SUFFIXES` that it can read here.

    No other decoder sees a picture of a data set: some start other programs (EPS Ghostscript).
    """
    known = Image.registered_extensions()
    return tuple(sorted({known[f".{name}"] for name in PICTURE_SUFFIXES if f".{name}" in known}))


def encoded_picture(image: Image.Image | Path) -> tuple[bytes, str]:
    """Return a picture as a file's bytes, and the suffix of such a file, without the dot.

    A file that `decode_picture` took is kept as it is; a decoded picture is encoded without loss.

    Raises:
        DataError: for a file that cannot be read.
    """
    if isinstance(image, Path):
        content, suffix = _read(image, str(image)), image.suffix.lower().removeprefix(".")
        if suffix not in PICTURE_SUFFIXES:
            image = Image.open(io.BytesIO(content), formats=picture_formats())
            suffix = str(image.format).lower()
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


def _read(path: Path, where: str) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"missing picture: {where}") from error
    except OSError as error:
        raise DataError(f"unreadable picture: {where}: {error}") from error


def _check_size(image: Image.Image, where: str) -> None:
    """Refuse what is too large for `processing` too; Pillow itself only warns up to twice that."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise DataError(
            f"huge picture: {where}: {image.width} x {image.height} pixels, limit {limit}; "
            "reduce it first"
        )
