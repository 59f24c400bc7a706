"""A large recipe trains from a cache without its encoder, to the same bits, and saves it whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from minigpt4.errors import DataError, SettingsError
from minigpt4.model.loading import load
from minigpt4.model.vision import is_left_out
from minigpt4.recipes import alignment
from minigpt4.recipes.cached_features import cache_inputs
from minigpt4.recipes.experiment import build_experiment, find_recipe
from minigpt4.training import TrainResult, fit
from minigpt4.training.features import build_cache
from minigpt4.training.stages import AlignmentTask
from recipes.tiny_parts import OFFICIAL_PARTS, write_data

SMALL = ("num_steps=2", "batch_size=4", "num_workers=0", "crop=false", "warmup_steps=0")


@pytest.mark.parametrize("name", ["vicuna_7b_stage1", "table4_qformer_trained_stage1"])
def test_a_large_recipe_trains_from_a_cache_to_the_same_bits(name: str, tmp_path: Path) -> None:
    write_data(tmp_path)
    recipe = find_recipe(name)
    settings = (*SMALL, *OFFICIAL_PARTS, f"data={tmp_path / 'laion'}")
    model, sources = cache_inputs(build_experiment(recipe, overrides=settings), device="cpu")
    build_cache(model, sources, tmp_path / "features")

    texts, directories = [], []
    for features in ([], [f"features={tmp_path / 'features'}"]):
        out = tmp_path / f"run{len(texts)}"
        experiment = build_experiment(recipe, overrides=[*settings, *features])
        recipe.run(experiment, out=out, resume=False, device="cpu")
        texts.append((out / "training" / "metrics.jsonl").read_text())
        directories.append(out / "model")
    assert texts[0] == texts[1]
    plain, cached = (load(directory).state_dict() for directory in directories)
    assert plain.keys() == cached.keys()
    assert all(bool((plain[key] == cached[key]).all()) for key in plain)


def test_the_encoder_is_out_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_data(tmp_path)
    recipe = find_recipe("vicuna_7b_stage1")
    settings = (*SMALL, *OFFICIAL_PARTS, f"data={tmp_path / 'laion'}")
    model, sources = cache_inputs(build_experiment(recipe, overrides=settings), device="cpu")
    build_cache(model, sources, tmp_path / "features")
    left_out: list[bool] = []

    def noting_fit(task: AlignmentTask, *args: Any, **named: Any) -> TrainResult:
        left_out.extend(map(is_left_out, (task.model.vision_encoder, task.model.qformer)))
        return fit(task, *args, **named)

    monkeypatch.setattr(alignment, "fit", noting_fit)
    experiment = build_experiment(
        recipe, overrides=[*settings, f"features={tmp_path / 'features'}", "precision=fp32"]
    )
    recipe.run(experiment, out=tmp_path / "run", resume=False, device="cpu")
    assert left_out == [True, True]
    assert not is_left_out(load(tmp_path / "run" / "model").vision_encoder)


def test_crop_must_be_off_and_the_encoder_the_same(tmp_path: Path) -> None:
    write_data(tmp_path)
    recipe = find_recipe("vicuna_7b_stage1")
    settings = (*SMALL, *OFFICIAL_PARTS, f"data={tmp_path / 'laion'}")
    cropped = build_experiment(recipe, overrides=[*settings, "crop=true"])
    with pytest.raises(SettingsError, match="crop=false"):
        cache_inputs(cropped, device="cpu")
    model, sources = cache_inputs(build_experiment(recipe, overrides=settings), device="cpu")
    model.query_tokens.data += 1
    build_cache(model, sources, tmp_path / "features")
    again = build_experiment(recipe, overrides=[*settings, f"features={tmp_path / 'features'}"])
    with pytest.raises(DataError, match="query_tokens"):
        recipe.run(again, out=tmp_path / "run", resume=False, device="cpu")
