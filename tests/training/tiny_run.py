"""A training small enough to be killed and repeated at will.

The module has what makes exact resume hard: dropout (dice), BatchNorm (buffers), bias and matrix
groups, and data that differs at each step. `train` is what the tests start as a process.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from minigpt4.training import StepLoss, TrainResult, TrainSettings, checkpoint, fit


class TinyTask:
    """Regress the sum of four numbers."""

    def __init__(self, *, rows: int = 6, step_seconds: float = 0.0, dropout: float = 0.1) -> None:
        torch.manual_seed(0)
        self.module: nn.Module = nn.Sequential(
            nn.Linear(4, 16), nn.BatchNorm1d(16), nn.Dropout(dropout), nn.GELU(), nn.Linear(16, 1)
        )
        self.num_rows, self.step_seconds = rows, step_seconds

    def batch(self, step: int) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(1000 + step)
        x = torch.randn(self.num_rows, 4, generator=generator)
        return {"x": x, "y": x.sum(dim=1, keepdim=True)}

    def loss(self, batch: Any) -> StepLoss:
        time.sleep(self.step_seconds)
        error = self.module(batch["x"]).float() - batch["y"]
        return StepLoss(
            loss=error.square().mean(),
            weight=self.num_rows,
            num_examples=self.num_rows,
            metrics={"worst": error.abs().max().item()},
        )

    def validate(self, step: int) -> dict[str, float | str]:
        torch.rand(7)  # careless validations throw dice too
        batch = self.batch(10**6)
        error = self.module(batch["x"]) - batch["y"]
        return {"validation_loss": error.square().mean().item(), "answer": f"at {step}"}


def tiny_settings(**changes: Any) -> TrainSettings:
    """Return settings of a run of 40 steps."""
    values = {"num_steps": 40, "peak_lr": 1e-2, "warmup_steps": 5, "checkpoint_every_steps": 7}
    values |= {"log_every_steps": 3, "validate_every_steps": 5, "grad_clip": 1.0}
    return TrainSettings(**(values | changes))


def train(
    out: str,
    *,
    resume: bool = False,
    step_seconds: float = 0.0,
    num_workers: int = 0,
    save_seconds: float = 0.0,
) -> TrainResult:
    """Train the tiny task in this process; saving a checkpoint takes `save_seconds` longer."""
    torch.set_num_threads(1)
    if save_seconds:
        _slow_down_saving(save_seconds)
    result = fit(
        TinyTask(step_seconds=step_seconds),
        tiny_settings(num_workers=num_workers),
        out=out,
        resume=resume,
        device="cpu",
    )
    word = "finished" if result.finished else "stopped"
    Path(f"{out}.end").write_text(f"{word} {result.step}")
    return result


def train_as_one_of(
    process: int, num_processes: int, port: int, calls: list[tuple[Any, tuple[Any, ...], Any]]
) -> None:
    """Call functions one after the other as one of the processes that `torchrun` would start."""
    os.environ |= {
        "RANK": str(process),
        "LOCAL_RANK": str(process),
        "WORLD_SIZE": str(num_processes),
        "LOCAL_WORLD_SIZE": str(num_processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    torch.set_num_threads(1)
    for function, arguments, named in calls:
        function(*arguments, **named)
    torch.distributed.destroy_process_group()


def _slow_down_saving(seconds: float) -> None:
    save = checkpoint.save_file

    def slow(*arguments: Any) -> None:
        save(*arguments)
        time.sleep(seconds)

    checkpoint.save_file = slow
