"""What the projection sees, computed once: the frozen encoder need not run at every step.

Features are kept in memory for one training (`compute_features`) or on disk for many
(`build_cache`, `open_cache`), by a hash of the picture's pixels. Wherever they come from they are
the same bits: pictures are encoded a few at a time, always as many (the last ones are repeated to
fill up), in the type the encoder was loaded in, and rounded to bf16.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt4.data.example import Source
from minigpt4.data.feature_cache import FEATURE_DTYPE, FeatureCache, FeatureWriter, check_identity
from minigpt4.data.mixing import Mixture, with_picture
from minigpt4.data.troubles import reason_of
from minigpt4.errors import DataError, ImageError, WeightsError
from minigpt4.model.fingerprint import fingerprint, fingerprint_tensors
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
from minigpt4.model.vision import is_left_out
from minigpt4.processing.images import ImageSource, load_image
from minigpt4.training.prefetch import prefetched
from minigpt4.training.progress import progress_bar

PICTURES_AT_ONCE = {"cpu": 4}
"""Pictures in one pass of the encoder, by device; a CPU's caches hold no more."""
PICTURES_AT_ONCE_ELSEWHERE = 32


class Features(Protocol):
    """Features of pictures, computed before."""

    def of(
        self, images: Sequence[ImageSource]
    ) -> Float[Tensor, "images image_tokens feature_dim"] | None:
        """Return the features of pictures in order; None if any is missing."""
        ...


@dataclass(frozen=True)
class FeaturesInMemory:
    """Features by the key of their picture, on the CPU."""

    rows: dict[bytes, int]
    values: Float[Tensor, "images image_tokens feature_dim"]

    def of(
        self, images: Sequence[ImageSource]
    ) -> Float[Tensor, "batch image_tokens feature_dim"] | None:
        """Return the features of pictures in order; None if any is missing."""
        rows = [self.rows.get(picture_key(image)) for image in images]
        if not rows or None in rows:
            return None
        return self.values[rows]


@dataclass(frozen=True)
class FeaturesOnDisk:
    """Features in a cache."""

    cache: FeatureCache

    def of(
        self, images: Sequence[ImageSource]
    ) -> Float[Tensor, "batch image_tokens feature_dim"] | None:
        """Return the features of pictures in order; None if any is missing."""
        return self.cache.get([picture_key(image) for image in images])


def picture_key(image: ImageSource) -> bytes:
    """Return a hash of a picture's size and pixels, whatever file they came in."""
    picture = load_image(image)
    digest = hashlib.blake2b(f"{picture.width} {picture.height} ".encode(), digest_size=16)
    digest.update(picture.tobytes())
    return digest.digest()


@torch.no_grad()
def encode(
    model: MiniGPT4ForConditionalGeneration,
    pixel_values: Float[Tensor, "images 3 height width"],
) -> Float[Tensor, "images image_tokens feature_dim"]:
    """Encode pictures so that each one's features do not depend on those beside it."""
    pixels = pixel_values.to(model.device)
    size = PICTURES_AT_ONCE.get(model.device.type, PICTURES_AT_ONCE_ELSEWHERE)
    count = pixels.shape[0]
    missing = -count % size
    if missing:
        pixels = torch.cat([pixels, pixels[-1:].expand(missing, -1, -1, -1)])
    parts = [model.encode_frozen(part).to(FEATURE_DTYPE) for part in pixels.split(size)]
    return torch.cat(parts)[:count]


def compute_features(
    model: MiniGPT4ForConditionalGeneration, mixture: Mixture, *, num_batches: int
) -> FeaturesInMemory:
    """Encode every picture that the first `num_batches` batches of the mixture need."""
    rows: dict[bytes, int] = {}
    values: list[Tensor] = []
    seen: set[tuple[int, int]] = set()
    with progress_bar(num_batches, 0, label="features") as advance:
        waiting: list[Tensor] = []
        for number in range(num_batches):
            # After the first epoch nothing is new, and nothing need be read again to know it.
            places = set(mixture.places(number))
            examples = () if places <= seen else mixture.draw(number).examples
            seen |= places
            for example in examples:
                assert example.image is not None
                key = picture_key(example.image)
                if key not in rows:
                    rows[key] = len(rows)
                    waiting.append(_pixels(model, example.image))
            if len(waiting) >= PICTURES_AT_ONCE_ELSEWHERE or number == num_batches - 1:
                values += [encode(model, torch.stack(waiting)).cpu()] if waiting else []
                waiting.clear()
            advance(number + 1, None)
    return FeaturesInMemory(rows, torch.cat(values))


@dataclass(frozen=True, kw_only=True)
class CacheReport:
    """What a build of a cache did."""

    num_examples: int
    num_encoded: int
    num_known: int
    """Examples whose picture was there already, from an earlier build or from another example."""
    skipped: Mapping[str, int]
    """Bad examples by reason."""


