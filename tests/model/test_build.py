"""Parts in memory become a model, and are left as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from minigpt4.errors import SettingsError
from minigpt4.model.build import build_model
from minigpt4.model.projection import mean_embedding_norm


def test_the_given_parts_are_used_and_not_initialised_again(make_model: Callable[..., Any]):
    llm = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=259,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
        )
    )
    before = {name: value.clone() for name, value in llm.state_dict().items()}
    model = make_model(llm=llm)
    assert model.llm is llm
    assert all(torch.equal(value, before[name]) for name, value in llm.state_dict().items())
    assert model.config.text_config is not llm.config


def test_the_processor_belongs_to_the_model(make_model: Callable[..., Any]):
    model = make_model(template="llama2")
    assert model.processor.num_image_tokens == model.config.num_image_tokens == 3
    assert model.processor.image_token_id == model.config.image_token_id
    assert model.processor.template == "llama2"
    assert model.processor.image_processor.size_px == model.config.image_size_px


def test_the_projection_starts_at_the_scale_of_the_embeddings(model: Any, pictures: list):
    pixels = model.processor.pixel_values(pictures)
    length = model.get_image_features(pixels).norm(dim=-1).mean().item()
    wanted = mean_embedding_norm(model.get_input_embeddings())
    assert length == pytest.approx(wanted, rel=0.5)


def test_a_qformer_without_queries_is_refused(model: Any):
    with pytest.raises(SettingsError, match="belong together"):
        build_model(
            vision_encoder=model.vision_encoder,
            qformer=model.qformer,
            query_tokens=None,
            llm=model.llm,
            tokenizer=model.processor.tokenizer,
        )
