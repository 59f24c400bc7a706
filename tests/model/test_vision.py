"""Patch features of encoders with and without tokens before the patches."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from minigpt4.errors import SettingsError
from minigpt4.model.vision import join_patches, set_last_norm_eps


@pytest.mark.parametrize("num_prefix", [0, 1, 5])
def test_what_precedes_the_patches_is_dropped(num_prefix: int):
    tokens = torch.arange(num_prefix + 4)[None, :, None].float()
    joined = join_patches(tokens, num_patches=4, patches_per_token=2)
    first = num_prefix
    assert joined.tolist() == [[[first, first + 1], [first + 2, first + 3]]]


def test_four_neighbours_in_a_row_are_joined_not_a_square():
    grid = torch.arange(16).reshape(1, 16, 1).float()  # 4 x 4 patches in raster order
    joined = join_patches(grid, num_patches=16, patches_per_token=4)
    assert joined[0, 0].tolist() == [0, 1, 2, 3]


def test_an_encoder_without_last_norm_cannot_have_its_epsilon_set():
    with pytest.raises(SettingsError, match="no post_layernorm"):
        set_last_norm_eps(nn.Linear(1, 1), 1e-5)
