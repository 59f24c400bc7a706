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


def check(run: dict[str, Tensor], goldens: Goldens, prefix: str) -> None:
    for name, value in run.items():
        if f"{prefix}_{name}" in goldens.arrays:
            assert_close(value, goldens.tensor(f"{prefix}_{name}"), atol=ENCODER, what=name)


def resized(goldens: Goldens) -> tuple[str, int]:
    """Return the prefix and the picture size of the goldens with interpolated positions."""
    names = [re.match(r"s(\d+)_pixels$", name) for name in goldens.arrays]
    (found,) = [match for match in names if match]
    return f"s{found[1]}", int(found[1])


def pictures_of(goldens: Goldens, name: str, size_px: int) -> list[Path]:
    """Find which pictures an array of pixels shows."""
    own = pixels_at(goldens.images, size_px)
    wanted = goldens.tensor(name)
    return [goldens.images[int((own - each).abs().flatten(1).amax(1).argmin())] for each in wanted]


def test_picture_files_have_the_recorded_sizes(goldens: Goldens):
    sizes = [list(load_image(path).size) for path in goldens.images]
    assert sizes == goldens["images/sizes_wh"]


def test_all_pixels_are_the_official_ones(goldens: Goldens):
    size_px = goldens.sizes["image"]["size"]
    own = goldens.with_qformer.processor.pixel_values(goldens.images)
    assert_close(own, goldens.tensor(f"pixels_{size_px}"), atol=PIXELS, what="pixels")


def test_pixels_at_other_sizes_are_the_official_ones(goldens: Goldens):
    others = [re.match(r"pixels_(\d+)_img(\d+)$", name) for name in goldens.arrays]
    for match in filter(None, others):
        paths = [goldens.images[int(digit)] for digit in match[2]]
        own = pixels_at(paths, int(match[1]))
        assert_close(own, goldens.tensor(match[0]), atol=PIXELS, what=match[0])
    name, size_px = resized(goldens)
    own = pixels_at(pictures_of(goldens, f"{name}_pixels", size_px), size_px)
    assert_close(own, goldens.tensor(f"{name}_pixels"), atol=PIXELS, what=name)


def test_vision_blocks_norm_qformer_and_projection(goldens: Goldens):
    count = goldens.tensor("enc_vit").shape[0]
    pixels = goldens.with_qformer.processor.pixel_values(goldens.images[:count])
    check(run_vision(goldens.with_qformer, pixels), goldens, "enc")


def test_without_qformer_the_vision_norm_is_the_untrained_one(goldens: Goldens):
    count = goldens.tensor("noqf_vit").shape[0]
    pixels = goldens.without_qformer.processor.pixel_values(goldens.images[:count])
    check(run_vision(goldens.without_qformer, pixels), goldens, "noqf")


def test_loading_the_vision_norm_without_qformer_would_differ(goldens: Goldens):
    model, trained = copy.deepcopy(goldens.without_qformer), goldens.with_qformer
    wanted = goldens.tensor("noqf_lnloaded_proj")
    pixels = model.processor.pixel_values(goldens.images[: wanted.shape[0]])
    with torch.no_grad():
        official = model.get_image_features(pixels)
        model.vision_encoder.post_layernorm = trained.vision_encoder.post_layernorm
        assert_close(model.get_image_features(pixels), wanted, atol=ENCODER)
    assert (official - wanted).abs().max() > 1e-3


def test_position_embeddings_are_interpolated_for_larger_pictures(goldens: Goldens, tmp_path: Path):
    prefix, size_px = resized(goldens)
    sizes = {**goldens.sizes, "image": {**goldens.sizes["image"], "size": size_px}}
    (tmp_path / "sizes.json").write_text(json.dumps(sizes))
    model = goldens.import_model(prefix, qformer=True, sizes=tmp_path / "sizes.json")
    positions = model.vision_encoder.embeddings.position_embedding
    assert_close(positions, goldens.tensor(f"{prefix}_pos_embed"), atol=1e-6, what="positions")
    pixels = model.processor.pixel_values(pictures_of(goldens, f"{prefix}_pixels", size_px))
    check(run_vision(model, pixels), goldens, prefix)
