"""Read weight files of others without running their code or holding more than is asked for.

`.pth` files are pickles; they are opened with `weights_only=True` and mapped into memory, so a
tensor is read from the disk when it is used. Directories of safetensors are read likewise.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from minigpt4.errors import WeightsError
from minigpt4.model.health import find_fault


def open_tensors(path: Path) -> Mapping[str, Tensor]:
    """Open a `.pth` file (flat, or with its tensors under "model") or a model directory."""
    if path.is_dir():
        return _DirectoryTensors(path)
    if not path.is_file():
        raise WeightsError(f"no file at {path}; check the path")
    fault = find_fault(path)
    if fault is not None:
        raise WeightsError(f"{fault.detail}; {fault.remedy}" if fault.remedy else fault.detail)
    loaded = _load_pickle(path)
    tensors = loaded.get("model", loaded) if isinstance(loaded, dict) else None
    if not isinstance(tensors, dict):
        raise WeightsError(
            f"{path} holds a {type(loaded).__name__}, wanted a dict of tensors; give one of the "
            "files that were published with the paper"
        )
    return {name: value for name, value in tensors.items() if isinstance(value, Tensor)}


def _load_pickle(path: Path) -> Any:
    options: dict[str, Any] = {"map_location": "cpu", "weights_only": True}
    try:
        try:
            return torch.load(path, mmap=True, **options)
        except RuntimeError:  # files of torch before 1.6 cannot be mapped
            return torch.load(path, **options)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} holds more than tensors, which would be code run by loading it; refused: "
            "get the file from where it was published, or save its tensors alone"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{path} is damaged or no torch file ({error}); download or copy it again"
        ) from error


class _DirectoryTensors(Mapping[str, Tensor]):
    """The tensors of all safetensors files of a directory, read one at a time."""

    def __init__(self, directory: Path) -> None:
        files = sorted(directory.glob("*.safetensors"))
        if not files:
            raise WeightsError(
                f"{directory} has no safetensors files; download the model in that format"
            )
        self._places: dict[str, Path] = {}
        for path in files:
            fault = find_fault(path)
            if fault is not None:
                raise WeightsError(f"{fault.detail}; {fault.remedy}")
            try:
                with safe_open(path, framework="pt") as file:
                    self._places |= dict.fromkeys(file.keys(), path)
            except SafetensorError as error:
                raise WeightsError(
                    f"{path} is damaged ({error}); download or copy it again"
                ) from error

    def __contains__(self, name: object) -> bool:
        return name in self._places  # that of a Mapping would read the tensor

    def __getitem__(self, name: str) -> Tensor:
        with safe_open(self._places[name], framework="pt") as file:
            return file.get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that must hold an object."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"cannot read {path}: {error}; give a JSON file that is whole"
        ) from error
    if not isinstance(values, dict):
        raise WeightsError(
            f"{path} holds a {type(values).__name__}, wanted a JSON object; correct the file"
        )
    return values
