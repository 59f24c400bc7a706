"""The loop trains what it says, exactly as it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from minigpt4.errors import NonFiniteLossError, TrainingError
from minigpt4.training import StepLoss, fit

GOLDEN_LOSSES = [
    4.293381,
    6.778829,
    3.472677,
    1.93354,
    3.558175,
    1.828527,
    1.678607,
    6.710772,
    2.0958,
    1.353025,
    1.231151,
    4.423933,
    2.407488,
    0.992597,
    3.668596,
    5.764319,
    1.124751,
    3.803576,
    3.073274,
    1.728249,
]


def _lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def _weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


class RowTask:
    """Rows of unequal weight, cut into micro-batches of given sizes."""

    def __init__(self, sizes: list[int]) -> None:
        torch.manual_seed(0)
        self.module: nn.Module = nn.Linear(5, 1)
        self.sizes = sizes
        self.rows = torch.randn(sum(sizes), 5, generator=torch.Generator().manual_seed(3))

    def batch(self, step: int) -> torch.Tensor:
        place = step % len(self.sizes)
        first = sum(self.sizes[:place])
        return self.rows[first : first + self.sizes[place]]

    def loss(self, batch: torch.Tensor) -> StepLoss:
        loss = (self.module(batch) - 1.0).square().mean()
        return StepLoss(loss=loss, weight=len(batch), num_examples=len(batch))


def test_losses_of_20_steps_are_golden(
    tiny_task: Callable[..., Any], tiny_settings: Callable[..., Any], tmp_path: Path
) -> None:
    settings = tiny_settings(num_steps=20, log_every_steps=1, validate_every_steps=None)
    fit(tiny_task(dropout=0.0), settings, out=tmp_path, device="cpu")
    losses = [line["loss"] for line in _lines(tmp_path) if "loss" in line]
    assert losses == pytest.approx(GOLDEN_LOSSES, abs=1e-5)


def test_accumulated_micro_batches_equal_the_big_batch(
    tiny_settings: Callable[..., Any], tmp_path: Path
) -> None:
    settings = {"num_steps": 8, "validate_every_steps": None, "log_every_steps": 1}
    big, small = RowTask([12]), RowTask([1, 8, 3])
    fit(big, tiny_settings(**settings), out=tmp_path / "big", device="cpu")
    fit(
        small,
        tiny_settings(**settings, batches_per_step=3),
        out=tmp_path / "small",
        device="cpu",
    )
    for name, tensor in _weights(big.module).items():
        torch.testing.assert_close(small.module.state_dict()[name], tensor, rtol=1e-5, atol=1e-6)
    for one, other in zip(_lines(tmp_path / "big"), _lines(tmp_path / "small"), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-5)
        assert one["examples"] == other["examples"] == one["step"] * 12


@pytest.mark.parametrize("num_workers", [1, 2])
def test_loader_workers_change_nothing(
    tiny_task: Callable[..., Any],
    tiny_settings: Callable[..., Any],
    tmp_path: Path,
    num_workers: int,
) -> None:
    alone, helped = tiny_task(), tiny_task()
    fit(alone, tiny_settings(), out=tmp_path / "alone", device="cpu")
    fit(helped, tiny_settings(num_workers=num_workers), out=tmp_path / "helped", device="cpu")
    for name, tensor in _weights(alone.module).items():
        assert torch.equal(helped.module.state_dict()[name], tensor), name
    assert _lines(tmp_path / "alone") == _lines(tmp_path / "helped")


def test_validation_changes_nothing(
    tiny_task: Callable[..., Any], tiny_settings: Callable[..., Any], tmp_path: Path
) -> None:
    seldom, often = tiny_task(), tiny_task()
    fit(seldom, tiny_settings(validate_every_steps=None), out=tmp_path / "a", device="cpu")
    fit(often, tiny_settings(validate_every_steps=1), out=tmp_path / "b", device="cpu")
    for name, tensor in _weights(seldom.module).items():
        assert torch.equal(often.module.state_dict()[name], tensor), name


def test_a_run_leaves_metrics_validation_timing_plot_and_checkpoint(
    tiny_task: Callable[..., Any], tiny_settings: Callable[..., Any], tmp_path: Path
) -> None:
    result = fit(tiny_task(), tiny_settings(), out=tmp_path, device="cpu")
    assert result.finished
    assert result.step == 40
    lines = _lines(tmp_path)
    assert [line["step"] for line in lines if "loss" in line] == [*range(3, 40, 3), 40]
    assert {"loss", "lr", "grad_norm", "examples", "worst"} <= lines[0].keys()
    answers = [line["answer"] for line in lines if "answer" in line]
    assert answers == [f"at {step}" for step in range(5, 41, 5)]
    assert result.validation["answer"] == "at 40"
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
    timing = (tmp_path / "timing.jsonl").read_text().splitlines()
    assert json.loads(timing[0])["seconds"] > 0
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == ["step_00000035", "step_00000040"]


def test_bf16_trains_and_keeps_weights_in_fp32(
    tiny_task: Callable[..., Any], tiny_settings: Callable[..., Any], tmp_path: Path
) -> None:
    task = tiny_task(dropout=0.0)
    fit(task, tiny_settings(precision="bf16", num_steps=60), out=tmp_path, device="cpu")
    assert {parameter.dtype for parameter in task.module.parameters()} == {torch.float32}
    losses = [line["loss"] for line in _lines(tmp_path) if "loss" in line]
    assert losses[-1] < losses[0] / 2


def test_frozen_parameters_stay_as_they_were(
    tiny_task: Callable[..., Any], tiny_settings: Callable[..., Any], tmp_path: Path
) -> None:
    task = tiny_task()
    task.module[0].requires_grad_(False)
    before = _weights(task.module)
    fit(task, tiny_settings(num_steps=5), out=tmp_path, device="cpu")
    changed = {
        name for name, t in before.items() if not torch.equal(t, task.module.state_dict()[name])
    }
    assert not changed & {"0.weight", "0.bias"}
    assert {"4.weight", "4.bias"} <= changed


def test_a_folder_that_holds_a_run_is_not_overwritten(
    tiny_task: Callable[..., Any], tiny_settings: Callable[..., Any], tmp_path: Path
) -> None:
    fit(tiny_task(), tiny_settings(num_steps=5), out=tmp_path, device="cpu")
    before = (tmp_path / "metrics.jsonl").read_bytes()
    with pytest.raises(TrainingError, match="holds a run already"):
        fit(tiny_task(), tiny_settings(num_steps=5), out=tmp_path, device="cpu")
    assert (tmp_path / "metrics.jsonl").read_bytes() == before


def test_a_nan_loss_stops_before_the_weights_are_spoiled(
    tiny_task: Callable[..., Any], tiny_settings: Callable[..., Any], tmp_path: Path
) -> None:
    task = tiny_task()
    batch = task.batch

    def spoilt(step: int) -> Any:
        values = batch(step)
        if step == 9:
            values["x"][0, 0] = float("nan")
        return values

    task.batch = spoilt
    with pytest.raises(NonFiniteLossError, match=r"loss is nan at step 9 .*batch\.x"):
        fit(task, tiny_settings(), out=tmp_path, device="cpu")
    assert all(bool(torch.isfinite(p).all()) for p in task.module.parameters())


def test_a_batch_without_answers_is_an_error(
    tiny_settings: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="no answer token"):
        fit(_Weightless(), tiny_settings(), out=tmp_path, device="cpu")


class _Weightless:
    """A task whose batches hold nothing to learn."""

    def __init__(self) -> None:
        self.module: nn.Module = nn.Linear(1, 1)

    def batch(self, step: int) -> torch.Tensor:
        return torch.ones(1, 1)

    def loss(self, batch: torch.Tensor) -> StepLoss:
        return StepLoss(loss=self.module(batch).sum() * 0.0, weight=0)
