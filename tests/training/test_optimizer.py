"""AdamW decays what the official code decays, and nothing that is frozen."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from minigpt4.errors import TrainingError
from minigpt4.training.optimizer import build_optimizer, is_decayed, set_learning_rate
from minigpt4.training.settings import TrainSettings

SETTINGS = TrainSettings(num_steps=1, peak_lr=1e-4)


def test_weight_decays_and_bias_does_not() -> None:
    module = nn.Linear(3, 2)
    decayed, undecayed = build_optimizer(module, SETTINGS).param_groups
    assert decayed["params"] == [module.weight]
    assert undecayed["params"] == [module.bias]
    assert (decayed["weight_decay"], undecayed["weight_decay"]) == (0.05, 0.0)
    assert (decayed["betas"], decayed["eps"]) == ((0.9, 0.999), 1e-8)


@pytest.mark.parametrize("name", ["ln_vision.weight", "layer.bias", "bn1.weight"])
def test_official_names_never_decay(name: str) -> None:
    assert not is_decayed(name, nn.Parameter(torch.zeros(2, 2)))


def test_vectors_never_decay() -> None:
    assert not is_decayed("norm.weight", nn.Parameter(torch.zeros(2)))
    assert is_decayed("projection.weight", nn.Parameter(torch.zeros(2, 2)))


def test_frozen_parameters_are_left_out() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, bias=False))
    module[0].requires_grad_(False)
    (group,) = build_optimizer(module, SETTINGS).param_groups
    assert group["params"] == [module[1].weight]


def test_a_module_with_nothing_to_train_is_refused() -> None:
    with pytest.raises(TrainingError, match="nothing would train"):
        build_optimizer(nn.Linear(2, 2).requires_grad_(False), SETTINGS)


def test_set_learning_rate_reaches_every_group() -> None:
    optimizer = build_optimizer(nn.Linear(3, 2), SETTINGS)
    set_learning_rate(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.5]
