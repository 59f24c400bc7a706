"""`minigpt4 cache`: builds, goes on, shows, and a training from it loads no encoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from minigpt4.cli.cache import app
from minigpt4.errors import SettingsError
from minigpt4.recipes.experiment import build_experiment, find_recipe

SETTINGS = ["num_steps=3", "batch_size=4", "num_pictures=12", "num_validation_pictures=4",
            "warmup_steps=1"]  # fmt: skip


def _cache(*args: str) -> Any:
    return CliRunner().invoke(app, args, catch_exceptions=False)


def _build(out: Path, recipe: str = "miniature_stage1") -> Any:
    options = [part for setting in SETTINGS for part in ("--set", setting)]
    return _cache("build", recipe, "--out", str(out), "--device", "cpu", *options)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the cache is built."""
    monkeypatch.setenv("MINIGPT4_CACHE", str(tmp_path / "pictures"))
    return tmp_path / "features"


def test_each_picture_is_encoded_once(folder: Path) -> None:
    assert "16 pictures encoded, 16 of 32 examples had theirs" in _build(folder).stdout
    assert "0 pictures encoded" in _build(folder).stdout
    assert _cache("show", str(folder)).stdout.startswith("16 pictures, ")


@pytest.mark.slow  # validations of 8 batches of 64
def test_a_training_from_the_cache_is_the_same_to_the_bit(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _build(folder)
    recipe = find_recipe("miniature_stage1")
    metrics, weights = [], []
    for name, features in (("plain", ""), ("cached", str(folder))):
        overrides = [*SETTINGS, *([f"features={features}"] if features else [])]
        experiment = build_experiment(recipe, overrides=overrides)
        with monkeypatch.context() as patched:
            if features:
                patched.setattr("minigpt4.model.loading.load_part", _only_the_llm)
            recipe.run(experiment, out=tmp_path / name, resume=False, device="cpu")
        metrics.append((tmp_path / name / "training" / "metrics.jsonl").read_text())
        weights.append((tmp_path / name / "model" / "model.safetensors").read_bytes())
        sources = json.loads((tmp_path / name / "model" / "frozen.json").read_text())
        assert {"vision_encoder", "llm"} <= sources.keys()
    assert metrics[0] == metrics[1]
    assert weights[0] == weights[1]


def _only_the_llm(name: str, *args: Any, **kwargs: Any) -> Any:
    from minigpt4.model.frozen import load_part

    assert name == "llm", f"a training on cached features loaded the {name}"
    return load_part(name, *args, **kwargs)


def test_a_recipe_without_pictures_has_nothing_to_cache(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nothing to cache"):
        _cache("build", "miniature_llm", "--out", str(tmp_path))


def test_random_crops_cannot_be_cached(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="crop=false"):
        _cache("build", "vicuna_7b_stage1", "--out", str(tmp_path))