def build_cache(
    model: MiniGPT4ForConditionalGeneration,
    sources: Sequence[Source],
    folder: str | Path,
    *,
    process: int = 0,
    num_processes: int = 1,
    progress: bool | None = None,
) -> CacheReport:
    """Add the features of all pictures of the sources to a cache, this process's share of them.

    Raises:
        DataError: if the folder holds features of another encoder or preprocessing.
    """
    writer = FeatureWriter(folder, encoder_identity(model), process=process)
    known = FeatureCache(folder)
    seen: set[bytes] = set()
    counts: Counter[str] = Counter()
    skipped: Counter[str] = Counter()

    def read(chunk: tuple[Source, range]) -> list[tuple[bytes, Tensor | None] | str]:
        source, indices = chunk
        return [_read(model, source, index, known) for index in indices]

    shares = [(source, range(process, len(source), num_processes)) for source in sources]
    total = sum(len(indices) for _, indices in shares)
    size = PICTURES_AT_ONCE.get(model.device.type, PICTURES_AT_ONCE_ELSEWHERE)
    waiting: dict[bytes, Tensor] = {}
    with progress_bar(total, 0, show=progress, label="features") as advance:
        for items in prefetched(read, _chunks(shares, 8 * size), num_workers=0):
            for item in items:
                counts["examples"] += 1
                if isinstance(item, str):
                    skipped[item] += 1
                    continue
                key, pixels = item
                if pixels is None or key in seen:
                    counts["known"] += 1
                    continue
                seen.add(key)
                waiting[key] = pixels
            _encode_waiting(model, waiting, writer, len(waiting) // size * size)
            advance(counts["examples"], None)
    _encode_waiting(model, waiting, writer, len(waiting))
    writer.close()
    return CacheReport(num_examples=counts["examples"], num_encoded=len(seen),
                       num_known=counts["known"], skipped=dict(skipped))  # fmt: skip


def open_cache(folder: str | Path, model: MiniGPT4ForConditionalGeneration) -> FeaturesOnDisk:
    """Open a cache of this model's encoder.

    Raises:
        DataError: if it is of another encoder or another preprocessing.
    """
    cache = FeatureCache(folder)
    check_identity(cache.identity, encoder_identity(model), Path(folder))
    return FeaturesOnDisk(cache)


def encoder_identity(model: MiniGPT4ForConditionalGeneration) -> dict[str, Any]:
    """Return all that decides what features a picture has."""
    config, images = model.config, model.processor.image_processor
    identity = {
        "vision_encoder": _fingerprint(model, "vision_encoder"),
        "vision_norm_eps": config.vision_norm_eps,
        "qformer": None,
        "query_tokens": None,
        "patches_per_token": None,
        "preprocessing": f"squash to {images.size_px} px, bicubic",
        "image_mean": list(images.image_mean),
        "image_std": list(images.image_std),
        "dtype": str(FEATURE_DTYPE).removeprefix("torch."),
    }
    if model.qformer is None:
        identity["patches_per_token"] = config.patches_per_token
    elif not config.train_qformer:
        identity["qformer"] = _fingerprint(model, "qformer")
        identity["query_tokens"] = fingerprint_tensors({"query_tokens": model.query_tokens})
    return identity


def _fingerprint(model: MiniGPT4ForConditionalGeneration, name: str) -> str:
    part = getattr(model, name)
    if not is_left_out(part):
        return fingerprint(part)
    recorded = model.frozen_sources[name][0].fingerprint
    if recorded is None:
        raise WeightsError(
            f"the model directory records no fingerprint of its {name}, so no cache can be told "
            "to be of it; save the model again"
        )
    return recorded


def _chunks(shares: Sequence[tuple[Source, range]], size: int) -> Iterator[tuple[Source, range]]:
    for source, indices in shares:
        for first in range(0, len(indices), size):
            yield source, indices[first : first + size]


def _read(
    model: MiniGPT4ForConditionalGeneration, source: Source, index: int, known: FeatureCache
) -> tuple[bytes, Tensor | None] | str:
    """Return a picture's key and, if its features are missing, its pixels; else what is wrong."""
    try:
        image = with_picture(source[index]).image
        if image is None:
            return "no picture"
        key = picture_key(image)
        return key, None if key in known else _pixels(model, image)
    except (DataError, ImageError) as error:
        return reason_of(error)[0]


def _encode_waiting(
    model: MiniGPT4ForConditionalGeneration,
    waiting: dict[bytes, Tensor],
    writer: FeatureWriter,
    count: int,
) -> None:
    """Encode the first `count` of the waiting pictures and hand them to the writer."""
    keys = list(waiting)[:count]
    if keys:
        writer.add(keys, encode(model, torch.stack([waiting.pop(key) for key in keys])))


def _pixels(model: MiniGPT4ForConditionalGeneration, image: ImageSource) -> Tensor:
    return model.processor.pixel_values([image])[0]
