"""Causal attention that is fast for short rows on a CPU, and the fused one elsewhere.

On a CPU and at some hundred tokens, the backward pass of torch's fused attention takes longer than
the matrix products it saves (`benchmarks/attention.py` measures it), and the plain form loses time
in autograd between its many small steps. Written as one function with its own derivative, it
keeps the probabilities and nothing else.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention.bias import causal_lower_right

LONGEST_PLAIN_TOKENS = 512
"""From here on the fused attention is the better one on a CPU too, and the leaner one."""


def causal_attention(
    query: Float[Tensor, "batch heads length dim"],
    key: Float[Tensor, "batch heads seen dim"],
    value: Float[Tensor, "batch heads seen dim"],
    *,
    scale: float,
    dropout: float = 0.0,
) -> Float[Tensor, "batch heads length dim"]:
    """Return attention in which query t sees the first `seen - length + t + 1` keys."""
    device = query.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else query.dtype
    query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    plain = device == "cpu" and key.shape[2] <= LONGEST_PLAIN_TOKENS
    if plain and not dropout and query.requires_grad and torch.is_grad_enabled():
        with torch.autocast(device, enabled=False):
            return _PlainAttention.apply(query, key, value, scale)
    mask: Any = None
    if query.shape[2] != key.shape[2]:
        mask = causal_lower_right(query.shape[2], key.shape[2])
    return F.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        is_causal=mask is None,
        dropout_p=dropout,
        scale=scale,
    )


class _PlainAttention(torch.autograd.Function):
    """Matrix product, softmax, matrix product."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        scores = torch.matmul(query, key.transpose(-1, -2))  # (B, H, L, S)
        scores.mul_(scale).add_(_hidden(query.shape[2], key.shape[2], scores.dtype))
        probabilities = scores.softmax(dim=-1)
        ctx.save_for_backward(query, key, value, probabilities)
        ctx.scale = scale
        return torch.matmul(probabilities, value)  # (B, H, L, d)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        query, key, value, probabilities = ctx.saved_tensors
        value_gradient = torch.matmul(probabilities.transpose(-1, -2), gradient)
        scores_gradient = torch.ops.aten._softmax_backward_data(
            torch.matmul(gradient, value.transpose(-1, -2)), probabilities, -1, probabilities.dtype
        ).mul_(ctx.scale)
        return (
            torch.matmul(scores_gradient, key),
            torch.matmul(scores_gradient.transpose(-1, -2), query),
            value_gradient,
            None,
        )


@lru_cache(maxsize=64)
def _hidden(length: int, seen: int, dtype: torch.dtype) -> Tensor:
    """Return what is added to the scores: nothing where a query may look, -inf elsewhere."""
    mask = torch.full((length, seen), float("-inf"), dtype=dtype)
    return mask.triu(diagonal=seen - length + 1)
