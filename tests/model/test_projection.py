"""The projection: plain layers, begun at the scale of the LLM's embeddings."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from minigpt4.model.projection import build_projection, mean_embedding_norm, scale_to_embeddings


def test_one_layer_is_a_plain_linear():
    assert isinstance(build_projection(4, 8), nn.Linear)
    assert set(build_projection(4, 8).state_dict()) == {"weight", "bias"}


def test_n_layers_have_an_activation_between():
    kinds = [type(layer) for layer in build_projection(4, 8, num_layers=3)]  # type: ignore[arg-type]
    assert kinds == [nn.Linear, nn.GELU, nn.Linear, nn.GELU, nn.Linear]


@pytest.mark.parametrize("norm", [0.02, 1.0, 50.0])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_normed_features_come_out_as_long_as_embeddings(num_layers: int, norm: float):
    projection = build_projection(64, 128, num_layers=num_layers)
    scale_to_embeddings(projection, norm)
    length = projection(torch.randn(500, 64)).norm(dim=-1).mean().item()
    assert length == pytest.approx(norm, rel=0.15)


def test_the_mean_length_of_embeddings():
    table = nn.Embedding(10, 4)
    nn.init.constant_(table.weight, 1.5)
    assert mean_embedding_norm(table) == pytest.approx(3.0)
