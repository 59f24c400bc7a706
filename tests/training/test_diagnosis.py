"""A diagnosis names the likely cause."""

from __future__ import annotations

import logging
import math

import pytest
import torch
from torch import nn

from minigpt4.training.diagnosis import describe_batch, non_finite_error, warn_if_uniform


def _message(module: nn.Module, batch: object) -> str:
    return str(non_finite_error("loss", math.nan, step=7, rate=1e-3, module=module, batch=batch))


def test_a_batch_with_nan_is_blamed_first() -> None:
    message = _message(nn.Linear(1, 1), {"pixel_values": torch.tensor([math.nan])})
    assert "step 7 (learning rate 0.001)" in message
    assert "batch.pixel_values" in message


def test_a_damaged_frozen_weight_is_named() -> None:
    frozen = nn.Linear(1, 1).requires_grad_(False)
    frozen.weight.fill_(math.inf)
    module = nn.Sequential(frozen, nn.Linear(1, 1))
    assert "frozen weight 0.weight" in _message(module, {})


def test_a_diverged_trained_weight_advises_a_lower_rate() -> None:
    module = nn.Linear(1, 1)
    with torch.no_grad():
        module.weight.fill_(math.nan)
    assert "trained weight weight is not finite; lower peak_lr" in _message(module, {})


def test_finite_weights_and_inputs_mean_overflow() -> None:
    assert "overflowed" in _message(nn.Linear(1, 1), {"x": torch.zeros(2)})


def test_a_first_loss_of_chance_warns_about_the_llm(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert warn_if_uniform(10.375, math.log(32_000))
    assert "ln(32000)" in caplog.text
    assert not warn_if_uniform(3.8, math.log(32_000))


def test_a_batch_is_described_by_shape_and_range() -> None:
    text = describe_batch({"x": torch.tensor([[1.0, 3.0]]), "ids": [torch.zeros(2).long()]})
    assert text == "batch.x (1, 2) in [1, 3], mean 2; batch.ids[0] (2,)"
