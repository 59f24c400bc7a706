"""The configuration knows its parts and what follows from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoConfig, CLIPConfig, GPT2Config, SiglipConfig

import minigpt4.model  # noqa: F401 - makes the model known to AutoConfig
from minigpt4.errors import SettingsError
from minigpt4.model.configuration import MiniGPT4Config


def test_the_papers_sizes_are_the_defaults():
    config = MiniGPT4Config(qformer_config={})
    assert config.vision_config.hidden_size == 1408
    assert config.vision_config.num_hidden_layers == 39
    assert config.num_image_tokens == 32
    assert config.projection_in_features == 768


def test_without_qformer_four_patches_are_one_token():
    config = MiniGPT4Config()
    assert config.num_image_tokens == 64
    assert config.projection_in_features == 5632


def test_the_placeholder_lies_just_outside_the_table():
    assert MiniGPT4Config(text_config=GPT2Config(vocab_size=99)).image_token_id == 99


def test_patches_that_do_not_split_are_refused():
    config = MiniGPT4Config(vision_config={"image_size": 42, "patch_size": 14})
    with pytest.raises(SettingsError, match="9 patches do not split into groups of 4"):
        _ = config.num_image_tokens


def test_a_projection_has_a_layer():
    with pytest.raises(SettingsError, match="projection_num_layers"):
        MiniGPT4Config(projection_num_layers=0)


@pytest.mark.parametrize("towers", [CLIPConfig, SiglipConfig])
def test_of_a_two_tower_model_the_vision_tower_is_taken(towers: type):
    config = MiniGPT4Config(vision_config=towers(), qformer_config={})
    assert config.vision_config.model_type.endswith("vision_model")
    assert config.qformer_config.encoder_hidden_size == config.vision_config.hidden_size


@pytest.mark.parametrize("qformer", [None, {"hidden_size": 24, "num_attention_heads": 2}])
def test_a_saved_configuration_is_the_same_again(tmp_path: Path, qformer: dict | None):
    config = MiniGPT4Config(
        qformer_config=qformer,
        text_config=GPT2Config(vocab_size=99, bos_token_id=1, eos_token_id=2),
        vision_norm_eps=1e-5,
        projection_num_layers=3,
        template="llama2",
    )
    config.save_pretrained(tmp_path)
    again = AutoConfig.from_pretrained(tmp_path)
    assert isinstance(again, MiniGPT4Config)
    unnamed = {"_name_or_path": ""}
    assert again.to_dict() | unnamed == config.to_dict() | unnamed
    assert type(again.text_config) is GPT2Config
