"""The squash to pixels as an image processor of transformers, so that Auto classes can load it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from PIL import Image
from transformers import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor

from minigpt4.errors import ImageError
from minigpt4.processing.images import (
    CLIP_MEAN,
    CLIP_STD,
    ImageSource,
    load_image,
    squash,
    to_pixel_values,
)


class MiniGPT4ImageProcessor(BaseImageProcessor):
    """Settings of the vision encoder's input, and the official evaluation's way to it."""

    model_input_names = ["pixel_values"]

    def __init__(
        self,
        size: dict[str, int] | int = 224,
        image_mean: Iterable[float] = CLIP_MEAN,
        image_std: Iterable[float] = CLIP_STD,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.size = {"height": size, "width": size} if isinstance(size, int) else dict(size)
        self.image_mean = list(image_mean)
        self.image_std = list(image_std)
        # For readers of the saved file only; the steps themselves are `squash` and what follows.
        self.resample = int(Image.Resampling.BICUBIC)
        self.rescale_factor = 1 / 255

    @property
    def size_px(self) -> int:
        """Height and width of what comes out."""
        return self.size["height"]

    def __call__(self, images: Any, **_: Any) -> BatchFeature:
        """Return `pixel_values` of a picture or of any nesting of lists of pictures.

        Raises:
            ImageError: if there is no picture, or for one that cannot be read.
        """
        pictures = [self.pixels_of(squash(image, size_px=self.size_px)) for image in flat(images)]
        if not pictures:
            raise ImageError("no picture is given; give at least one")
        return BatchFeature({"pixel_values": torch.stack(pictures)})

    def pixels_of(self, image: Image.Image) -> torch.Tensor:
        """Return the normed pixels of a picture that has the right size."""
        return to_pixel_values(image, mean=tuple(self.image_mean), std=tuple(self.image_std))

    def fetch_images(self, images: Any) -> Any:
        """Return pictures as they are; addresses are not followed."""
        return images


def flat(images: Any) -> list[Image.Image]:
    """Load pictures given one by one or in lists of lists, in order."""
    if isinstance(images, list | tuple):
        return [image for group in images for image in flat(group)]
    source: ImageSource = images
    return [load_image(source)]
