"""One picture through a model without memory: what a step keeps, and what it computes.

Autograd names every tensor it saves for the backward pass, and torch counts the operations of every
product, on the `meta` device as on a real one. Attention is seen as plain products there, which a
GPU's fused kernels undercut; so memory and operations come out a little high for long sequences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from minigpt4.model.configuration import num_patches
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
from minigpt4.model.vision import encode_patches, join_patches


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What one picture takes in a training step."""

    saved_bytes: int
    """Kept from the forward pass for the backward pass."""
    peak_bytes: int
    """`saved_bytes` and what comes and goes besides: the logits and their gradients."""
    vision_flops: int
    flops: int
    """All operations, forward and backward."""
    num_tokens: int


class SavedTensors:
    """Sums what autograd saves, parameters left out and shared memory counted once."""

    def __init__(self, model: torch.nn.Module) -> None:
        self._own = {p.untyped_storage()._cdata for p in model.parameters()}
        self._kept: dict[int, torch.UntypedStorage] = {}

    def pack(self, tensor: Tensor) -> Tensor:
        """Note a saved tensor."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self._own:
            self._kept[storage._cdata] = storage  # kept alive, so that no address comes twice
        return tensor

    @property
    def num_bytes(self) -> int:
        """Bytes saved so far."""
        return sum(storage.nbytes() for storage in self._kept.values())


def probe(
    model: MiniGPT4ForConditionalGeneration,
    *,
    prompt_tokens: int,
    answer_tokens: int,
    checkpointing: bool = False,
) -> Probe:
    """Send one picture and its text through a model on the `meta` device, forward and backward."""
    config = model.config
    size = config.image_size_px
    pixels = torch.zeros(1, 3, size, size, device="meta")
    saved = SavedTensors(model)
    llm_saved = SavedTensors(model)
    with FlopCounterMode(display=False) as counter:
        with torch.autograd.graph.saved_tensors_hooks(saved.pack, lambda tensor: tensor):
            image_embeds = _image_embeds(model, pixels)  # (1, Q, D)
        vision_flops = counter.get_total_flops()
        with torch.autograd.graph.saved_tensors_hooks(llm_saved.pack, lambda tensor: tensor):
            loss, num_tokens = _loss(model, image_embeds, prompt_tokens, answer_tokens)
        loss.backward()
    flops = counter.get_total_flops()
    layers = config.text_config.num_hidden_layers
    llm_bytes = llm_saved.num_bytes
    if checkpointing:  # each layer's input, and the inside of one layer at a time
        width, item = config.text_config.hidden_size, model.llm.dtype.itemsize
        inputs = layers * num_tokens * width * item
        llm_bytes = inputs + llm_bytes // layers
        flops += (flops - vision_flops) // 2
    logits = 2 * 4 * answer_tokens * config.text_config.vocab_size
    total = saved.num_bytes + llm_bytes
    return Probe(
        saved_bytes=total,
        peak_bytes=total + logits,
        vision_flops=vision_flops,
        flops=flops,
        num_tokens=num_tokens,
    )


def _image_embeds(model: MiniGPT4ForConditionalGeneration, pixels: Tensor) -> Tensor:
    """Do what the model's `get_image_features` does, whose autocast knows no `meta` device."""
    config = model.config
    with torch.no_grad():
        tokens = encode_patches(model.vision_encoder, pixels.to(model.vision_encoder.dtype))
    if model.qformer is None:
        features = join_patches(
            tokens,
            num_patches=num_patches(config.vision_config),
            patches_per_token=config.patches_per_token,
        )
    else:
        with torch.set_grad_enabled(config.train_qformer):
            features = model.qformer(
                query_embeds=model.query_tokens,
                encoder_hidden_states=tokens.to(model.qformer.dtype),
            ).last_hidden_state
    return model.projection(features.float())


def _loss(
    model: MiniGPT4ForConditionalGeneration,
    image_embeds: Tensor,
    prompt_tokens: int,
    answer_tokens: int,
) -> tuple[Tensor, int]:
    """Return the loss of the answer; only its positions reach the head, as in training."""
    llm: Any = model.llm
    text = torch.zeros(
        1, prompt_tokens + answer_tokens, image_embeds.shape[-1], device="meta", dtype=llm.dtype
    )
    embeds = torch.cat([image_embeds.to(llm.dtype), text], dim=1)  # (1, T, D)
    length = embeds.shape[1]
    # A ready mask: one made of ones and zeros would be looked into, and there is nothing to see.
    mask = torch.ones(1, 1, length, length, dtype=torch.bool, device="meta")
    hidden = llm.base_model(
        inputs_embeds=embeds, attention_mask=mask, use_cache=False
    ).last_hidden_state
    logits = llm.get_output_embeddings()(hidden[:, -answer_tokens:])[0]  # (n, V)
    targets = torch.zeros(answer_tokens, dtype=torch.long, device="meta")
    return torch.nn.functional.cross_entropy(logits.float(), targets), length
