"""Build a model around parts that are in memory, with a fresh projection.

Paper: §3 (everything pretrained but the projection).
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from minigpt4.errors import SettingsError
from minigpt4.model.configuration import MiniGPT4Config
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
from minigpt4.model.projection import mean_embedding_norm, scale_to_embeddings
from minigpt4.processing.chat_template import jinja_template
from minigpt4.processing.conversation import template_by_name
from minigpt4.processing.image_processor import MiniGPT4ImageProcessor
from minigpt4.processing.images import CLIP_MEAN, CLIP_STD
from minigpt4.processing.processor import MiniGPT4Processor


def build_model(
    *,
    vision_encoder: nn.Module,
    qformer: nn.Module | None,
    query_tokens: Tensor | None,
    llm: nn.Module,
    tokenizer: Any,
    image_norm: tuple[tuple[float, ...], tuple[float, ...]] = (CLIP_MEAN, CLIP_STD),
    **settings: Any,
) -> MiniGPT4ForConditionalGeneration:
    """Join trained parts with a fresh projection; the processor is attached as `.processor`.

    `image_norm` is mean and deviation of the pictures the vision encoder was trained on.
    `settings` are fields of `MiniGPT4Config` other than its parts' configurations, e.g.
    `template="vicuna_v0"` or `projection_num_layers=3`. The projection starts at the scale of the
    LLM's embeddings.

    Raises:
        SettingsError: if there are queries without a Q-Former or a Q-Former without queries.
    """
    if (qformer is None) != (query_tokens is None):
        raise SettingsError("a Q-Former and its query_tokens belong together; give both or none")
    if query_tokens is not None:
        settings["num_query_tokens"] = query_tokens.shape[-2]
    config = MiniGPT4Config(
        vision_config=_config(vision_encoder),
        qformer_config=None if qformer is None else _config(qformer),
        text_config=_config(llm),
        **settings,
    )
    model = MiniGPT4ForConditionalGeneration(
        config, vision_encoder=vision_encoder, qformer=qformer, llm=llm
    )
    if query_tokens is not None:
        with torch.no_grad():
            model.query_tokens.copy_(query_tokens.reshape(model.query_tokens.shape))
    scale_to_embeddings(model.projection, mean_embedding_norm(model.get_input_embeddings()))
    model.processor = build_processor(config, tokenizer, image_norm=image_norm)
    return model.eval()


def build_processor(
    config: MiniGPT4Config,
    tokenizer: Any,
    *,
    pad_token: str | None = None,
    image_norm: tuple[tuple[float, ...], tuple[float, ...]] = (CLIP_MEAN, CLIP_STD),
) -> MiniGPT4Processor:
    """Build the processor that belongs to a configuration."""
    template = template_by_name(config.template, tokenizer)
    mean, std = image_norm
    return MiniGPT4Processor(
        MiniGPT4ImageProcessor(size=config.image_size_px, image_mean=mean, image_std=std),
        tokenizer,
        num_image_tokens=config.num_image_tokens,
        image_token_id=config.image_token_id,
        template=config.template,
        pad_token=pad_token,
        chat_template=jinja_template(template),
    )


def _config(part: nn.Module) -> Any:
    """Return a copy of a part's configuration: the composite model writes into its own."""
    config: Any = part.config
    return deepcopy(config)
