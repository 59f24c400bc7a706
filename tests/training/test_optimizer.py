"""AdamW decays what the official code decays; Muon takes hidden matrices; frozen ones stay."""

from __future__ import annotations

from copy import deepcopy

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


def muon_and_module() -> tuple[torch.optim.Optimizer, nn.ModuleDict]:
    torch.manual_seed(0)
    module = nn.ModuleDict(
        {"hidden": nn.Linear(4, 4), "head": nn.Linear(4, 3), "embed": nn.Embedding(5, 4)}
    )
    settings = TrainSettings(num_steps=1, peak_lr=0.01, optimizer="muon", weight_decay=0.0)
    return build_optimizer(module, settings), module


def one_step(optimizer: torch.optim.Optimizer, module: nn.ModuleDict) -> None:
    hidden = module["hidden"](module["embed"](torch.tensor([0, 1, 2])))
    module["head"](hidden).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()


def test_muon_moves_all_directions_of_a_hidden_matrix_alike() -> None:
    optimizer, module = muon_and_module()
    before = module["hidden"].weight.detach().clone()
    one_step(optimizer, module)
    moved = torch.linalg.svdvals(before - module["hidden"].weight.detach())
    # Three rows of data give three directions; AdamW would follow the largest.
    assert moved[2] / moved[0] > 0.5
    assert module["embed"].weight.grad is None


def test_only_matrices_between_hidden_states_are_muons() -> None:
    optimizer, module = muon_and_module()
    muon, adamw = optimizer.parts  # type: ignore[attr-defined]
    assert [id(p) for group in muon.param_groups for p in group["params"]] == [
        id(module["hidden"].weight)
    ]
    assert sum(len(group["params"]) for group in adamw.param_groups) == 4


def test_muon_goes_on_from_its_saved_state() -> None:
    optimizer, module = muon_and_module()
    one_step(optimizer, module)
    state, weights = deepcopy(optimizer.state_dict()), deepcopy(module.state_dict())
    one_step(optimizer, module)
    other, twin = muon_and_module()
    twin.load_state_dict(weights)
    other.load_state_dict(state)
    set_learning_rate(other, 0.01)
    one_step(other, twin)
    assert torch.equal(twin["hidden"].weight, module["hidden"].weight)
    assert torch.equal(twin["head"].weight, module["head"].weight)


def test_muon_takes_no_closure() -> None:
    optimizer, _ = muon_and_module()
    with pytest.raises(TrainingError, match="closure"):
        optimizer.step(lambda: 0.0)
