"""One directory is one model: it comes back the same, or loading says what does not fit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
)

from minigpt4.errors import SettingsError, WeightsError, WrongLLMError
from minigpt4.model import frozen as frozen_module
from minigpt4.model import loading
from minigpt4.model.loading import load, save
from minigpt4.processing.processor import STAGE1_LAYOUT

from .test_minigpt4 import LLMS, VISION_ENCODERS


def loss_of(model: Any, examples: list) -> float:
    batch = model.processor.training_batch(examples, layout=STAGE1_LAYOUT)
    with torch.no_grad():
        return model(**batch.model_inputs()).loss.item()


def edit_json(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"without_qformer": True},
        {"train_qformer": True},
        {"projection_num_layers": 3, "vision_norm_eps": 1e-5},
    ],
)
def test_a_saved_model_is_the_same_again(
    make_model: Callable[..., Any], examples: list, tmp_path: Path, options: dict
):
    model = make_model(**options)
    again = load(save(model, tmp_path / "saved"), device="cpu")
    assert loss_of(again, examples) == loss_of(model, examples)
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    assert not any(p.requires_grad for p in again.llm.parameters())
    if "vision_norm_eps" in options:
        assert again.vision_encoder.post_layernorm.eps == 1e-5


@pytest.mark.parametrize("vision", VISION_ENCODERS)
@pytest.mark.parametrize("llm", LLMS)
def test_models_of_other_families_are_the_same_again(
    make_model: Callable[..., Any], examples: list, tmp_path: Path, vision: str, llm: str
):
    model = make_model(vision_encoder=VISION_ENCODERS[vision](), llm=LLMS[llm]())
    again = load(save(model, tmp_path / "saved"), device="cpu")
    assert loss_of(again, examples) == loss_of(model, examples)


def test_frozen_parts_may_be_kept_in_bf16(model: Any, examples: list, tmp_path: Path):
    full, half = tmp_path / "full", tmp_path / "half"
    save(model, full)
    save(model, half, frozen_dtype=torch.bfloat16)
    sizes = [(path / "llm" / "model.safetensors").stat().st_size for path in (full, half)]
    assert sizes[1] < 0.6 * sizes[0]
    again = load(half, device="cpu")
    assert again.llm.dtype == torch.float32
    assert loss_of(again, examples) == pytest.approx(loss_of(model, examples), rel=2e-2)
    # What was kept in bf16 is exactly that when it is computed in bf16.
    assert load(half, device="cpu", dtype="bfloat16").llm.dtype == torch.bfloat16


def test_a_reference_names_the_parts_and_finds_them_again(
    saved: Path, examples: list, tmp_path: Path
):
    model = load(saved, device="cpu")
    small = save(model, tmp_path / "small", frozen="reference")
    assert not (small / "llm").exists()
    source = json.loads((small / "frozen.json").read_text())["llm"]
    assert source["path"] == "../saved/llm"
    assert loss_of(load(small, device="cpu"), examples) == loss_of(model, examples)
    # Neighbours may move together.
    (tmp_path / "elsewhere").mkdir()
    for name in ("saved", "small"):
        shutil.move(tmp_path / name, tmp_path / "elsewhere" / name)
    assert load(tmp_path / "elsewhere" / "small", device="cpu") is not None


def test_far_parts_are_named_by_an_absolute_path_and_shipped_ones_by_the_package(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    model = load(saved, device="cpu")
    far = save(model, tmp_path / "runs" / "far", frozen="reference")
    assert json.loads((far / "frozen.json").read_text())["llm"]["path"] == str(saved / "llm")
    monkeypatch.setattr(frozen_module, "ASSETS", saved.parent)
    shipped = save(model, tmp_path / "runs" / "shipped", frozen="reference")
    source = json.loads((shipped / "frozen.json").read_text())["llm"]
    assert (source["kind"], source["path"]) == ("packaged", "saved/llm")
    assert load(shipped, device="cpu") is not None


def test_saving_over_itself_by_reference_keeps_the_parts(saved: Path, examples: list):
    model = load(saved, device="cpu")
    wanted = loss_of(model, examples)
    save(model, saved, frozen="reference")
    assert (saved / "llm").is_dir()
    assert loss_of(load(saved, device="cpu"), examples) == wanted


def test_parts_from_nowhere_cannot_be_referred_to(model: Any, tmp_path: Path):
    with pytest.raises(WeightsError, match='save with frozen="copy"'):
        save(model, tmp_path / "saved", frozen="reference")
    assert not (tmp_path / "saved").exists()


def test_experiment_and_card_are_written_and_kept(model: Any, tmp_path: Path):
    path = save(model, tmp_path / "saved", experiment={"steps": 3}, card="# Card\n")
    assert json.loads((path / "experiment.json").read_text()) == {"steps": 3}
    save(model, path)  # the same model
    save(load(path, device="cpu"), path)
    assert (path / "README.md").read_text() == "# Card\n"


def test_another_models_experiment_and_card_are_not_kept(
    make_model: Callable[..., Any], tmp_path: Path
):
    path = save(make_model(), tmp_path / "saved", experiment={"steps": 3}, card="# Card\n")
    (path / "log.txt").write_text("mine")
    save(make_model(seed=1), path)
    assert not (path / "README.md").exists()
    assert not (path / "experiment.json").exists()
    assert (path / "log.txt").exists()


def test_an_interrupted_save_leaves_the_old_model(
    saved: Path, model: Any, examples: list, monkeypatch: pytest.MonkeyPatch
):
    wanted = loss_of(model, examples)

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loading, "copy_part", interrupted)
    with torch.no_grad():
        model.projection.weight.zero_()
    with pytest.raises(KeyboardInterrupt):
        save(model, saved)
    assert loss_of(load(saved, device="cpu"), examples) == wanted
    assert [path.name for path in saved.parent.iterdir()] == ["saved"]


# -- what can be wrong with a directory ---------------------------------------------------------


def test_an_unknown_model_names_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shipped = {"miniature": tmp_path, "miniature_stage1": tmp_path / "missing"}
    monkeypatch.setattr(loading, "PACKAGED", shipped)
    with pytest.raises(WeightsError, match=r"no model at minature; .* models are miniature\)"):
        load("minature")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "the projection is in it"),
        ("frozen.json", "no frozen.json"),
        ("llm", "no llm at"),
        ("llm/model.safetensors", "no weights of the llm"),
        ("vision_encoder/config.json", "vision_encoder in .* has no config.json"),
        ("processor_config.json", "processor files"),
    ],
)
def test_what_is_missing_is_said(saved: Path, name: str, reason: str):
    path = saved / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(WeightsError, match=reason):
        load(saved, device="cpu")


@pytest.mark.parametrize("name", ["model.safetensors", "llm/model.safetensors"])
def test_a_cut_file_is_said(saved: Path, name: str):
    path = saved / name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="cut short"):
        load(saved, device="cpu")


@pytest.mark.parametrize("name", ["model.safetensors", "qformer/model.safetensors"])
def test_a_git_lfs_pointer_is_said(saved: Path, name: str):
    (saved / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n")
    with pytest.raises(WeightsError, match=r"git-lfs pointer.*git lfs pull"):
        load(saved, device="cpu")


def test_damaged_json_is_said(saved: Path):
    (saved / "config.json").write_text("{")
    with pytest.raises(WeightsError, match=r"config.json is damaged"):
        load(saved, device="cpu")


def test_a_directory_of_another_model_is_said(saved: Path):
    with pytest.raises(WeightsError, match=r"holds a llama, not a MiniGPT-4"):
        load(saved / "llm")


def test_another_llm_of_the_same_shape_is_refused(saved: Path, model: Any):
    with torch.no_grad():
        model.llm.lm_head.weight.add_(0.1)
    model.llm.save_pretrained(saved / "llm")
    with pytest.raises(WeightsError, match=r"not the one this projection was trained with"):
        load(saved, device="cpu")


def test_an_llm_of_another_shape_is_refused_with_the_one_needed(saved: Path):
    other = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=259,
            hidden_size=8,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
        )
    )
    other.save_pretrained(saved / "llm")
    sources = json.loads((saved / "frozen.json").read_text())
    sources["llm"]["fingerprint"] = None
    (saved / "frozen.json").write_text(json.dumps(sources))
    with pytest.raises(WrongLLMError, match="needs an LLM of hidden_size 16"):
        load(saved, device="cpu")


def test_trained_weights_of_another_shape_or_name_are_said(saved: Path):
    path = saved / "model.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "projection.weight": torch.zeros(3, 3)}, path)
    with pytest.raises(WeightsError, match=r"projection.weight is \(3, 3\)"):
        load(saved, device="cpu")
    save_file({**tensors, "other": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match=r"missing \[\], unknown \['other'\]"):
        load(saved, device="cpu")


def test_incomplete_frozen_weights_are_said(saved: Path):
    path = saved / "qformer" / "model.safetensors"
    tensors = load_file(path)
    tensors.pop("layernorm.weight")
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"lacks 1 tensors.*layernorm.weight"):
        load(saved, device="cpu")


def test_a_wrong_set_of_parts_is_said(saved: Path):
    sources = json.loads((saved / "frozen.json").read_text())
    sources.pop("qformer")
    (saved / "frozen.json").write_text(json.dumps(sources))
    with pytest.raises(WeightsError, match=r"names .*config.json asks for"):
        load(saved, device="cpu")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"vision_config": {"model_type": "strange"}}, "Unrecognized model type"),
        ({"vision_config": []}, r"vision_config is \[\], wanted an object"),
        ({"text_config": None}, "text_config is None, wanted an object"),
        ({"qformer_config": []}, "of no model of transformers, or damaged"),
        ({"num_query_tokens": "x"}, "num_query_tokens is 'x', wanted a whole number"),
        ({"projection_num_layers": 0}, "projection_num_layers is 0, wanted a whole number"),
        ({"vision_norm_eps": "small"}, "vision_norm_eps is 'small', wanted a number"),
    ],
)
def test_a_configuration_that_fits_no_model_is_said(saved: Path, change: dict, reason: str):
    edit_json(saved / "config.json", **change)
    with pytest.raises(WeightsError, match=rf"config.json is .*{reason}") as caught:
        load(saved, device="cpu")
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("device", "reason"), [("cuda", "no CUDA GPU"), ("mps", "no mps"), ("foo", "is unknown")]
)
def test_a_device_that_is_not_there_is_said(
    saved: Path, monkeypatch: pytest.MonkeyPatch, device: str, reason: str
):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(SettingsError, match=reason):
        load(saved, device=device)


def test_an_unknown_type_is_said(saved: Path):
    with pytest.raises(WeightsError, match="dtype 'half8' is unknown"):
        load(saved, device="cpu", dtype="half8")


def test_no_file_tells_where_the_parts_came_from(saved: Path, tmp_path: Path):
    model = load(saved)
    model.config.text_config._name_or_path = str(saved / "llm")
    save(model, tmp_path / "again")
    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "again").rglob("*.json")]
    assert len(texts) > 3
    assert not [text for text in texts if str(tmp_path) in text or str(saved) in text]
