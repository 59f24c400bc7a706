"""A fingerprint tells other weights from the same ones, in whatever type they are kept."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from minigpt4.model import fingerprint as module
from minigpt4.model.fingerprint import fingerprint


@pytest.fixture
def part() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8))


def test_the_same_weights_have_the_same_fingerprint(part: nn.Module):
    first = fingerprint(part)
    assert fingerprint(part.to(torch.bfloat16)) == first
    assert fingerprint(part.to(torch.float32)) == first


def test_one_changed_value_is_told(part: nn.Module):
    first = fingerprint(part)
    with torch.no_grad():
        part[0].weight[3, 3] += 0.1  # type: ignore[index]
    assert fingerprint(part) != first


def test_exact_tells_a_single_bit(part: nn.Module):
    rough, exact = fingerprint(part), fingerprint(part, exact=True)
    with torch.no_grad():
        weight = part[0].weight  # type: ignore[index]
        weight[0, 0] = torch.nextafter(weight[0, 0], torch.tensor(9.0))
    assert fingerprint(part) == rough
    assert fingerprint(part, exact=True) != exact


def test_large_parts_are_sampled_all_over(part: nn.Module, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "HASHED_WHOLE_PARAMETERS", 1)
    monkeypatch.setattr(module, "SAMPLES_PER_TENSOR", 16)
    first = fingerprint(part)
    with torch.no_grad():
        part[0].weight += 1.0  # type: ignore[index]
    assert fingerprint(part) != first
