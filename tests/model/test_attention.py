"""Our causal attention is the usual one, forwards and backwards."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from minigpt4.model.attention import causal_attention


def _states(seen: int = 7, length: int = 5) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    sizes = (length, seen, seen)
    return [
        torch.randn(2, 3, size, 4, generator=generator, dtype=torch.float64).requires_grad_(True)
        for size in sizes
    ]


def _expected(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    scores = query @ key.transpose(-1, -2) * scale
    length, seen = scores.shape[-2:]
    hidden = torch.ones(length, seen, dtype=torch.bool).triu(seen - length + 1)
    return scores.masked_fill(hidden, float("-inf")).softmax(-1) @ value


@pytest.mark.parametrize("seen", [5, 7])
def test_results_are_those_of_the_formula(seen: int) -> None:
    states = _states(seen)
    expected = _expected(*states, 0.3)
    torch.testing.assert_close(causal_attention(*states, scale=0.3), expected)
    with torch.no_grad():
        torch.testing.assert_close(causal_attention(*states, scale=0.3), expected)


@pytest.mark.parametrize("seen", [5, 7])
def test_derivatives_are_those_of_the_formula(seen: int) -> None:
    assert torch.autograd.gradcheck(
        lambda *states: causal_attention(*states, scale=0.3), tuple(_states(seen))
    )


def test_under_autocast_it_computes_in_bf16() -> None:
    query, key, value = (state.float() for state in _states())
    with torch.autocast("cpu", torch.bfloat16):
        result = causal_attention(query, key, value.bfloat16(), scale=0.3)
    assert result.dtype == torch.bfloat16
    torch.testing.assert_close(
        result.float(), _expected(query, key, value, 0.3), rtol=3e-2, atol=3e-2
    )
