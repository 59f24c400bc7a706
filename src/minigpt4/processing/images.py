"""Pictures from anywhere, as RGB, and as the tensors the vision encoder takes.

`load_image` turns every kind of picture file into an RGB picture or an `ImageError` that says what
is wrong with it. Two ways lead from there to pixels: the squash of the official evaluation and the
random crop of the official training (RandomResizedCrop of torchvision, without its flip).

Paper: §3; the crop is what the released checkpoints were trained with.
"""

from __future__ import annotations

import io
import math
import random
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from minigpt4.errors import ImageError

ImageSource: TypeAlias = "str | Path | bytes | Image.Image | np.ndarray | Tensor"
"""A file, its bytes, a picture of Pillow, or pixels as (height, width, 3) bytes from 0 to 255."""

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

MAX_PIXELS = 89_478_485
"""Pillow's own limit of pixels; a larger picture is taken for a decompression bomb."""

CROP_AREA = (0.5, 1.0)
"""Smallest and largest share of the picture that a training crop keeps."""

CROP_RATIO = (3 / 4, 4 / 3)
"""Smallest and largest width to height of a training crop."""


def load_image(
    source: ImageSource, *, max_pixels: int | None = None, formats: tuple[str, ...] | None = None
) -> Image.Image:
    """Return the picture as RGB, upright, at its first frame.

    Transparency is dropped as the official code drops it; 16 and 32 bit grey levels are scaled to
    8 bit instead of clipped. Arrays and tensors must be (height, width, 3) of unsigned bytes.
    `formats` are Pillow's names of the only formats to try; `max_pixels` is `MAX_PIXELS` if it is
    not given.

    Raises:
        ImageError: for a picture that is missing, unreadable, truncated, too large or not a
            picture.
    """
    name, max_pixels = _name(source), max_pixels or MAX_PIXELS
    try:
        image = _from_pixels(source) if isinstance(source, np.ndarray | Tensor) else source
        if not isinstance(image, Image.Image):
            image = Image.open(_file(image, name), formats=formats)
        _check_size(image, name, max_pixels)
        image.seek(0)
        image.load()
        return _to_rgb(ImageOps.exif_transpose(image) or image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(
            f"{name} has too many pixels, limit {max_pixels}; reduce it first"
        ) from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is not a picture Pillow can read; convert it to PNG or JPEG"
        ) from error
    except PermissionError as error:
        raise ImageError(f"{name} may not be read; check the permissions of the file") from error
    except ImageError:
        raise
    # Decoders of some sixty formats raise whatever they stumble over in broken files.
    except Exception as error:
        raise ImageError(
            f"{name} is broken or truncated ({error}); copy or download it again"
        ) from error


def squash(image: Image.Image, *, size_px: int) -> Image.Image:
    """Resize to a square without keeping the aspect ratio: the official evaluation."""
    rows, columns = image.height - size_px, image.width - size_px
    if rows > 0 and rows > 2 * columns:
        # Pillow 13 resizes such pictures vertically first and rounds in between, older ones do
        # not; said outright, all versions give the same pixels.
        image = image.resize((image.width, size_px), Image.Resampling.BICUBIC)
    return image.resize((size_px, size_px), Image.Resampling.BICUBIC)


def random_crop(image: Image.Image, *, size_px: int, rng: random.Random) -> Image.Image:
    """Cut out a random part and resize it to a square: the official training."""
    left, top, width, height = _draw_crop(image.width, image.height, rng)
    return squash(image.crop((left, top, left + width, top + height)), size_px=size_px)


def to_pixel_values(
    image: Image.Image,
    *,
    mean: tuple[float, ...] = CLIP_MEAN,
    std: tuple[float, ...] = CLIP_STD,
) -> Float[Tensor, "3 height width"]:
    """Return an RGB picture as numbers around 0, normed by CLIP's statistics."""
    pixels = torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1)  # (3, H, W)
    pixels = pixels.to(torch.float32).div(255)
    return (pixels - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


def _name(source: ImageSource) -> str:
    if isinstance(source, str | Path):
        return str(source)
    return f"the picture ({len(source)} bytes)" if isinstance(source, bytes) else "the picture"


def _from_pixels(pixels: np.ndarray | Tensor) -> Image.Image:
    """Return the picture of an array or a tensor.

    Numbers of another kind could be anything (0 to 1, or normed): guessing gives a black picture.
    """
    shape, kind = tuple(pixels.shape), str(pixels.dtype).removeprefix("torch.")
    if kind != "uint8" or len(shape) != 3 or shape[2] != 3:
        raise ImageError(
            f"the picture is a {type(pixels).__name__} {shape} of {kind}, wanted (height, width, "
            "3) of uint8 from 0 to 255; convert it, or give a file or a picture of Pillow"
        )
    if isinstance(pixels, Tensor):
        pixels = pixels.detach().cpu().numpy()
    return Image.fromarray(np.ascontiguousarray(pixels))


def _file(source: str | Path | bytes, name: str) -> io.BytesIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if not isinstance(source, str | Path):
        raise ImageError(
            f"{name} is a {type(source).__name__}; give a path, the bytes of a file, a picture of "
            "Pillow, or an array (height, width, 3) of uint8"
        )
    path = Path(source)
    if name.startswith(("http://", "https://")):
        raise ImageError(f"{name} is an address, not a file; download it first")
    if not path.exists():
        raise ImageError(f"no picture at {name}; check the path")
    if path.is_dir():
        raise ImageError(f"{name} is a folder; give one of the pictures in it")
    # Read whole, so that no file stays open when a decoder gives up.
    return io.BytesIO(path.read_bytes())


def _check_size(image: Image.Image, name: str, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        raise ImageError(
            f"{name} has {image.width} x {image.height} pixels, limit {max_pixels}; reduce it first"
        )
    if not image.width or not image.height:
        raise ImageError(f"{name} has no pixels ({image.width} x {image.height}); give another one")


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _to_eight_bit(image).convert("RGB")
    if image.mode == "P" and "transparency" in image.info:
        # Pillow warns of palettes with transparent entries unless they pass through RGBA.
        image = image.convert("RGBA")
    return image.convert("RGB")


def _to_eight_bit(image: Image.Image) -> Image.Image:
    """Scale grey levels of 16 or 32 bit (or floats) to 0..255; Pillow would clip them."""
    levels = np.nan_to_num(np.asarray(image).astype(np.float64))
    highest = levels.max()
    if image.mode.startswith("I;16") or (image.mode == "I" and 255 < highest <= 65_535):
        levels = levels / 257
    elif image.mode == "F" and highest <= 1:
        levels = levels * 255
    elif highest > 255:
        levels = levels * (255 / highest)
    return Image.fromarray(levels.round().clip(0, 255).astype(np.uint8))


def _draw_crop(width: int, height: int, rng: random.Random) -> tuple[int, int, int, int]:
    """Draw left, top, width and height of a crop; after ten misses take the middle."""
    log_ratios = (math.log(CROP_RATIO[0]), math.log(CROP_RATIO[1]))
    for _ in range(10):
        area = width * height * rng.uniform(*CROP_AREA)
        ratio = math.exp(rng.uniform(*log_ratios))
        crop_width, crop_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            left = rng.randint(0, width - crop_width)
            return left, rng.randint(0, height - crop_height), crop_width, crop_height
    crop_width = min(width, max(1, round(height * CROP_RATIO[1])))
    crop_height = min(height, max(1, round(width / CROP_RATIO[0])))
    return (width - crop_width) // 2, (height - crop_height) // 2, crop_width, crop_height
