"""Tiny models of random weights, of any family, and examples to feed them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    Blip2QFormerConfig,
    Blip2QFormerModel,
    Blip2VisionConfig,
    Blip2VisionModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from byte_tokenizer import build_byte_tokenizer
from minigpt4.data.example import Example, Turn
from minigpt4.model.build import build_model
from minigpt4.model.loading import save

SIZE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
SIZE |= {"intermediate_size": 32}


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer with the ids of LLaMA's special tokens."""
    return build_byte_tokenizer(bos_token="<s>", eos_token="</s>", unk_token="<unk>")


@pytest.fixture
def make_model(tokenizer: PreTrainedTokenizerFast) -> Callable[..., Any]:
    """The maker of tiny models; its arguments replace parts or set the configuration."""

    def make(*, without_qformer: bool = False, seed: int = 0, **given: Any) -> Any:
        torch.manual_seed(seed)
        vision = given.pop("vision_encoder", None) or Blip2VisionModel(
            Blip2VisionConfig(**SIZE, image_size=16, patch_size=8, initializer_range=0.1)
        )
        width = vision.config.hidden_size
        qformer = Blip2QFormerModel(
            Blip2QFormerConfig(**SIZE, vocab_size=8, encoder_hidden_size=width)
        )
        llm = given.pop("llm", None) or LlamaForCausalLM(
            LlamaConfig(
                **SIZE,
                vocab_size=len(tokenizer),
                bos_token_id=1,
                eos_token_id=2,
                pad_token_id=0,
                initializer_range=0.3,
            )
        )
        return build_model(
            vision_encoder=vision,
            qformer=None if without_qformer else qformer,
            query_tokens=None if without_qformer else torch.randn(1, 3, 16),
            llm=llm,
            tokenizer=tokenizer,
            **given,
        )

    return make


@pytest.fixture
def model(make_model: Callable[..., Any]) -> Any:
    return make_model()


@pytest.fixture(scope="module")
def saved_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {"parent": tmp_path_factory.mktemp("once")}


@pytest.fixture
def saved(model: Any, saved_once: dict[str, Path], tmp_path: Path) -> Path:
    """A saved model that a test may spoil: a copy of one that is saved only once."""
    once = saved_once["parent"] / "saved"
    if not once.exists():
        save(model, once)
    return Path(shutil.copytree(once, tmp_path / "saved"))


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    """Pictures that differ."""
    noise = np.random.default_rng(0).integers(0, 256, size=(4, 20, 30, 3), dtype=np.uint8)
    return [Image.fromarray(each) for each in noise]


@pytest.fixture(scope="session")
def examples(pictures: list[Image.Image]) -> list[Example]:
    """Captions of different length, one of them without a picture."""
    texts = ("a red car", "a dog", "no picture here")
    images = (*pictures[:2], None)
    return [
        Example(image=image, turns=(Turn(prompt="", answer=text),), key=text)
        for image, text in zip(images, texts, strict=True)
    ]
