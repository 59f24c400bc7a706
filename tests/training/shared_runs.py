"""Stage 1 of a tiny model as several processes train it together, and as one does alone.

Function and arguments travel to other processes by name, so they live in a module of their own.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from generation.tiny_model import build_tiny_model
from minigpt4.data.example import Example, captioned
from minigpt4.data.mixing import Mixture
from minigpt4.errors import SettingsError
from minigpt4.processing.processor import STAGE1_LAYOUT
from minigpt4.training import TrainSettings, fit
from minigpt4.training.stages import AlignmentBatch, AlignmentSettings, AlignmentTask

Job = tuple[str, dict[str, Any]]
"""Folder of a run, and what `train_shared` is called with."""


class Sheets:
    """Plain pictures, each with a caption of another length."""

    def __init__(self, first: int) -> None:
        self.first = first

    def __len__(self) -> int:
        return 11

    def __getitem__(self, index: int) -> Example:
        picture = Image.new("RGB", (20, 14), (self.first, 20 * index, 99))
        return captioned(
            picture, "a sheet" + " of paper" * (index % 3), key=f"{self.first}-{index}"
        )


class NotingTask(AlignmentTask):
    """Note in a file which examples this process has made."""

    notes: Path

    def rows(self, step: int, rows: range) -> AlignmentBatch:
        keys = [example.key for example in self.mixture.draw(step, rows).examples]
        with self.notes.open("a", encoding="utf-8") as file:
            file.write(json.dumps([step, rows.start, keys]) + "\n")
        return super().rows(step, rows)


def train_shared(
    out: str,
    *,
    batch_size: int = 6,
    llm_dtype: torch.dtype | None = None,
    crop: bool = False,
    resume: bool = False,
    **settings: Any,
) -> None:
    """Train in this process, one of several or alone; leave projection and notes in `out`."""
    torch.set_num_threads(1)
    model = build_tiny_model()
    if llm_dtype is not None:
        model.llm.to(llm_dtype)
    mixture = Mixture([(Sheets(0), 2), (Sheets(200), 1)], batch_size=batch_size, seed=3)
    task = NotingTask(model, mixture, AlignmentSettings(layout=STAGE1_LAYOUT, crop=crop))
    task.validation = Mixture([(Sheets(100), 1)], batch_size=4, seed=1)
    task.settings = AlignmentSettings(
        layout=STAGE1_LAYOUT, crop=crop, num_validation_batches=1, max_new_tokens=3
    )
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    task.notes = folder / f"notes-{os.environ.get('RANK', '0')}.jsonl"
    values = {"num_steps": 6, "peak_lr": 1e-2, "final_lr": 1e-2, "log_every_steps": 1}
    values |= {"grad_clip": 1.0, "checkpoint_every_steps": 2}
    fit(task, TrainSettings(**(values | settings)), out=out, resume=resume, device="cpu")
    if os.environ.get("RANK", "0") == "0":
        torch.save(model.projection.state_dict(), folder / "projection.pt")


def expect_refusal(out: str, **settings: Any) -> None:
    """Note the message of the SettingsError that a training must end with."""
    try:
        train_shared(out, **settings)
    except SettingsError as error:
        Path(out).mkdir(parents=True, exist_ok=True)
        (Path(out) / "refused.txt").write_text(str(error), encoding="utf-8")
