"""What the parts of the miniature can do before they have learned anything."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from minigpt4.errors import SettingsError
from minigpt4.recipes.miniature_llm import LLMSettings, build_llm
from minigpt4.recipes.miniature_vision import VisionSettings, build_vision_encoder

LLM = LLMSettings(hidden_size=160, num_layers=2, num_heads=5, intermediate_size=64, vocab_size=500)
EYES = VisionSettings(hidden_size=96, num_layers=1, num_heads=3, intermediate_size=16)
PERIOD = 9


@torch.no_grad()
def test_an_untrained_llm_copies_what_it_has_read_once():
    tokens = torch.randint(3, 500, (16, PERIOD), generator=torch.Generator().manual_seed(0))
    ids = tokens.repeat(1, 4)
    guessed = build_llm(LLM)(input_ids=ids).logits[:, PERIOD:-1].argmax(-1)
    share = (guessed == ids[:, PERIOD + 1 :]).float().mean()
    assert share > 0.6  # chance is 0.002


@torch.no_grad()
def test_an_llm_without_room_for_the_circuit_is_refused():
    with pytest.raises(SettingsError, match="5 heads"):
        build_llm(replace(LLM, num_heads=4))


@torch.no_grad()
def test_an_untrained_vit_looks_at_neighbours():
    encoder = build_vision_encoder(EYES)
    pixels = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    attention = encoder(pixels, output_attentions=True).attentions[0]  # (B, heads, 65, 65)
    middle = 1 + 3 * 8 + 3
    assert attention[:, 0, middle].argmax(-1).tolist() == [middle - 8, middle - 8]
    assert attention[:, 1, middle].argmax(-1).tolist() == [middle + 8, middle + 8]


def test_a_vit_with_heads_too_small_for_a_place_is_refused():
    with pytest.raises(SettingsError, match="fewer heads"):
        build_vision_encoder(replace(EYES, num_heads=8))
