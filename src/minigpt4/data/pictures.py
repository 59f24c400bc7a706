"""Decode a picture of a data set early, so that a bad one can be replaced by another example."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from minigpt4.errors import DataError


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
        raise DataError(f"undecodable picture: {where}: {error}") from error
    return image
