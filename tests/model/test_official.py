"""Importing official files: strict about what is needed, open about what is left over."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from minigpt4.errors import SettingsError, WeightsError, WrongLLMError
from minigpt4.model import official_files
from minigpt4.model.loading import load
from minigpt4.model.official import import_official, needed_llm
from minigpt4.model.official_keys import eva_unknown, projection_unknown
from minigpt4.model.official_tensors import interpolate_positions

FIXTURE = Path(__file__).parents[1] / "fixtures" / "official_tiny"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A copy of the official files that a test may spoil."""
    return Path(
        shutil.copytree(FIXTURE, tmp_path / "files", ignore=shutil.ignore_patterns("golden*"))
    )


@pytest.fixture
def build(files: Path, tmp_path: Path) -> Callable[..., Path]:
    """The import of those files, with arguments replaced."""

    def build(**options: Any) -> Path:
        arguments: dict[str, Any] = {
            "vision": files / "eva_vit.pth",
            "qformer": files / "blip2_qformer.pth",
            "llm": files / "llm",
            "projection": files / "minigpt4_proj.pth",
            "out": tmp_path / "out",
            "sizes": files / "config.json",
        }
        return import_official(**{**arguments, **options})

    return build


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the tensors of a `.pth` file."""
    loaded = torch.load(path, weights_only=True)
    change(loaded.get("model", loaded))
    torch.save(loaded, path)


def test_the_llm_is_named_or_copied(build: Callable[..., Path], files: Path, tmp_path: Path):
    named = build()
    assert not (named / "llm").exists()
    source = json.loads((named / "frozen.json").read_text())["llm"]
    assert source["path"] == "../files/llm"
    copied = build(out=tmp_path / "copied", copy_llm=True)
    shutil.rmtree(files)
    assert load(copied, device="cpu").config.template == "vicuna_v0"
    with pytest.raises(WeightsError, match="no llm at"):
        load(named, device="cpu")


def test_the_variant_without_qformer_is_that_of_llama2(build: Callable[..., Path], files: Path):
    projection = files / "minigpt4_proj_noqformer.pth"
    model = load(build(qformer=None, projection=projection), device="cpu")
    assert model.qformer is None
    assert model.config.template == "llama2"
    assert model.vision_encoder.post_layernorm.weight.eq(1).all()
    assert model.vision_encoder.post_layernorm.bias.eq(0).all()


def test_the_norms_epsilon_is_that_of_the_official_code(build: Callable[..., Path]):
    model = load(build(), device="cpu")
    assert model.vision_encoder.post_layernorm.eps == 1e-5
    assert model.vision_encoder.encoder.layers[0].layer_norm1.eps == 1e-6


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("eva_vit.pth", "blocks.2.attn.v_bias"),
        ("eva_vit.pth", "pos_embed"),
        ("blip2_qformer.pth", "query_tokens"),
        ("blip2_qformer.pth", "ln_vision.bias"),
        ("blip2_qformer.pth", "Qformer.bert.encoder.layer.0.crossattention.self.key.weight"),
        ("minigpt4_proj.pth", "llama_proj.bias"),
    ],
)
def test_a_missing_tensor_is_named(
    build: Callable[..., Path], files: Path, tmp_path: Path, file: str, name: str
):
    edit(files / file, lambda tensors: tensors.pop(name))
    with pytest.raises(WeightsError, match=f"{name} is missing"):
        build()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("file", "name", "called"),
    [
        ("eva_vit.pth", "blocks.0.mlp.fc1.weight", "encoder.layers.0.mlp.fc1.weight"),
        ("blip2_qformer.pth", "query_tokens", "query_tokens"),
        ("blip2_qformer.pth", "ln_vision.weight", "ln_vision.weight"),
    ],
)
def test_a_tensor_of_another_shape_is_named(
    build: Callable[..., Path], files: Path, file: str, name: str, called: str
):
    edit(files / file, lambda tensors: tensors.update({name: tensors[name][..., :-1]}))
    with pytest.raises(WeightsError, match=rf"{file}: {called} is \(.*wanted \("):
        build()


@pytest.mark.parametrize(
    ("file", "name", "shape", "reason"),
    [
        ("minigpt4_proj.pth", "llama_proj.bias", (63,), r"llama_proj.bias is \(63,\), wanted"),
        ("minigpt4_proj.pth", "llama_proj.weight", (64,), "wanted two dimensions"),
        ("eva_vit.pth", "pos_embed", (1, 18, 88), r"embeddings are \(1, 18, 88\), wanted"),
        ("eva_vit.pth", "pos_embed", (17, 88), r"embeddings are \(17, 88\), wanted"),
        ("eva_vit.pth", "pos_embed", (1, 10, 80), r"embeddings are \(1, 10, 80\), wanted"),
        ("eva_vit.pth", "pos_embed", (1, 0, 88), r"embeddings are \(1, 0, 88\), wanted"),
    ],
)
def test_a_shape_that_fits_nothing_is_said(
    build: Callable[..., Path],
    files: Path,
    file: str,
    name: str,
    shape: tuple[int, ...],
    reason: str,
):
    edit(files / file, lambda tensors: tensors.update({name: torch.zeros(shape)}))
    with pytest.raises(WeightsError, match=rf"{file}: .*{reason}"):
        build()


def test_known_leftovers_are_ignored_and_unknown_ones_named(
    build: Callable[..., Path], files: Path, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.WARNING):
        build()
    assert caplog.messages == []
    for file in ("eva_vit.pth", "blip2_qformer.pth", "minigpt4_proj.pth"):
        edit(files / file, lambda tensors: tensors.update({"strange.thing": torch.zeros(1)}))
    with caplog.at_level(logging.WARNING):
        build()
    assert len(caplog.messages) == 3
    assert all("strange.thing" in text for text in caplog.messages)


def test_a_qformer_trained_with_the_projection_is_taken(build: Callable[..., Path], files: Path):
    queries = torch.randn(1, 8, 48)
    edit(files / "minigpt4_proj.pth", lambda tensors: tensors.update(query_tokens=queries))
    assert torch.equal(load(build(), device="cpu").query_tokens, queries)


def hub_directory(model: Any, directory: Path, **more: torch.Tensor) -> Path:
    """Write the parts of a model as a `blip2-*` of the hub: other names, sizes in its config."""
    directory.mkdir()
    tensors = {f"vision_model.{k}": v for k, v in model.vision_encoder.state_dict().items()}
    tensors |= {f"qformer.{k}": v for k, v in model.qformer.state_dict().items()}
    tensors |= {"query_tokens": model.query_tokens.data, "language_projection.bias": torch.ones(1)}
    tensors |= {"language_model.lm_head.weight": torch.ones(1)} | more
    names = sorted(tensors)
    half = len(names) // 2
    for number, part in enumerate((names[:half], names[half:])):
        save_file({k: tensors[k].contiguous() for k in part}, directory / f"{number}.safetensors")
    config = {
        "vision_config": model.config.vision_config.to_dict(),
        "qformer_config": model.config.qformer_config.to_dict(),
        "num_query_tokens": model.config.num_query_tokens,
    }
    (directory / "config.json").write_text(json.dumps(config))
    return directory


@pytest.mark.parametrize("from_hub", [False, True], ids=["file", "hub"])
def test_a_qformer_trained_with_the_projection_goes_before_the_published_one(
    build: Callable[..., Path], files: Path, tmp_path: Path, from_hub: bool
):
    hub = hub_directory(load(build(), device="cpu"), tmp_path / "blip2") if from_hub else None
    trained = {
        "query_tokens": torch.randn(1, 8, 48),
        "ln_vision.weight": torch.randn(88),
        "Qformer.bert.encoder.layer.0.attention.self.key.weight": torch.randn(48, 48),
    }
    edit(files / "minigpt4_proj.pth", lambda tensors: tensors.update(trained))
    options = {"vision": hub, "qformer": hub, "sizes": None} if hub else {}
    model = load(build(**options), device="cpu")
    found = (
        model.query_tokens,
        model.vision_encoder.post_layernorm.weight,
        model.qformer.encoder.layer[0].attention.attention.key.weight,
    )
    for name, value in zip(trained, found, strict=True):
        assert torch.equal(value, trained[name]), name


def test_what_was_trained_but_has_no_place_is_named(
    build: Callable[..., Path], files: Path, caplog: pytest.LogCaptureFixture
):
    strange = {"Qformer.bert.adapter.weight": torch.zeros(1)}
    edit(files / "minigpt4_proj.pth", lambda tensors: tensors.update(strange))
    with caplog.at_level(logging.WARNING):
        build()
    assert "minigpt4_proj.pth holds tensors of unknown use" in caplog.text
    assert "Qformer.bert.adapter.weight" in caplog.text


def test_of_a_hub_directory_the_llm_is_never_read_and_unknown_tensors_are_named(
    build: Callable[..., Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    strange = {"vision_model.adapter.weight": torch.zeros(1)}
    hub = hub_directory(load(build(), device="cpu"), tmp_path / "blip2", **strange)
    read: list[str] = []
    one_by_one = official_files._DirectoryTensors.__getitem__

    def noted(self: Any, name: str) -> torch.Tensor:
        read.append(name)
        return one_by_one(self, name)

    monkeypatch.setattr(official_files._DirectoryTensors, "__getitem__", noted)
    with caplog.at_level(logging.WARNING):
        build(vision=hub, qformer=hub, sizes=None, out=tmp_path / "from_hub")
    assert not [name for name in read if name.startswith("language_")]
    assert len(read) == len(set(read)), "a tensor was read twice"
    (text,) = caplog.messages
    assert text.endswith("unknown use, ignored: vision_model.adapter.weight")


def test_a_projection_of_another_llm_is_refused_with_the_one_it_needs(
    build: Callable[..., Path], files: Path
):
    for rows, columns, needed in (
        (5120, 768, r"an LLM of hidden size 5120 \(Vicuna v0 13B\)"),
        (4096, 768, r"hidden size 4096 \(Vicuna v0 7B\)"),
        (4096, 5632, "Llama-2 7B chat, without Q-Former"),
        (96, 48, "an LLM of hidden size 96"),
    ):
        weights = {"llama_proj.weight": torch.zeros(rows, columns)}
        weights["llama_proj.bias"] = torch.zeros(rows)
        torch.save({"model": weights}, files / "minigpt4_proj.pth")
        with pytest.raises(WrongLLMError, match=f"{needed}.*has hidden size 64"):
            build()


def test_the_wrong_variant_is_refused_with_the_right_one(build: Callable[..., Path], files: Path):
    with pytest.raises(WrongLLMError, match="import with --no-qformer"):
        build(projection=files / "minigpt4_proj_noqformer.pth")
    with pytest.raises(WrongLLMError, match="give the Q-Former"):
        build(qformer=None)


class Evil:
    """A pickle that would run code."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (print, ("executed",))


