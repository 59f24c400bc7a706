"""The one thing that is trained: features of a picture -> embeddings of the LLM.

One linear layer in the paper; n of them, with a GELU between, for its ablation. A single layer is
a plain `nn.Linear`, so that its weights are called `projection.weight` and `projection.bias`.

Paper: §3, Table 4 (b).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn


def build_projection(in_features: int, out_features: int, *, num_layers: int = 1) -> nn.Module:
    """Build `num_layers` linear layers, the first of which changes the width."""
    if num_layers == 1:
        return nn.Linear(in_features, out_features)
    layers: list[nn.Module] = [nn.Linear(in_features, out_features)]
    for _ in range(num_layers - 1):
        layers += [nn.GELU(), nn.Linear(out_features, out_features)]
    return nn.Sequential(*layers)


@torch.no_grad()
def scale_to_embeddings(projection: nn.Module, embedding_norm: float) -> None:
    """Scale the last layer so that normed features come out as long as the LLM's own embeddings.

    LLM families differ by orders of magnitude in the length of their embeddings; a picture that
    starts at their scale neither drowns the text nor is drowned by it. The features are taken to
    have unit variance, as those behind a layer norm have.
    """
    last = projection if isinstance(projection, nn.Linear) else projection[-1]  # type: ignore[index]
    variance = _unit_variance_output(projection, last)
    factor = embedding_norm / math.sqrt(variance * last.out_features)
    last.weight.mul_(factor)
    last.bias.mul_(factor)


@torch.no_grad()
def mean_embedding_norm(table: Any, *, num_rows: int = 4096) -> float:
    """Return the mean length of the embeddings of (at most `num_rows` evenly spaced) tokens."""
    count = table.weight.shape[0]
    step = max(1, count // num_rows)
    ids = torch.arange(0, count, step, device=table.weight.device)
    # Looked up, not read: some families scale their embeddings in the look-up.
    return table(ids).float().norm(dim=-1).mean().item()


def _unit_variance_output(projection: nn.Module, last: nn.Linear) -> float:
    """Return the mean variance of an output for features of unit variance."""
    first = projection if isinstance(projection, nn.Linear) else projection[0]  # type: ignore[index]
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(256, first.in_features, generator=generator)
    output = projection(features.to(last.weight.device, last.weight.dtype))
    return output.float().square().mean().item()
