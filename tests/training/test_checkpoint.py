"""A checkpoint is whole or absent, and a resumed run ends with the bytes of one left alone."""

from __future__ import annotations

import errno
import json
import logging
import random
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from minigpt4.errors import CheckpointError, TrainingError
from minigpt4.training import checkpoint as checkpoints
from minigpt4.training import fit, load_trained_weights
from minigpt4.training.checkpoint import (
    checkpoint_paths,
    delete_old_checkpoints,
    load_newest_checkpoint,
    save_checkpoint,
    trained_tensors,
)
from minigpt4.training.optimizer import build_optimizer
from minigpt4.training.run import check_same_settings
from minigpt4.training.settings import TrainSettings
from minigpt4.training.state import TrainState, generator_states, set_generator_states

TINY_RUN = Path(__file__).with_name("tiny_run.py")


def _same_end(one: Path, other: Path) -> bool:
    files = ("metrics.jsonl", "checkpoints/step_00000040/weights.safetensors")
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in files)


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was left alone; not to be touched."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("runs") / "alone"
    tiny_run = runpy.run_path(str(TINY_RUN))
    fit(tiny_run["TinyTask"](), tiny_run["tiny_settings"](), out=out, device="cpu")
    return out


@pytest.fixture
def alone(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to damage at will."""
    return Path(shutil.copytree(finished_run, tmp_path / "alone"))


def test_resume_without_a_checkpoint_starts_at_the_beginning(
    alone: Path,
    tiny_task: Callable[..., Any],
    tiny_settings: Callable[..., Any],
    tmp_path: Path,
) -> None:
    out = tmp_path / "early"
    out.mkdir()
    (out / "metrics.jsonl").write_text('{"step": 3, "loss": 1.0}\n{"step": 6, "lo')
    fit(tiny_task(), tiny_settings(), out=out, resume=True, device="cpu")
    assert _same_end(alone, out)


@pytest.mark.parametrize("damage", ["truncated", "altered", "missing"])
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(
    damage: str,
    alone: Path,
    tiny_task: Callable[..., Any],
    tiny_settings: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    metrics = (alone / "metrics.jsonl").read_bytes()
    final = alone / "checkpoints" / "step_00000040" / "weights.safetensors"
    weights = final.read_bytes()
    if damage == "missing":
        final.unlink()
    else:
        final.write_bytes(weights[:-9] + (b"" if damage == "truncated" else b"123456789"))
    with caplog.at_level(logging.WARNING):
        fit(tiny_task(), tiny_settings(), out=alone, resume=True, device="cpu")
    assert "step_00000040 is damaged" in caplog.text
    assert final.read_bytes() == weights
    assert (alone / "metrics.jsonl").read_bytes() == metrics


def test_damage_everywhere_is_an_error_not_a_new_start(
    alone: Path, tiny_task: Callable[..., Any], tiny_settings: Callable[..., Any]
) -> None:
    for path in checkpoint_paths(alone):
        (path / "manifest.json").write_text("{")
    with pytest.raises(CheckpointError, match="all checkpoints"):
        fit(tiny_task(), tiny_settings(), out=alone, resume=True, device="cpu")


def _module_and_optimizer() -> tuple[nn.Linear, torch.optim.Optimizer]:
    module = nn.Linear(2, 2)
    return module, build_optimizer(module, TrainSettings(num_steps=1, peak_lr=1e-3))


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_save_that_fails_leaves_the_old_checkpoint(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, optimizer = _module_and_optimizer()
    save_checkpoint(tmp_path, TrainState(step=1), module=module, optimizer=optimizer, settings={})
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}

    def fail(*_: Any, **__: Any) -> None:
        raise error

    with torch.no_grad():
        module.weight.add_(1.0)
    monkeypatch.setattr(checkpoints.torch, "save", fail)
    expected = CheckpointError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        save_checkpoint(
            tmp_path, TrainState(step=2), module=module, optimizer=optimizer, settings={}
        )
    monkeypatch.undo()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step_00000001"]
    loaded = load_newest_checkpoint(tmp_path, module=module, optimizer=optimizer)
    assert loaded is not None
    assert loaded[0].step == 1
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_the_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    module, optimizer = _module_and_optimizer()
    for step in range(1, 6):
        save_checkpoint(
            tmp_path, TrainState(step=step), module=module, optimizer=optimizer, settings={}
        )
        delete_old_checkpoints(tmp_path, keep=3)
    kept = [path.name for path in checkpoint_paths(tmp_path)]
    assert kept == ["step_00000003", "step_00000004", "step_00000005"]


def test_what_a_kill_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    half = tmp_path / "checkpoints" / ".step_00000001.999"
    half.mkdir(parents=True)
    (half / "weights.safetensors").write_bytes(b"half")
    module, optimizer = _module_and_optimizer()
    assert load_newest_checkpoint(tmp_path, module=module, optimizer=optimizer) is None
    save_checkpoint(tmp_path, TrainState(step=1), module=module, optimizer=optimizer, settings={})
    assert [path.name for path in half.parent.iterdir()] == ["step_00000001"]


def test_a_setting_the_run_did_not_know_yet_does_not_hinder_resuming(
    alone: Path, tiny_settings: Callable[..., Any]
) -> None:
    saved = checkpoints.read_checkpoint(checkpoint_paths(alone)[-1])[1]["settings"]
    del saved["max_bad_share"], saved["weight_decay"]
    check_same_settings(saved | {"gone": 1}, tiny_settings(), alone)
    with pytest.raises(TrainingError, match=r"weight_decay 0\.05 -> 0\.1"):
        check_same_settings(saved, tiny_settings(weight_decay=0.1), alone)


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, optimizer = _module_and_optimizer()

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints.torch, "save", fail)
    with pytest.raises(CheckpointError, match=r"No space left.*MB are free.*--resume"):
        save_checkpoint(
            tmp_path, TrainState(step=2), module=module, optimizer=optimizer, settings={}
        )


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    module, optimizer = _module_and_optimizer()
    save_checkpoint(tmp_path, TrainState(step=1), module=module, optimizer=optimizer, settings={})
    with pytest.raises(CheckpointError, match="of another model"):
        load_trained_weights(tmp_path, nn.Linear(2, 3))
    with pytest.raises(CheckpointError, match="of another model"):
        load_trained_weights(tmp_path, nn.Sequential(nn.Linear(2, 2)))


def test_trained_weights_load_alone(tmp_path: Path) -> None:
    module, optimizer = _module_and_optimizer()
    save_checkpoint(tmp_path, TrainState(step=3), module=module, optimizer=optimizer, settings={})
    other = nn.Linear(2, 2)
    assert load_trained_weights(tmp_path, other) == 3
    assert torch.equal(other.weight, module.weight)


def test_frozen_parts_are_not_saved() -> None:
    module = nn.Sequential(nn.BatchNorm1d(2).requires_grad_(False), nn.Linear(2, 2))
    assert trained_tensors(module).keys() == {"1.weight", "1.bias"}


def test_buffers_beside_trained_weights_are_saved() -> None:
    assert trained_tensors(nn.BatchNorm1d(2)).keys() == {
        "weight",
        "bias",
        "running_mean",
        "running_var",
        "num_batches_tracked",
    }


def test_generators_go_on_from_where_they_were() -> None:
    states = generator_states()
    drawn = (random.random(), np.random.random(), torch.rand(3))
    set_generator_states(states)
    again = (random.random(), np.random.random(), torch.rand(3))
    assert drawn[:2] == again[:2]
    assert torch.equal(drawn[2], again[2])


def test_resuming_with_other_settings_is_refused(
    alone: Path, tiny_task: Callable[..., Any], tiny_settings: Callable[..., Any]
) -> None:
    with pytest.raises(TrainingError, match=r"peak_lr 0\.01 -> 0\.02"):
        fit(tiny_task(), tiny_settings(peak_lr=2e-2), out=alone, resume=True, device="cpu")


def test_resuming_a_finished_run_changes_nothing(
    alone: Path, tiny_task: Callable[..., Any], tiny_settings: Callable[..., Any]
) -> None:
    before = (alone / "metrics.jsonl").read_bytes()
    result = fit(tiny_task(), tiny_settings(), out=alone, resume=True, device="cpu")
    assert result.finished
    assert (alone / "metrics.jsonl").read_bytes() == before


def test_no_pickle_is_executed_by_reading(alone: Path) -> None:
    path = checkpoint_paths(alone)[-1]
    evil = "import os; os.abort()"
    torch.save({"state": _Evil(evil)}, path / "state.pt")
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["sha256"]["state.pt"] = checkpoints._sha256(path / "state.pt")
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoints.read_checkpoint(path)


class _Evil:
    """An object that would run code when unpickled."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return exec, (self.code,)
