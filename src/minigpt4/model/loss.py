"""The language-modelling loss, computed at the answer's positions and nowhere else.

Logits of a whole sequence take more memory than anything else in a step (32,000 numbers a token),
and most positions (image, prompt, padding) carry no loss. So hidden states are gathered first and
only they meet the LLM's head.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from minigpt4.errors import DataError

IGNORED_LABEL = -100


@dataclass(frozen=True)
class Targets:
    """Which positions predict which tokens: position t predicts the label at t + 1."""

    positions: Bool[Tensor, "batch length_minus_1"]
    ids: Int[Tensor, " targets"]


def targets_of(labels: Int[Tensor, "batch length"]) -> Targets:
    """Find the positions that carry loss.

    Raises:
        DataError: if there is none; a loss of nothing would train nothing, silently.
    """
    shifted = labels[:, 1:]
    positions = shifted != IGNORED_LABEL
    ids = shifted[positions]
    if ids.numel() == 0:
        raise DataError(
            f"no label in a batch of {labels.shape[0]}: every answer is empty or was cut away; "
            "give longer answers or more max_text_tokens"
        )
    return Targets(positions=positions, ids=ids)


def token_losses(
    logits: Float[Tensor, "targets vocab"], ids: Int[Tensor, " targets"]
) -> Float[Tensor, " targets"]:
    """Return the negative log likelihood of each target, in fp32."""
    with torch.autocast(logits.device.type, enabled=False):
        return F.cross_entropy(logits.float(), ids, reduction="none")


def sum_by_example(
    losses: Float[Tensor, " targets"], labels: Int[Tensor, "batch length"]
) -> Float[Tensor, " batch"]:
    """Add up the token losses of each example.

    The official `reduction="none"` is this divided by (length - 1), padding included.
    """
    rows = (labels[:, 1:] != IGNORED_LABEL).nonzero()[:, 0]
    return losses.new_zeros(labels.shape[0]).index_add(0, rows, losses)
