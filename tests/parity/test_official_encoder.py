"""From pixels to image embeddings, step by step, as in the official code."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from minigpt4.processing.images import load_image, squash, to_pixel_values
from parity.goldens import Goldens, assert_close

PIXELS = 5e-7
ENCODER = 1e-5


def pixels_at(paths: list[Path], size_px: int) -> Tensor:
    return torch.stack([to_pixel_values(squash(load_image(p), size_px=size_px)) for p in paths])


def run_vision(model: Any, pixels: Tensor) -> dict[str, Tensor]:
    """Return the ViT's raw output, that of each block, and what follows."""
    blocks: list[Tensor] = []
    layers = model.vision_encoder.encoder.layers
    hooks = [layer.register_forward_hook(lambda _, __, out: blocks.append(out)) for layer in layers]
    with torch.no_grad():
        norm = model.vision_encoder(pixel_values=pixels).last_hidden_state
        features = model.encode_images(pixels)
        projected = model.project(features)
    for hook in hooks:
        hook.remove()
    blocks = blocks[: len(layers)]
    return {
        "vit": blocks[-1],
        "vit_blocks": torch.stack(blocks),
        "ln_vision": norm,
        "qformer": features,
        "proj": projected,
    }


def check(
    run: dict[str, Tensor], goldens: Goldens, prefix: str, *, required: tuple[str, ...]
) -> None:
    """Compare each step of which the goldens have an array; of the required all must."""
    there = [name for name in run if f"{prefix}_{name}" in goldens.arrays]
    assert set(required) <= set(there), f"the goldens have only {there} of {prefix}"
    for name in there:
        assert_close(run[name], goldens.tensor(f"{prefix}_{name}"), atol=ENCODER, what=name)


def pictures_of(goldens: Goldens, name: str) -> list[Path]:
    """Find which pictures an array of pixels shows."""
    wanted = goldens.tensor(name)
    own = pixels_at(goldens.images, wanted.shape[-1])
    return [goldens.images[int((own - each).abs().flatten(1).amax(1).argmin())] for each in wanted]


def named_pictures(goldens: Goldens, name: str) -> list[Path]:
    """Return the pictures whose numbers a name ends with, as in "pixels_224_img013"."""
    match = re.search(r"_img(\d+)$", name)
    count = goldens.tensor(name).shape[0]
    if match is None:
        return goldens.images[:count]
    if len(match[1]) == count and len(goldens.images) <= 10:
        return [goldens.images[int(digit)] for digit in match[1]]
    # Numbers of two digits cannot be told apart.
    return pictures_of(goldens, name)


def test_picture_files_have_the_recorded_sizes(goldens: Goldens):
    sizes = [list(load_image(path).size) for path in goldens.images]
    assert sizes == goldens["images/sizes_wh"]


def test_all_pixels_are_the_official_ones(goldens: Goldens):
    size_px = goldens.sizes["image"]["size"]
    wanted = goldens.tensor(f"pixels_{size_px}")
    own = goldens.with_qformer.processor.pixel_values(goldens.images[: wanted.shape[0]])
    assert_close(own, wanted, atol=PIXELS, what="pixels")


def test_pixels_at_other_sizes_are_the_official_ones(goldens: Goldens):
    for name in goldens.arrays:
        match = re.fullmatch(r"pixels_(\d+)(_.*)?", name)
        if match:
            own = pixels_at(named_pictures(goldens, name), int(match[1]))
            assert_close(own, goldens.tensor(name), atol=PIXELS, what=name)
    for size_px in goldens.other_sizes_px:
        name = f"s{size_px}_pixels"
        own = pixels_at(pictures_of(goldens, name), size_px)
        assert_close(own, goldens.tensor(name), atol=PIXELS, what=name)


def test_vision_blocks_norm_qformer_and_projection(goldens: Goldens):
    count = goldens.tensor("enc_vit").shape[0]
    pixels = goldens.with_qformer.processor.pixel_values(goldens.images[:count])
    required = ("vit", "vit_blocks", "ln_vision", "qformer", "proj")
    check(run_vision(goldens.with_qformer, pixels), goldens, "enc", required=required)


def test_without_qformer_the_vision_norm_is_the_untrained_one(goldens: Goldens):
    count = goldens.tensor("noqf_vit").shape[0]
    pixels = goldens.without_qformer.processor.pixel_values(goldens.images[:count])
    required = ("vit", "ln_vision", "proj")
    check(run_vision(goldens.without_qformer, pixels), goldens, "noqf", required=required)


def test_loading_the_vision_norm_without_qformer_would_differ(goldens: Goldens):
    model, trained = copy.deepcopy(goldens.without_qformer), goldens.with_qformer
    wanted = goldens.tensor("noqf_lnloaded_proj")
    pixels = model.processor.pixel_values(goldens.images[: wanted.shape[0]])
    with torch.no_grad():
        official = model.get_image_features(pixels)
        model.vision_encoder.post_layernorm = trained.vision_encoder.post_layernorm
        assert_close(model.get_image_features(pixels), wanted, atol=ENCODER)
    assert (official - wanted).abs().max() > 10 * ENCODER


def test_position_embeddings_are_interpolated_for_other_sizes(goldens: Goldens, tmp_path: Path):
    assert goldens.other_sizes_px, "golden.npz has no s<size>_pixels; wanted at least one size"
    for size_px in goldens.other_sizes_px:
        prefix, file = f"s{size_px}", tmp_path / f"{size_px}.json"
        sizes = {**goldens.sizes, "image": {**goldens.sizes["image"], "size": size_px}}
        file.write_text(json.dumps(sizes))
        model = goldens.import_model(prefix, qformer=True, sizes=file)
        positions = model.vision_encoder.embeddings.position_embedding
        assert_close(positions, goldens.tensor(f"{prefix}_pos_embed"), atol=1e-6, what="positions")
        pixels = model.processor.pixel_values(pictures_of(goldens, f"{prefix}_pixels"))
        required = ("vit", "ln_vision", "qformer", "proj")
        check(run_vision(model, pixels), goldens, prefix, required=required)
