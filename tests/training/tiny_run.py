"""A training small enough to be killed and repeated at will: `python tiny_run.py OUT [options]`.

The module has what makes exact resume hard: dropout (dice), BatchNorm (buffers), bias and matrix
groups, and data that differs at each step.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import torch
from torch import nn

from minigpt4.training import StepLoss, TrainSettings, fit


class TinyTask:
    """Regress the sum of four numbers."""

    def __init__(self, *, rows: int = 6, step_seconds: float = 0.0, dropout: float = 0.1) -> None:
        torch.manual_seed(0)
        self.module: nn.Module = nn.Sequential(
            nn.Linear(4, 16), nn.BatchNorm1d(16), nn.Dropout(dropout), nn.GELU(), nn.Linear(16, 1)
        )
        self.rows, self.step_seconds = rows, step_seconds

    def batch(self, step: int) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(1000 + step)
        x = torch.randn(self.rows, 4, generator=generator)
        return {"x": x, "y": x.sum(dim=1, keepdim=True)}

    def loss(self, batch: Any) -> StepLoss:
        time.sleep(self.step_seconds)
        error = self.module(batch["x"]).float() - batch["y"]
        return StepLoss(
            loss=error.square().mean(),
            weight=self.rows,
            num_examples=self.rows,
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--step-seconds", type=float, default=0.0)
    parser.add_argument("--num-workers", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    result = fit(
        TinyTask(step_seconds=given.step_seconds),
        tiny_settings(num_workers=given.num_workers),
        out=given.out,
        resume=given.resume,
        device="cpu",
    )
    sys.stdout.write(f"{'finished' if result.finished else 'stopped'} {result.step}\n")