def test_pickled_code_is_refused_not_run(
    build: Callable[..., Path], files: Path, capsys: pytest.CaptureFixture[str]
):
    torch.save({"model": Evil()}, files / "minigpt4_proj.pth")
    with pytest.raises(WeightsError, match="would be code run by loading it; refused"):
        build()
    (files / "minigpt4_proj.pth").write_bytes(pickle.dumps({"model": Evil()}, protocol=2))
    with pytest.raises(WeightsError):
        build()
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("file", ["eva_vit.pth", "blip2_qformer.pth", "minigpt4_proj.pth"])
def test_cut_and_missing_files_are_said(build: Callable[..., Path], files: Path, file: str):
    path = files / file
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(WeightsError, match=file):
        build()
    path.unlink()
    with pytest.raises(WeightsError, match=f"no file at .*{file}"):
        build()


def test_an_llm_directory_of_pointers_is_said(build: Callable[..., Path], files: Path):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n"
    (files / "llm" / "model.safetensors").write_text(pointer)
    with pytest.raises(WeightsError, match="git-lfs pointer"):
        build()


def test_sizes_that_lack_one_are_said(build: Callable[..., Path], files: Path):
    sizes = json.loads((files / "config.json").read_text())
    sizes["vit"].pop("depth")
    (files / "config.json").write_text(json.dumps(sizes))
    with pytest.raises(SettingsError, match="lacks the size 'depth'"):
        build()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"vit": None}, "vit is None, wanted an object"),
        ({"vit": {"depth": "many"}}, "'depth'|num_hidden_layers.*expected int"),
        ({"vit": {"num_heads": 3}}, "no Blip2VisionModel has these sizes"),
        ({"vit": {"embed_dim": -8}}, "embed_dim is -8, wanted a whole number"),
        ({"qformer": {"num_attention_heads": 5}}, "no Blip2QFormerModel has these sizes"),
        ({"qformer": {"num_query_token": "x"}}, "num_query_token is 'x', wanted a whole number"),
        ({"ln_vision": {"eps": "small"}}, "could not convert string to float"),
        ({"image": [56]}, r"image is \[56\], wanted an object"),
    ],
)
def test_sizes_that_fit_no_model_are_said(
    build: Callable[..., Path], files: Path, change: dict[str, Any], reason: str
):
    sizes = json.loads((files / "config.json").read_text())
    for name, value in change.items():
        sizes[name] = {**sizes[name], **value} if isinstance(value, dict) else value
    (files / "config.json").write_text(json.dumps(sizes))
    with pytest.raises(SettingsError, match=reason):
        build()


