"""Learning rates and AdamW steps are those of the official code, number for number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from minigpt4.training.optimizer import build_optimizer, set_learning_rate
from minigpt4.training.schedule import learning_rate
from minigpt4.training.settings import TrainSettings
from parity.folder import goldens_folder


@pytest.fixture(scope="module")
def folder() -> Path:
    return goldens_folder()


@pytest.fixture(scope="module")
def golden(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "golden.json").read_text(encoding="utf-8"))


def _official(run: dict[str, Any]) -> TrainSettings:
    return TrainSettings(
        num_steps=run["max_epoch"] * run["iters_per_epoch"],
        steps_per_epoch=run["iters_per_epoch"],
        peak_lr=run["init_lr"],
        final_lr=run["min_lr"],
        warmup_lr=run["warmup_lr"],
        warmup_steps=run["warmup_steps"],
        schedule="official",
    )


def test_every_learning_rate_is_official(golden: dict[str, Any]) -> None:
    tables = {name: table for name, table in golden["lr"].items() if name != "columns"}
    assert tables
    for name, table in tables.items():
        settings = _official(table["cfg"])
        for epoch, step_in_epoch, rate in table["values"]:
            step = epoch * table["cfg"]["iters_per_epoch"] + step_in_epoch
            assert learning_rate(step, settings) == pytest.approx(rate, rel=1e-9), (name, step)


def test_one_adamw_step_is_official(folder: Path, golden: dict[str, Any]) -> None:
    arrays = np.load(folder / "golden.npz")
    for stage, rates in golden["adamw"].items():
        if stage == "groups":
            continue
        file = "minigpt4_proj_noqformer.pth" if "noqf" in stage else "minigpt4_proj.pth"
        weights = torch.load(folder / file, weights_only=True)["model"]
        for name, rate in rates.items():
            projection = nn.Linear(*weights["llama_proj.weight"].shape[::-1])
            projection.weight.data.copy_(weights["llama_proj.weight"])
            projection.bias.data.copy_(weights["llama_proj.bias"])
            projection.weight.grad = torch.from_numpy(arrays[f"{stage}_grad_w"])
            projection.bias.grad = torch.from_numpy(arrays[f"{stage}_grad_b"])
            optimizer = build_optimizer(projection, TrainSettings(num_steps=1, peak_lr=1.0))
            set_learning_rate(optimizer, rate)
            optimizer.step()
            for key, tensor in (("w", projection.weight), ("b", projection.bias)):
                expected = torch.from_numpy(arrays[f"{stage}_adamw_{name}_{key}"])
                torch.testing.assert_close(tensor.data, expected, rtol=0, atol=2e-7)


def test_groups_decay_as_officially(golden: dict[str, Any]) -> None:
    optimizer = build_optimizer(nn.Linear(2, 2), TrainSettings(num_steps=1, peak_lr=1e-4))
    for ours, official in zip(optimizer.param_groups, golden["adamw"]["groups"], strict=True):
        assert len(ours["params"]) == official["params"]
        assert ours["weight_decay"] == official["weight_decay"]
        assert list(ours["betas"]) == official["betas"]
        assert ours["eps"] == official["eps"]
