"""The tiny task of `tiny_run.py`, which the tests here train in this process and in others."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TINY_RUN = Path(__file__).with_name("tiny_run.py")


@pytest.fixture
def tiny_task() -> Callable[..., Any]:
    """The class of the tiny task."""
    return runpy.run_path(str(TINY_RUN))["TinyTask"]


@pytest.fixture
def tiny_settings() -> Callable[..., Any]:
    """The maker of its settings."""
    return runpy.run_path(str(TINY_RUN))["tiny_settings"]


@pytest.fixture
def tiny_model() -> Any:
    """A MiniGPT-4 of random weights with its processor attached; a new one for each test."""
    import torch
    from transformers import (
        Blip2QFormerConfig,
        Blip2QFormerModel,
        Blip2VisionConfig,
        Blip2VisionModel,
        LlamaConfig,
        LlamaForCausalLM,
    )

    from byte_tokenizer import build_byte_tokenizer
    from minigpt4.model.build import build_model

    tokenizer = build_byte_tokenizer(bos_token="<s>", eos_token="</s>", pad_token="<unk>")
    size: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    size |= {"intermediate_size": 32}
    torch.manual_seed(7)
    return build_model(
        vision_encoder=Blip2VisionModel(Blip2VisionConfig(**size, image_size=16, patch_size=8)),
        qformer=Blip2QFormerModel(Blip2QFormerConfig(**size, vocab_size=8, encoder_hidden_size=16)),
        query_tokens=torch.randn(1, 4, 16),
        llm=LlamaForCausalLM(LlamaConfig(**size, vocab_size=len(tokenizer), initializer_range=0.3)),
        tokenizer=tokenizer,
    )
