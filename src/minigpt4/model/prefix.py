"""What every row of a training begins with, computed once: `<s>###Human: <Img>`.

It stands before the first picture, so its keys and values depend on nothing that is trained as long
as the LLM is frozen, and are the same at every step.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from minigpt4.model.rows import MIN_PREFIX_TOKENS, KeyValue, keys_and_values, takes_rows

MAX_PREFIXES = 8
"""Beginnings that are kept; the prompts of a training have one or a few."""


class Prefixes:
    """The keys and values of beginnings, by their ids and by what they were computed with."""

    def __init__(self) -> None:
        self._kept: dict[Any, list[KeyValue]] = {}

    def of(
        self,
        llm: Any,
        input_ids: Int[Tensor, "batch length"],
        image_mask: Bool[Tensor, "batch length"],
        inputs_embeds: Float[Tensor, "batch length dim"],
    ) -> list[KeyValue] | None:
        """Return what the rows have in common before their pictures; None if it is not worth it."""
        length = common_length(input_ids, image_mask)
        if length < MIN_PREFIX_TOKENS or not takes_rows(llm) or not _is_constant(llm):
            return None
        device = inputs_embeds.device
        autocast = torch.is_autocast_enabled(device.type)
        kind = torch.get_autocast_dtype(device.type) if autocast else inputs_embeds.dtype
        ids = tuple(input_ids[0, :length].tolist())
        key = (ids, device, autocast, kind, _state(llm))
        if key not in self._kept:
            if len(self._kept) >= MAX_PREFIXES:
                self._kept.clear()
            self._kept[key] = keys_and_values(llm, inputs_embeds[:1, :length].detach())
        return self._kept[key]


def common_length(
    input_ids: Int[Tensor, "batch length"], image_mask: Bool[Tensor, "batch length"]
) -> int:
    """Return how many tokens all rows begin with, none of them a picture's."""
    differs = (input_ids != input_ids[:1]).any(dim=0) | image_mask.any(dim=0)
    # All but the last token at most: something must be left to compute.
    return int((~differs[:-1]).cumprod(dim=0).sum())


def _is_constant(llm: Any) -> bool:
    """Tell whether the LLM is frozen, and whole: of shards all processes must compute at once."""
    for parameter in llm.parameters():
        if parameter.requires_grad or hasattr(parameter, "placements"):
            return False
    return True


def _state(llm: Any) -> tuple[int, ...]:
    """Return what changes when somebody puts other weights into the LLM."""
    parameters = list(llm.parameters())
    return len(parameters), parameters[0].data_ptr(), sum(each._version for each in parameters)
