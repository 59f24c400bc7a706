"""Checkpoints that survive kill -9, a full disk and a damaged file.

A checkpoint is a directory `checkpoints/step_00000100` with
- `weights.safetensors`: the parameters that train, and the module's persistent buffers;
- `state.pt`: optimizer, generator states and the loop's counters (tensors and numbers only), those
  of the first process and what differs in the others;
- `manifest.json`: the step, and the SHA-256 of the other two.
It is written aside, flushed and renamed, so a directory with the final name is whole unless the
disk damaged it; that is what the sums are for.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pickle
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from minigpt4.errors import CheckpointError
from minigpt4.training.optimizer import trained_parameters
from minigpt4.training.state import TrainState, generator_states, restore_state

logger = logging.getLogger(__name__)

DIRECTORY, WEIGHTS, STATE, MANIFEST = (
    "checkpoints",
    "weights.safetensors",
    "state.pt",
    "manifest.json",
)


def save_checkpoint(
    out: Path,
    state: TrainState,
    *,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    settings: Mapping[str, Any],
    others: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write the checkpoint of `state.step` whole or not at all.

    Args:
        others: `TrainState.own` of the other processes.

    Raises:
        CheckpointError: when it cannot be written; earlier checkpoints are then untouched.
    """
    final = out / DIRECTORY / f"step_{state.step:08d}"
    aside = final.with_name(f".{final.name}.{os.getpid()}")
    for left_by_a_kill in final.parent.glob(".step_*"):
        shutil.rmtree(left_by_a_kill, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        save_file(trained_tensors(module), aside / WEIGHTS)
        torch.save(
            {
                "optimizer": optimizer.state_dict(),
                "generators": generator_states(),
                "state": asdict(state),
                "others": [dict(own) for own in others],
                "settings": dict(settings),
            },
            aside / STATE,
        )
        sums = {name: _sha256(aside / name) for name in (WEIGHTS, STATE)}
        (aside / MANIFEST).write_text(json.dumps({"step": state.step, "sha256": sums}, indent=1))
        for path in aside.iterdir():
            _flush(path)
        shutil.rmtree(final, ignore_errors=True)
        aside.rename(final)
        _flush(final.parent)
    except (OSError, RuntimeError, SafetensorError) as error:
        free = shutil.disk_usage(out).free if out.exists() else 0
        raise CheckpointError(
            f"cannot write {final}: {error}; {free / 1e6:.0f} MB are free there. Earlier "
            "checkpoints are untouched: make room, then go on with --resume"
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return final


def delete_old_checkpoints(out: Path, *, keep: int) -> None:
    """Delete all but the newest `keep` checkpoints."""
    for old in checkpoint_paths(out)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)


def load_newest_checkpoint(
    out: Path,
    *,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    process: int = 0,
    num_processes: int = 1,
) -> tuple[TrainState, dict[str, Any]] | None:
    """Restore the newest whole checkpoint; return its state and settings, or None without any.

    A damaged checkpoint is named in a warning and the one before it is used. With another number
    of processes than it was written by, the first one takes over what the others had counted.

    Raises:
        CheckpointError: if there are checkpoints but none is whole, or one is of another model.
    """
    paths = checkpoint_paths(out)
    for path, weights, saved in _whole_ones(paths):
        _load_trained(module, weights, path)
        optimizer.load_state_dict(saved["optimizer"])
        return restore_state(saved, process=process, num_processes=num_processes), saved["settings"]
    if paths:
        raise CheckpointError(
            f"all checkpoints in {out / DIRECTORY} are damaged ({len(paths)}); delete that folder "
            "to start again, or copy one back"
        )
    return None


def load_trained_weights(out: str | Path, module: nn.Module) -> int:
    """Load the newest whole checkpoint's weights alone into `module`; return its step.

    Raises:
        CheckpointError: if `out` holds no whole checkpoint, or one of another model.
    """
    paths = checkpoint_paths(Path(out))
    for path, weights, saved in _whole_ones(paths):
        _load_trained(module, weights, path)
        return saved["state"]["step"]
    raise CheckpointError(f"no whole checkpoint among the {len(paths)} in {Path(out) / DIRECTORY}")


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read one checkpoint directory after checking its sums.

    Raises:
        CheckpointError: if a file is missing, truncated or altered.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        for name, expected in manifest["sha256"].items():
            if _sha256(path / name) != expected:
                raise CheckpointError(f"{path} is damaged: {name} is not what was written")
        saved = torch.load(path / STATE, weights_only=True, map_location="cpu")
        return load_file(path / WEIGHTS), saved
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path} is damaged: {STATE} holds more than numbers") from error
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error


def checkpoint_paths(out: Path) -> list[Path]:
    """Return the checkpoint directories of a run, oldest first."""
    return sorted((out / DIRECTORY).glob("step_*"))


def trained_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return what training changes: trained parameters and the persistent buffers beside them.

    Buffers of frozen parts are left out: only a submodule with a trained parameter below it counts.
    """
    tensors = {name: p.detach().contiguous() for name, p in trained_parameters(module)}
    persistent = module.state_dict().keys()
    for prefix, part in module.named_modules():
        if not any(p.requires_grad for p in part.parameters(recurse=False)):
            continue
        for name, buffer in part.named_buffers(prefix=prefix, recurse=False):
            if name in persistent:
                tensors[name] = buffer.detach().clone()
    return tensors


def _whole_ones(
    paths: Sequence[Path],
) -> Iterator[tuple[Path, dict[str, Tensor], dict[str, Any]]]:
    """Read those checkpoints that are whole, the newest first; the others are named in warnings."""
    for path in reversed(paths):
        try:
            weights, saved = read_checkpoint(path)
        except CheckpointError as error:
            logger.warning("%s; using the checkpoint before it", error)
            continue
        yield path, weights, saved


def _load_trained(module: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    present = trained_tensors(module)
    problems = sorted(present.keys() ^ weights.keys()) or sorted(
        name for name in present if present[name].shape != weights[name].shape
    )
    if problems:
        raise CheckpointError(
            f"{path} is of another model: {len(problems)} tensors differ in name or shape, first "
            f"{problems[0]!r}; use the settings the run was started with, or another --out"
        )
    report = module.load_state_dict(weights, strict=False)
    if report.unexpected_keys:
        raise CheckpointError(f"{path} has tensors nobody took: {report.unexpected_keys}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Make the disk hold what was written before anything is renamed over it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
