"""First weights of a small ViT that looks at its neighbours, as a convolution does.

A plain ViT must first learn where its patches lie, and with the few pictures of the miniature it
hardly gets to shapes. Here the position embedding holds a code of row and column, and most heads of
every layer begin by attending to one neighbour each; one head a layer is free from the start, and
all of them can leave their place while training.

transformers' own first weights for this class are of size 1e-10 (meant to be overwritten by EVA's),
with which a ViT hardly learns at all.

Source: the idea that attention can start as a convolution is Cordonnier et al. 2020 and
d'Ascoli et al. 2021 (ConViT); the construction is ours.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from minigpt4.errors import SettingsError

NUM_FREQUENCIES = 4
CODE_SIZE = 4 * NUM_FREQUENCIES
"""Channels of the position code: cosines and sines of the row, then of the column."""
SHARPNESS = 6.0
"""Score of the neighbour a head looks for; one patch away from it the score is about half."""
CONTENT_SCALE = 0.3
"""Factor on the content part of the scores of heads that look at a neighbour."""
QUIETENED = 0.1
"""Factor on what layers write over the position code at first."""
NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, 1), (-1, 1), (1, -1))
"""Offsets in rows and columns, dealt out to the heads of all layers in turn."""


@torch.no_grad()
def give_locality(encoder: Any, *, seed: int) -> None:
    """Write first weights into an untrained `Blip2VisionModel`, in place.

    Raises:
        SettingsError: if its heads are too small for the position code.
    """
    generator = torch.Generator().manual_seed(seed)
    config = encoder.config
    check_head_size(config.hidden_size // config.num_attention_heads)
    _scale_to_fan_in(encoder, generator)
    grid = config.image_size // config.patch_size
    embeddings = encoder.embeddings
    positions: Tensor = embeddings.position_embedding
    positions.normal_(std=0.02, generator=generator)
    embeddings.class_embedding.normal_(std=0.02, generator=generator)
    positions[0, :, -CODE_SIZE:] = 0
    positions[0, 1:, -CODE_SIZE:] = position_code(grid)
    embeddings.patch_embedding.weight[-CODE_SIZE:] = 0
    turn = 0
    for layer in encoder.encoder.layers:
        layer.self_attn.projection.weight[-CODE_SIZE:] *= QUIETENED
        layer.mlp.fc2.weight[-CODE_SIZE:] *= QUIETENED
        for head in range(config.num_attention_heads - 1):
            offset = NEIGHBOURS[turn % len(NEIGHBOURS)]
            _look_at(layer.self_attn.qkv, head, offset, num_heads=config.num_attention_heads)
            turn += 1


def position_code(grid: int) -> Tensor:
    """Return the code of each place of a square grid, row by row, (grid², CODE_SIZE)."""
    angles = torch.arange(grid).float()[:, None] * frequencies()  # (grid, F)
    line = torch.cat([torch.cos(angles), torch.sin(angles)], dim=1)  # (grid, 2F)
    rows = line[:, None].expand(-1, grid, -1)
    columns = line[None].expand(grid, -1, -1)
    return torch.cat([rows, columns], dim=-1).flatten(0, 1)


def frequencies() -> Tensor:
    """Return the frequencies of the code, in radians a patch."""
    return 2 * math.pi * torch.arange(1, NUM_FREQUENCIES + 1) / 16


def check_head_size(size: int) -> None:
    """Raise a SettingsError if a head of this size can not hold a position code."""
    if size < CODE_SIZE:
        raise SettingsError(
            f"heads of {size} channels can not hold a position code of {CODE_SIZE}; give fewer "
            "heads or a larger hidden_size"
        )


def _scale_to_fan_in(encoder: Any, generator: torch.Generator) -> None:
    """Draw weights whose outputs are as large as their inputs; what joins the stream is smaller."""
    for module in encoder.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            fan_in = module.weight[0].numel()
            module.weight.normal_(std=1 / math.sqrt(fan_in), generator=generator)
    depth = math.sqrt(2 * len(encoder.encoder.layers))
    for layer in encoder.encoder.layers:
        layer.self_attn.projection.weight /= depth
        layer.mlp.fc2.weight /= depth


def _look_at(qkv: nn.Linear, head: int, offset: tuple[int, int], *, num_heads: int) -> None:
    """Let a head's scores peak at the patch `offset` (rows, columns) away from its own."""
    width = qkv.in_features
    size = width // num_heads
    query = qkv.weight[head * size : (head + 1) * size]
    key = qkv.weight[width + head * size : width + (head + 1) * size]
    for part in (query, key):
        part *= CONTENT_SCALE
        part[:CODE_SIZE] = 0
    scale = math.sqrt(SHARPNESS * math.sqrt(size) / NUM_FREQUENCIES)
    for axis, step in enumerate(offset):
        for index, frequency in enumerate(frequencies().tolist()):
            cosine = 2 * axis * NUM_FREQUENCIES + index
            sine = cosine + NUM_FREQUENCIES
            from_cosine, from_sine = width - CODE_SIZE + cosine, width - CODE_SIZE + sine
            # The query is the code of the neighbour: its own, turned by the step.
            turn = frequency * step
            query[cosine, from_cosine] = scale * math.cos(turn)
            query[cosine, from_sine] = -scale * math.sin(turn)
            query[sine, from_cosine] = scale * math.sin(turn)
            query[sine, from_sine] = scale * math.cos(turn)
            key[cosine, from_cosine] = scale
            key[sine, from_sine] = scale
