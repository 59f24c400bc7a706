"""Every large recipe, on its own code path: tiny parts and data in the place of the large ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from minigpt4.errors import SettingsError
from minigpt4.generation import Chat, GenerationSettings
from minigpt4.model.loading import load
from minigpt4.recipes import RECIPES
from minigpt4.recipes.alignment import AlignmentExperiment, train_settings
from minigpt4.recipes.experiment import build_experiment, find_recipe, run_name
from recipes.tiny_parts import OFFICIAL_PARTS, write_data, write_llm, write_siglip

SMALL = ("num_steps=1", "batch_size=4", "num_workers=0", "max_text_tokens=12")
STAGE1 = ("vicuna_7b", "vicuna_13b", "llama2_7b", "table4_no_qformer", "table4_three_layers",
          "table4_qformer_trained")  # fmt: skip
ROWS = ("table4_no_qformer_stage1", "table4_no_qformer_stage2", "table4_three_layers_stage1",
        "table4_three_layers_stage2", "table4_qformer_trained_stage1",
        "table4_qformer_trained_stage2", "table6_lora", "locna", "blip2_ft")  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where parts, data and runs are."""
    folder = tmp_path_factory.mktemp("alignment")
    write_data(folder)
    write_siglip(folder / "siglip")
    write_llm(folder / "qwen")
    return folder


def step(folder: Path, name: str, *overrides: str) -> Path:
    """Take one step of a recipe; return the model directory, which is kept for the next test."""
    out = folder / "runs" / name
    if not (out / "model").exists():
        recipe = find_recipe(name)
        experiment = build_experiment(recipe, overrides=[*SMALL, *overrides])
        result = recipe.run(experiment, out=out, resume=False, device="cpu")
        assert result.finished
        assert result.loss > 0
    return out / "model"


def stage1(folder: Path, name: str) -> Path:
    data = (f"data.laion.path={folder / 'laion'}", f"data.cc_sbu.path={folder / 'cc_sbu'}")
    return step(folder, f"{name}_stage1", *OFFICIAL_PARTS, *data)


def pair(folder: Path) -> Path:
    parts = (f"model.vision_encoder={folder / 'siglip'}", f"model.llm={folder / 'qwen'}")
    return step(folder, "pair", *parts, f"data={folder / 'laion'}")


@pytest.mark.parametrize("name", STAGE1)
def test_both_stages_take_a_step_and_leave_a_model(folder: Path, name: str) -> None:
    first = stage1(folder, name)
    second = step(folder, f"{name}_stage2", f"model.start={first}", f"data={folder / 'align'}")
    before, after = load(first), load(second)
    changed = {
        name
        for (name, old), new in zip(
            before.state_dict().items(), after.state_dict().values(), strict=True
        )
        if not torch.equal(old, new)
    }
    trained = ("projection.", "qformer.", "query_tokens") if "trained" in name else ("projection.",)
    assert changed
    assert all(each.startswith(trained) for each in changed)
    assert any(each.startswith(trained[-1]) for each in changed)


def test_the_rows_of_table_4_are_what_they_say(folder: Path) -> None:
    without, three = (load(stage1(folder, f"table4_{n}")) for n in ("no_qformer", "three_layers"))
    assert without.qformer is None
    assert len([m for m in three.projection.modules() if isinstance(m, torch.nn.Linear)]) == 3
    assert three.qformer is not None


def test_llama2_has_its_template_and_no_qformer(folder: Path) -> None:
    model = load(stage1(folder, "llama2_7b"))
    assert (model.qformer, model.config.template) == (None, "llama2")


def test_lora_and_questions_are_trained_saved_and_speak(folder: Path) -> None:
    questions = (
        f"vqav2:{folder / 'questions.json'},annotations={folder / 'annotations.json'},"
        f"images={folder / 'coco'}"
    )
    names = [f"data.{name}.path={questions}" for name in ("vqav2", "okvqa", "aokvqa")]
    model_directory = step(
        folder, "table6_lora", f"model.start={stage1(folder, 'vicuna_7b')}", *names,
        f"data.descriptions.path={folder / 'align'}", "mix=sample", "model.lora.rank=2",
        "num_steps=2",
    )  # fmt: skip
    model = load(model_directory)
    updates = [p for n, p in model.named_parameters() if "lora_B" in n]
    assert updates
    assert any(p.abs().max() > 0 for p in updates)
    settings = GenerationSettings(max_new_tokens=4)
    said = Chat(model, settings=settings).ask("What is it?", Image.new("RGB", (40, 40)))
    for update in updates:
        update.data.fill_(1.0)
    changed = Chat(model, settings=settings).ask("What is it?", Image.new("RGB", (40, 40)))
    assert said.token_ids != changed.token_ids  # the updates are part of what speaks


def test_locna_takes_a_step_on_narratives(folder: Path) -> None:
    source = f"localized_narratives:{folder / 'narratives.jsonl'},images={folder / 'coco'}"
    start = f"model.start={stage1(folder, 'vicuna_7b')}"
    assert load(step(folder, "locna", start, f"data.narratives.path={source}"))


def test_blip2_ft_takes_a_step(folder: Path) -> None:
    projection = f"model.projection={Path(OFFICIAL_PARTS[0].partition('=')[2]).parent}"
    directory = step(
        folder, "blip2_ft", *OFFICIAL_PARTS, f"{projection}/minigpt4_proj.pth",
        f"data={folder / 'align'}",
    )  # fmt: skip
    assert load(directory).config.template == "vicuna_v0_training"