def test_sizes_of_another_form_are_said_with_the_one_wanted(
    build: Callable[..., Path], files: Path
):
    (files / "config.json").write_text('{"vit": {}}')
    with pytest.raises(SettingsError, match=r'lacks the size .*; wanted \{"vit": \{embed_dim,'):
        build()


@pytest.mark.parametrize(
    "text", ['{"model_type": "strange"}', "{", "[]", '{"model_type": "llama", "hidden_size": "x"}']
)
def test_an_llms_configuration_that_cannot_be_read_is_said(
    build: Callable[..., Path], files: Path, text: str
):
    (files / "llm" / "config.json").write_text(text)
    with pytest.raises(WeightsError, match=r"llm/config.json is damaged or of no model") as caught:
        build()
    assert len(str(caught.value)) < 600


def test_the_card_says_which_llm_is_needed_and_an_older_models_files_go(
    build: Callable[..., Path], tmp_path: Path
):
    (tmp_path / "out").mkdir()
    for name in ("README.md", "experiment.json", "notes.txt"):
        (tmp_path / "out" / name).write_text("of an older model")
    out = build()
    card = (out / "README.md").read_text()
    assert "needs an LLM of hidden size 64" in card
    assert str(tmp_path) not in card
    assert not (out / "experiment.json").exists()
    assert (out / "notes.txt").exists()
    assert needed_llm(torch.empty(4096, 768)) == "an LLM of hidden size 4096 (Vicuna v0 7B)"


