"""The goldens: what the official code gave, at a reduced size, and the models made of its weights.

`MINIGPT4_GOLDENS` may name another directory of the same form (other sizes, weights, pictures).
"""

from __future__ import annotations

import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from minigpt4.model.loading import load
from minigpt4.model.official import import_official

DEFAULT = Path(__file__).parents[1] / "fixtures" / "official_tiny"
STAGES = ("stage1", "stage2", "stage2_promptlist", "stage2_noqf_llama2")


class Goldens:
    """Values by path ("stage1/captions") and arrays by name, and the imported models."""

    def __init__(self, imported: Path) -> None:
        self.directory = Path(os.environ.get("MINIGPT4_GOLDENS") or DEFAULT)
        self._imported = imported

    @cached_property
    def values(self) -> dict[str, Any]:
        return json.loads((self.directory / "golden.json").read_text(encoding="utf-8"))

    @cached_property
    def sizes(self) -> dict[str, Any]:
        return json.loads((self.directory / "config.json").read_text(encoding="utf-8"))

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        with np.load(self.directory / "golden.npz") as file:
            return dict(file)

    def __getitem__(self, path: str) -> Any:
        value = self.values
        for key in path.split("/"):
            value = value[key]
        return value

    def tensor(self, name: str) -> torch.Tensor:
        return torch.from_numpy(self.arrays[name])

    @cached_property
    def images(self) -> list[Path]:
        return [self.directory / name for name in self["images/files"]]

    def batch_images(self, indices: list[int] | None = None) -> list[Path]:
        """The pictures of batch B, or those of the given numbers."""
        return [self.images[i] for i in (indices or self["images/batch_B"])]

    def import_model(self, name: str, *, qformer: bool, sizes: Path | None = None) -> Any:
        """Import the official files and load the result."""
        projection = "minigpt4_proj.pth" if qformer else "minigpt4_proj_noqformer.pth"
        out = import_official(
            vision=self.directory / "eva_vit.pth",
            qformer=self.directory / "blip2_qformer.pth" if qformer else None,
            llm=self.directory / "llm",
            projection=self.directory / projection,
            out=self._imported / name,
            sizes=sizes or self.directory / "config.json",
        )
        return load(out, device="cpu")

    @cached_property
    def with_qformer(self) -> Any:
        return self.import_model("with_qformer", qformer=True)

    @cached_property
    def without_qformer(self) -> Any:
        return self.import_model("without_qformer", qformer=False)

    def model_of(self, stage: str) -> Any:
        """The variant a stage or a chat was run with."""
        return self.without_qformer if "llama2" in stage else self.with_qformer


def assert_close(
    got: torch.Tensor, wanted: torch.Tensor, *, atol: float, what: str = "value"
) -> None:
    """Compare, and say by how much it is off."""
    assert got.shape == wanted.shape, f"{what} is {tuple(got.shape)}, wanted {tuple(wanted.shape)}"
    off = (got.detach() - wanted).abs().max().item()
    assert off <= atol, f"{what} is off by {off:.2e}, allowed {atol:.0e}"


def assert_close_relative(
    got: torch.Tensor, wanted: torch.Tensor, *, rtol: float, what: str = "value"
) -> None:
    """Compare relative to the largest of the wanted values."""
    assert_close(got, wanted, atol=rtol * wanted.abs().max().item(), what=what)
