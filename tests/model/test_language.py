"""Any causal LM that takes embeddings; others are refused with the reason."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from transformers import Gemma2Config, Gemma2ForCausalLM

from minigpt4.errors import SettingsError
from minigpt4.model.language import answer_logits, check_takes_embeddings, special_token_ids


class TakesEmbeddings(nn.Module):
    def __init__(self, **config: Any) -> None:
        super().__init__()
        self.config = SimpleNamespace(**config)

    def forward(self, inputs_embeds: Any) -> Any:
        return inputs_embeds


class TakesIds(nn.Module):
    def forward(self, input_ids: Any) -> Any:
        return input_ids


def test_an_llm_without_inputs_embeds_is_refused():
    with pytest.raises(SettingsError, match="TakesIds does not take inputs_embeds"):
        check_takes_embeddings(TakesIds())


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"hidden_size_per_layer_input": 8}, "in every layer"),
        ({"is_encoder_decoder": True}, "encoder-decoder"),
    ],
)
def test_families_that_cannot_be_shown_pictures_are_refused(config: dict, reason: str):
    with pytest.raises(SettingsError, match=reason):
        check_takes_embeddings(TakesEmbeddings(**config))


def test_families_that_change_their_logits_are_asked_for_them():
    """Gemma 2 squashes its logits; gathering hidden states alone would miss that."""
    torch.manual_seed(0)
    llm = Gemma2ForCausalLM(
        Gemma2Config(
            vocab_size=50,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
            final_logit_softcapping=0.5,
        )
    ).eval()
    embeds = torch.randn(2, 6, 16)
    positions = torch.zeros(2, 5, dtype=torch.bool)
    positions[0, 1] = positions[0, 4] = positions[1, 2] = True
    with torch.no_grad():
        wanted = llm(inputs_embeds=embeds).logits[:, :-1][positions]
        got = answer_logits(llm, positions, inputs_embeds=embeds)
    torch.testing.assert_close(got, wanted, atol=1e-6, rtol=1e-5)
    assert got.abs().max() <= 0.5


def test_without_a_pad_token_the_end_token_pads():
    config = SimpleNamespace(bos_token_id=1, eos_token_id=[2, 3], pad_token_id=None)
    llm = SimpleNamespace(generation_config=config)
    assert special_token_ids(llm)["pad_token_id"] == 2
