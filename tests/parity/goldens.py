"""The goldens: what the official code gave, at a reduced size, and the models made of its weights.

`MINIGPT4_GOLDENS` may name another directory of the same form (other sizes, weights, pictures,
samples, names). What is read of them is noted down, so that nothing stays unchecked unseen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from minigpt4.model.loading import load
from minigpt4.model.official import import_official
from parity.folder import goldens_folder

PICTURE_SIZE = re.compile(r"s(\d+)_pixels")


class Section(Mapping[str, Any]):
    """An object of golden.json that notes which of its values are read."""

    def __init__(self, values: dict[str, Any], path: tuple[str, ...], read: set[str]) -> None:
        self._values, self._path, self._read = values, path, read

    def __getitem__(self, key: str) -> Any:
        return recorded(self._values[key], (*self._path, key), self._read)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def recorded(value: Any, path: tuple[str, ...], read: set[str]) -> Any:
    """Return a value of golden.json; one that holds no others counts as read."""
    if isinstance(value, dict):
        return Section(value, path, read)
    if is_list_of_objects(value):
        return [recorded(each, path, read) for each in value]
    read.add("/".join(path))
    return value


def is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


class Goldens:
    """Values by path ("stage1/captions") and arrays by name, and the imported models."""

    def __init__(self, imported: Path) -> None:
        self.directory = goldens_folder()
        self.read: set[str] = set()
        """The paths of the values and the names of the arrays that tests have read."""
        self._imported = imported

    @cached_property
    def values(self) -> dict[str, Any]:
        return json.loads((self.directory / "golden.json").read_text(encoding="utf-8"))

    @cached_property
    def sizes(self) -> dict[str, Any]:
        return json.loads((self.directory / "config.json").read_text(encoding="utf-8"))

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays, to look for names; a test's values come from `tensor`."""
        with np.load(self.directory / "golden.npz") as file:
            return dict(file)

    def __getitem__(self, path: str) -> Any:
        value: Any = Section(self.values, (), self.read)
        for key in path.split("/"):
            value = value[key]
        return value

    def tensor(self, name: str) -> torch.Tensor:
        self.read.add(name)
        return torch.from_numpy(self.arrays[name])

    @cached_property
    def images(self) -> list[Path]:
        return [self.directory / name for name in self["images/files"]]

    def batch_images(self, indices: list[int] | None = None) -> list[Path]:
        """The pictures of batch B, or those of the given numbers."""
        chosen = self["images/batch_B"] if indices is None else indices
        return [self.images[i] for i in chosen]

    @cached_property
    def other_sizes_px(self) -> list[int]:
        """The picture sizes to which the position embeddings were interpolated."""
        found = [PICTURE_SIZE.fullmatch(name) for name in self.arrays]
        return sorted(int(match[1]) for match in found if match)

    def number_in_note(self, path: str, name: str, default: float) -> float:
        """Find `name=number` in a note that says how values were made, if it says so."""
        match = re.search(rf"\b{name}=([\d.]+(?:e-?\d+)?)", self[path])
        return float(match[1]) if match else default

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

    def model_of(self, name: str) -> Any:
        """The variant a stage or a chat was run with; officially Llama-2 has no Q-Former."""
        without = "noqf" in name or "llama2" in name
        return self.without_qformer if without else self.with_qformer


def assert_close(
    got: torch.Tensor, wanted: torch.Tensor, *, atol: float, what: str = "value"
) -> None:
    """Compare, and say by how much it is off."""
    assert got.shape == wanted.shape, f"{what} is {tuple(got.shape)}, wanted {tuple(wanted.shape)}"
    if not wanted.numel():
        return
    off = (got.detach() - wanted).abs().max().item()
    assert off <= atol, f"{what} is off by {off:.2e}, allowed {atol:.0e}"


def assert_close_relative(
    got: torch.Tensor, wanted: torch.Tensor, *, rtol: float, what: str = "value"
) -> None:
    """Compare relative to the largest of the wanted values."""
    assert_close(got, wanted, atol=rtol * wanted.abs().max().item(), what=what)