def test_any_encoder_goes_with_any_llm(folder: Path) -> None:
    first = load(pair(folder))
    assert first.config.template == "tokenizer"
    assert first.processor.image_processor.image_mean == [0.5] * 3  # the encoder's own, not CLIP's
    second = load(
        step(folder, "pair_stage2", f"model.start={pair(folder)}", f"data={folder / 'align'}")
    )
    assert not torch.equal(first.projection.weight, second.projection.weight)
    reply = Chat(second, settings=GenerationSettings(max_new_tokens=3)).ask(
        "What?", Image.new("RGB", (9, 9))
    )
    assert reply.finish_reason in ("stop", "length")


def test_finetuning_goes_on_from_any_model(folder: Path) -> None:
    directory = step(folder, "finetune", f"model.start={pair(folder)}", f"data={folder / 'align'}")
    assert load(directory).config.template == "tokenizer"
    assert "finetune" not in (directory / "frozen.json").read_text()  # parts are named, not copied


def test_a_stage_2_of_another_variant_is_refused(folder: Path) -> None:
    recipe = find_recipe("vicuna_7b_stage2")
    start = stage1(folder, "table4_three_layers")
    experiment = build_experiment(
        recipe,
        overrides=[*SMALL, f"model.start={start}", "model.projection_num_layers=1",
                   f"data={folder / 'align'}"],
    )  # fmt: skip
    with pytest.raises(SettingsError, match="same variant"):
        recipe.run(experiment, out=folder / "never", resume=False, device="cpu")


def test_official_hyperparameters_word_for_word() -> None:
    first = build_experiment(find_recipe("vicuna_7b_stage1"))
    second = build_experiment(find_recipe("vicuna_13b_stage2"))
    loops = [train_settings(each) for each in (first, second)]
    assert [(s.num_steps, s.peak_lr, s.final_lr, s.warmup_lr, s.warmup_steps, s.steps_per_epoch)
            for s in loops] == [
        (20_000, 1e-4, 8e-5, 1e-6, 5_000, 5_000),
        (1_000, 3e-5, 1e-5, 1e-6, 200, 200),
    ]  # fmt: skip
    assert {(s.weight_decay, s.betas, s.adam_eps, s.grad_clip, s.schedule, s.seed) for s in loops} \
        == {(0.05, (0.9, 0.999), 1e-8, None, "official", 42)}  # fmt: skip
    assert (first.batch_size, first.batches_per_step, second.batch_size) == (256, 4, 12)
    assert {name: s.ratio for name, s in first.data.items()} == {"laion": 115, "cc_sbu": 14}
    assert (first.clean_captions, second.clean_captions) == (True, False)
    assert (first.crop, second.crop, second.max_text_tokens) == (True, True, 160)
    assert len(second.prompts) == 4


@pytest.mark.parametrize("name", ROWS)
def test_each_row_is_the_same_edit_on_every_base(name: str) -> None:
    recipe = find_recipe(name)
    paper: AlignmentExperiment = build_experiment(recipe)
    drawn: AlignmentExperiment = build_experiment(recipe, base="miniature")
    for field in ("use_qformer", "projection_num_layers", "train_qformer", "lora"):
        assert getattr(paper.model, field) == getattr(drawn.model, field)
    assert all(source.path.startswith("world:") for source in drawn.data.values())
    assert not any(source.path.startswith("world:") for source in paper.data.values())
    if name.endswith("stage2") and name.startswith("table4"):
        first = run_name(name.replace("stage2", "stage1"), "miniature")
        assert drawn.model.start == f"runs/{first}/model"


def test_a_base_is_for_rows_only() -> None:
    with pytest.raises(SettingsError, match="no other base"):
        build_experiment(find_recipe("pair"), base="miniature")
    with pytest.raises(SettingsError, match="vicuna_13b"):
        build_experiment(find_recipe("locna"), base="vicuna")


def test_every_recipe_says_how_it_is_run() -> None:
    for name in RECIPES:
        module: Any = __import__(RECIPES[name].partition(":")[0], fromlist=["run"])
        assert "minigpt4 train" in module.__doc__
        assert "achine" in module.__doc__ or "two cores" in module.__doc__


def test_a_batch_that_does_not_split_is_refused() -> None:
    experiment = build_experiment(find_recipe("vicuna_7b_stage1"))
    with pytest.raises(SettingsError, match="batches_per_step"):
        replace(experiment, batch_size=10)


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_each_row_takes_a_step_on_the_miniature(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIGPT4_CACHE", str(folder / "cache"))
    recipe = find_recipe(name)
    experiment = build_experiment(
        recipe, base="miniature", overrides=["num_steps=1", "batch_size=2"]
    )
    few = {
        key: replace(source, path=f"{source.path.partition('&count')[0]}&count=4")
        for key, source in experiment.data.items()
    }
    model = experiment.model
    if model.start.startswith("runs/"):
        earlier = folder / model.start.split("/")[1]
        model = replace(model, start=str(earlier / "model"))
    out = folder / run_name(name, "miniature")
    experiment = replace(experiment, data=few, validation={}, model=model)
    assert recipe.run(experiment, out=out, resume=False, device="cpu").finished
