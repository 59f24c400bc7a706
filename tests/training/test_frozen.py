"""What is frozen is proved to be so."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from minigpt4.errors import TrainingError
from minigpt4.training.frozen import frozen_digests, frozen_unchanged


def _module() -> nn.Sequential:
    frozen, trained = nn.Linear(2, 2), nn.Linear(2, 2).to(torch.bfloat16)
    frozen.requires_grad_(False)
    trained.bias.requires_grad_(False)
    return nn.Sequential(frozen, trained)


def test_only_frozen_parameters_are_watched() -> None:
    assert frozen_digests(_module()).keys() == {"0.weight", "0.bias", "1.bias"}


def test_trained_parameters_may_change() -> None:
    module = _module()
    with frozen_unchanged(module), torch.no_grad():
        module.get_parameter("1.weight").add_(1.0)


@pytest.mark.parametrize("name", ["0.weight", "1.bias"])
def test_a_frozen_bit_that_moves_is_an_error(name: str) -> None:
    module = _module()
    parameter = module.get_parameter(name)
    with pytest.raises(TrainingError, match=f"first {name}"), frozen_unchanged(module):
        parameter.view(-1)[:1] = torch.nextafter(
            parameter.view(-1)[:1], torch.full_like(parameter.view(-1)[:1], 9.0)
        )


def test_an_error_inside_is_not_hidden() -> None:
    with pytest.raises(KeyError), frozen_unchanged(_module()):
        raise KeyError("inside")
