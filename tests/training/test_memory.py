"""Less memory changes what a step costs, not what it computes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from minigpt4.data.mixing import Mixture
from minigpt4.errors import SettingsError
from minigpt4.processing.processor import STAGE1_LAYOUT
from minigpt4.training import StepLoss, TrainSettings, fit
from minigpt4.training.journal import read_lines
from minigpt4.training.memory import decoder_layers, loading_options, recompute_layers
from minigpt4.training.settings import DistributionSettings, MemorySettings
from minigpt4.training.stages import AlignmentSettings, AlignmentTask
from training.shared_runs import Sheets
from training.tiny_run import TinyTask, tiny_settings


def _task(model: Any, cls: type[AlignmentTask] = AlignmentTask, **changes: Any) -> AlignmentTask:
    mixture = Mixture([(Sheets(0), 1)], batch_size=6, seed=0)
    return cls(model, mixture, AlignmentSettings(layout=STAGE1_LAYOUT, **changes))


def _settings(**changes: Any) -> TrainSettings:
    values: dict[str, Any] = {"num_steps": 6, "peak_lr": 3e-3, "log_every_steps": 1}
    return TrainSettings(**(values | changes))


def _losses(out: Path) -> list[float]:
    return [line["loss"] for line in read_lines(out / "metrics.jsonl") if "loss" in line]


class Cramped(AlignmentTask):
    """A task on a device that holds only two rows, and at first not even the memory for that."""

    def loss(self, batch: Any) -> StepLoss:
        torch.rand(3)  # dice that a step which is tried again must throw again
        if len(batch.batch) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 7 GiB")
        return super().loss(batch)


@pytest.fixture
def start(tiny_model: Any) -> dict[str, torch.Tensor]:
    """The first weights of the projection, for several runs of one model."""
    return {name: tensor.clone() for name, tensor in tiny_model.projection.state_dict().items()}


def test_recomputed_layers_give_the_same_loss_and_gradients(tiny_model: Any) -> None:
    task = _task(tiny_model)
    gradients = []
    for _ in range(2):
        tiny_model.zero_grad()
        loss = task.loss(task.batch(0)).loss
        loss.backward()
        gradients.append((loss.detach(), tiny_model.projection.weight.grad.clone()))
        recompute_layers(tiny_model.llm)
        recompute_layers(tiny_model.llm)  # twice is once
    for plain, recomputed in zip(*gradients, strict=True):
        assert torch.equal(plain, recomputed)


def test_recomputed_layers_keep_only_their_inputs(tiny_model: Any) -> None:
    task = _task(tiny_model)

    def kept_bytes() -> int:
        kept = 0

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal kept
            kept += tensor.nbytes
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            task.loss(task.batch(0))
        return kept

    plain = kept_bytes()
    recompute_layers(tiny_model.llm)
    assert kept_bytes() < plain / 2


def test_the_layers_of_an_llm_are_found(tiny_model: Any) -> None:
    assert decoder_layers(tiny_model.llm) == list(tiny_model.llm.model.layers)
    with pytest.raises(SettingsError, match="no layers"):
        decoder_layers(torch.nn.Linear(1, 1))


@pytest.mark.parametrize("micro_batch", [1, 4])
def test_micro_batches_change_the_result_by_rounding_only(
    tiny_model: Any, start: dict[str, torch.Tensor], tmp_path: Path, micro_batch: int
) -> None:
    fit(_task(tiny_model, crop=True), _settings(), out=tmp_path / "whole", device="cpu")
    tiny_model.projection.load_state_dict(start)
    small = _settings(memory=MemorySettings(micro_batch=micro_batch))
    fit(_task(tiny_model, crop=True), small, out=tmp_path / "small", device="cpu")
    assert _losses(tmp_path / "small") == pytest.approx(_losses(tmp_path / "whole"), rel=2e-5)


def test_the_micro_batch_is_halved_until_it_fits(
    tiny_model: Any,
    start: dict[str, torch.Tensor],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    auto = _settings(memory=MemorySettings(micro_batch="auto"))
    fit(_task(tiny_model, Cramped), auto, out=tmp_path / "auto", device="cpu")
    assert "micro-batches of 3 rows" in caplog.text
    assert {line["micro_batch"] for line in read_lines(tmp_path / "auto" / "timing.jsonl")} == {1}
    tiny_model.projection.load_state_dict(start)
    fit(_task(tiny_model), _settings(), out=tmp_path / "whole", device="cpu")
    assert _losses(tmp_path / "auto") == pytest.approx(_losses(tmp_path / "whole"), rel=2e-5)


def test_a_resumed_run_keeps_the_micro_batch_it_found(
    tiny_model: Any, start: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    changes: dict[str, Any] = {"memory": MemorySettings(micro_batch="auto"), "final_lr": 3e-3}
    fit(_task(tiny_model, Cramped), _settings(**changes), out=tmp_path / "alone", device="cpu")
    whole = tiny_model.projection.weight.clone()
    tiny_model.projection.load_state_dict(start)
    half = _settings(**changes, num_steps=3)
    fit(_task(tiny_model, Cramped), half, out=tmp_path / "cut", device="cpu")
    # On a device with room for all; the bits are those of the small one nevertheless.
    tiny_model.projection.load_state_dict(start)
    fit(_task(tiny_model), _settings(**changes), out=tmp_path / "cut", resume=True, device="cpu")
    assert torch.equal(tiny_model.projection.weight, whole)


def test_one_row_that_does_not_fit_is_an_error_that_says_what_helps(
    tiny_model: Any, tmp_path: Path
) -> None:
    class Full(AlignmentTask):
        def loss(self, batch: Any) -> StepLoss:
            raise torch.OutOfMemoryError("CUDA out of memory")

    auto = _settings(memory=MemorySettings(micro_batch="auto"))
    with pytest.raises(SettingsError, match=r"not even one example.*gradient_checkpointing"):
        fit(_task(tiny_model, Full), auto, out=tmp_path, device="cpu")


def test_out_of_memory_without_auto_names_the_setting(tiny_model: Any, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"memory\.micro_batch=auto"):
        fit(_task(tiny_model, Cramped), _settings(), out=tmp_path, device="cpu")


class CrampedValidation(AlignmentTask):
    """A task whose validation fits only in pieces of a few rows."""

    fits = 2

    def validate(self, step: int) -> dict[str, float | str]:
        torch.rand(3)
        if (self.micro_batch or 6) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().validate(step)


def _validated(model: Any, **changes: Any) -> CrampedValidation:
    task = CrampedValidation(
        model,
        Mixture([(Sheets(0), 1)], batch_size=6, seed=0),
        AlignmentSettings(layout=STAGE1_LAYOUT, num_validation_batches=1, max_new_tokens=2),
        validation=Mixture([(Sheets(9), 1)], batch_size=6, seed=1),
    )
    for name, value in changes.items():
        setattr(task, name, value)
    return task


def test_a_validation_is_divided_until_it_fits(
    tiny_model: Any,
    start: dict[str, torch.Tensor],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    auto = _settings(memory=MemorySettings(micro_batch="auto"), validate_every_steps=2)
    found = fit(_validated(tiny_model), auto, out=tmp_path / "auto", device="cpu")
    assert "validating 1 rows" in caplog.text
    assert {line["micro_batch"] for line in read_lines(tmp_path / "auto" / "timing.jsonl")} \
        == {None}  # fmt: skip
    tiny_model.projection.load_state_dict(start)
    whole = fit(_validated(tiny_model, fits=6), auto, out=tmp_path / "whole", device="cpu")
    assert _losses(tmp_path / "auto") == _losses(tmp_path / "whole")
    one, other = (result.validation["validation_loss"] for result in (found, whole))
    assert one == pytest.approx(other, rel=2e-5)


def test_a_validation_takes_the_micro_batch_of_the_training(
    tiny_model: Any, tmp_path: Path
) -> None:
    settings = _settings(num_steps=1, memory=MemorySettings(micro_batch=2))
    assert fit(_validated(tiny_model), settings, out=tmp_path, device="cpu").finished


@pytest.mark.parametrize("micro_batch", ["auto", None])
def test_a_validation_that_never_fits_says_what_helps(
    tiny_model: Any, tmp_path: Path, micro_batch: Any
) -> None:
    settings = _settings(num_steps=1, memory=MemorySettings(micro_batch=micro_batch))
    with pytest.raises(SettingsError, match=r"in the validation after step 1: .*micro_batch"):
        fit(_validated(tiny_model, fits=0), settings, out=tmp_path, device="cpu")


def test_an_update_that_does_not_fit_says_what_helps(
    tiny_model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.optim.AdamW, "step", full)
    auto = _settings(memory=MemorySettings(micro_batch="auto"))
    with pytest.raises(SettingsError, match=r"optimizer's update of step 0: .*llm_storage"):
        fit(_task(tiny_model), auto, out=tmp_path, device="cpu")


def test_bf16_storage_converts_the_frozen_llm_alone(tiny_model: Any, tmp_path: Path) -> None:
    settings = _settings(memory=MemorySettings(llm_storage="bf16"))
    fit(_task(tiny_model), settings, out=tmp_path / "bf16", device="cpu")
    assert {p.dtype for p in tiny_model.llm.parameters()} == {torch.bfloat16}
    assert tiny_model.projection.weight.dtype == torch.float32
    assert tiny_model.vision_encoder.dtype == torch.float32
    assert all(loss < 7 for loss in _losses(tmp_path / "bf16"))


def test_a_quantised_llm_needs_its_package(
    tiny_model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchao", None)
    monkeypatch.setitem(sys.modules, "torchao.quantization", None)
    settings = _settings(memory=MemorySettings(llm_storage="int8"))
    with pytest.raises(SettingsError, match=r"torchao.*minigpt4\[quantization\]"):
        fit(_task(tiny_model), settings, out=tmp_path, device="cpu")


@pytest.mark.parametrize(("storage", "package"), [("int8", "torchao"), ("nf4", "bitsandbytes")])
def test_the_projection_trains_through_a_quantised_llm(
    tiny_model: Any, start: dict[str, torch.Tensor], tmp_path: Path, storage: Any, package: str
) -> None:
    pytest.importorskip(package)
    fit(_task(tiny_model), _settings(), out=tmp_path / "whole", device="cpu")
    tiny_model.projection.load_state_dict(start)
    settings = _settings(memory=MemorySettings(llm_storage=storage))
    fit(_task(tiny_model), settings, out=tmp_path / storage, device="cpu")
    tolerance = 0.01 if storage == "int8" else 0.1
    assert _losses(tmp_path / storage) == pytest.approx(_losses(tmp_path / "whole"), rel=tolerance)
    assert not torch.equal(tiny_model.projection.weight, start["weight"])


@pytest.mark.parametrize(
    "changes",
    [
        {"memory": MemorySettings(micro_batch=2)},
        {"memory": MemorySettings(gradient_checkpointing=True)},
        {"distribution": DistributionSettings(shard_llm=True)},
    ],
)
def test_a_task_that_cannot_do_it_says_so(changes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="TinyTask"):
        fit(TinyTask(), tiny_settings(**changes), out=tmp_path, device="cpu")


def test_an_llm_that_will_be_made_smaller_waits_in_the_machines_memory() -> None:
    small = _settings(memory=MemorySettings(llm_storage="nf4"))
    assert loading_options(small, "cpu") == {"device": "cpu", "dtype": torch.float32}
    assert loading_options(_settings(), "cpu")["device"] == "cpu"
