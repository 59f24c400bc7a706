"""Patch features of any vision encoder of transformers.

Encoders differ in what they put before the patches (a class token, registers, nothing) and in
whether the result is a sequence or a grid; behind this module all are (pictures, patches, width).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NoReturn

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import AutoModel, Blip2VisionConfig, Blip2VisionModel, PreTrainedConfig

from minigpt4.errors import SettingsError, WeightsError


class LeftOut(nn.Module):
    """Stands where a frozen part would be in a model that works on features computed before."""

    def __init__(self, name: str, config: PreTrainedConfig) -> None:
        super().__init__()
        self.name, self.config = name, config

    def forward(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse to compute.

        Raises:
            WeightsError: always.
        """
        raise WeightsError(
            f"this model was loaded without its {self.name}, for features computed before; a "
            "picture is not among them: run `minigpt4 cache build` again, or load the whole model"
        )


def is_left_out(part: Any) -> bool:
    """Tell whether a part of a model was left out when it was loaded."""
    return isinstance(part, LeftOut)


def build_vision_encoder(vision_config: PreTrainedConfig) -> nn.Module:
    """Build the vision encoder of a configuration with random weights."""
    vision_config = deepcopy(vision_config)  # building a model writes into its configuration
    if isinstance(vision_config, Blip2VisionConfig):
        return Blip2VisionModel(vision_config)  # not known to AutoModel
    return AutoModel.from_config(vision_config)


def set_last_norm_eps(vision_encoder: nn.Module, eps: float) -> None:
    """Give the vision encoder's last norm another epsilon than its blocks have.

    Raises:
        SettingsError: if the encoder has no `post_layernorm`.
    """
    norm = getattr(vision_encoder, "post_layernorm", None)
    if norm is None:
        raise SettingsError(
            f"vision_norm_eps is {eps}, but a {type(vision_encoder).__name__} has no "
            "post_layernorm; leave vision_norm_eps away (null)"
        )
    norm.eps = eps


def encode_patches(
    vision_encoder: nn.Module, pixel_values: Float[Tensor, "images 3 height width"]
) -> Float[Tensor, "images tokens dim"]:
    """Return the vision encoder's last hidden states, class token included, as a sequence."""
    with _fast_attention(vision_encoder, pixel_values):
        hidden = vision_encoder(pixel_values=pixel_values).last_hidden_state
    if hidden.ndim == 4:  # a convolutional encoder's grid
        hidden = hidden.flatten(2).transpose(1, 2)  # (N, H*W, C)
    return hidden


@contextlib.contextmanager
def _fast_attention(vision_encoder: Any, pixel_values: Tensor) -> Iterator[None]:
    """Let a frozen encoder take plain matrix products where the fused attention is slower.

    In bf16 on a CPU it is, by half, at some hundred tokens; in fp32 and on a GPU it is faster.
    """
    config = vision_encoder.config
    chosen = getattr(config, "_attn_implementation", None)
    slow = pixel_values.device.type == "cpu" and pixel_values.dtype == torch.bfloat16
    if not slow or chosen != "sdpa" or torch.is_grad_enabled():
        yield
        return
    config._attn_implementation = "eager"
    try:
        yield
    finally:
        config._attn_implementation = chosen


def join_patches(
    tokens: Float[Tensor, "images tokens dim"], *, num_patches: int, patches_per_token: int
) -> Float[Tensor, "images groups joined"]:
    """Drop what precedes the patches and join neighbours in raster order into one token.

    Paper: Table 4 (a); the official code joins four in a row, not a square of 2 x 2.
    """
    # Not every encoder has a class token, and some have registers: the patches are the last ones.
    patches = tokens[:, tokens.shape[1] - num_patches :]  # (N, P, C)
    images, _, dim = patches.shape
    return patches.reshape(images, num_patches // patches_per_token, patches_per_token * dim)