def test_a_hub_directory_gives_the_same_model(
    build: Callable[..., Path], files: Path, tmp_path: Path
):
    model = load(build(), device="cpu")
    hub = hub_directory(model, tmp_path / "blip2-tiny")
    options = {"vision": hub, "qformer": hub, "sizes": None, "out": tmp_path / "from_hub"}
    again = load(build(**options), device="cpu")
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    assert again.vision_encoder.post_layernorm.eps == 1e-5


def test_positions_of_the_same_grid_are_left_alone():
    positions = torch.randn(1, 17, 8)
    assert interpolate_positions(positions, num_positions=17) is positions
    larger = interpolate_positions(positions.half(), num_positions=37)
    assert larger.shape == (1, 37, 8)
    assert larger.dtype == torch.float32
    assert torch.equal(larger[:, 0], positions.half()[:, 0].float())


def test_which_names_are_known():
    names = ["cls_token", "blocks.0.attn.q_bias", "blocks.39.mlp.fc1.weight", "head.bias", "rope"]
    assert eva_unknown(names, depth=39) == ["rope"]
    assert eva_unknown(["blocks.1.gamma_1"], depth=39) == ["blocks.1.gamma_1"]
    lora = "llama_model.base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
    assert projection_unknown(["llama_proj.weight", lora]) == [lora]
