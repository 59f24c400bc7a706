"""A MiniGPT-4 of random weights, small enough to answer in milliseconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.models.blip_2.configuration_blip_2 import Blip2QFormerConfig, Blip2VisionConfig
from transformers.models.blip_2.modeling_blip_2 import Blip2QFormerModel, Blip2VisionModel

from minigpt4.model.build import build_model

CORPUS = [
    "###Human: Describe this image in detail. ###Assistant: A red dog sits near the river.###",
    "Give the following image: <Img>ImageContent</Img>. Please answer my questions.",
    "What is in this image? 😀 中文 café",
]


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer with the ids of LLaMA's special tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<unk>", "<s>", "</s>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<unk>",
    )


def build_tiny_model() -> Any:
    """Build a model with its processor."""
    torch.manual_seed(1)
    tokenizer = build_tokenizer()
    vision = Blip2VisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=16,
        patch_size=8,
        initializer_range=0.3,
    )
    qformer = Blip2QFormerConfig(
        vocab_size=8,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        encoder_hidden_size=16,
        initializer_range=0.3,
    )
    llm = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=512,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        initializer_range=0.3,  # Lively enough for answers that differ.
    )
    return build_model(
        vision_encoder=Blip2VisionModel(vision),
        qformer=Blip2QFormerModel(qformer),
        query_tokens=0.5 * torch.randn(1, 4, 16),
        llm=LlamaForCausalLM(llm),
        tokenizer=tokenizer,
    )


def draw_pictures() -> list[Image.Image]:
    """Draw pictures that differ: slopes of four colors."""
    colors = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]])
    slope = np.linspace(0, 1, 30)[None, :, None].repeat(20, axis=0)  # (20, 30, 1)
    return [Image.fromarray((slope * color).astype(np.uint8)) for color in colors]
