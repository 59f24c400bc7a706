"""Plans against the real thing: the miniature as loaded, the published sizes of 7B and 13B."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from minigpt4.errors import SettingsError
from minigpt4.model.loading import load
from minigpt4.recipes.experiment import build_experiment, find_recipe
from minigpt4.recipes.plan import GPUS, build_on_meta, plan_experiment, plan_recipe
from minigpt4.recipes.plan_probe import SavedTensors, probe


@pytest.fixture(scope="module")
def miniature() -> Any:
    return load("miniature", device="cpu")


def test_counts_and_bytes_are_those_of_the_loaded_miniature(miniature: Any) -> None:
    experiment = build_experiment(find_recipe("miniature_stage2"))
    plan = plan_experiment(experiment, recipe="miniature_stage2", dtype=torch.float32)
    assert plan.weight_bytes == sum(p.numel() * p.element_size() for p in miniature.parameters())
    for part in plan.parts:
        real = getattr(miniature, part.name)
        parameters = [real] if isinstance(real, torch.nn.Parameter) else list(real.parameters())
        assert part.num_parameters == sum(p.numel() for p in parameters)
        assert part.num_trained == sum(p.numel() for p in parameters if p.requires_grad)
    trained = sum(p.numel() for p in miniature.parameters() if p.requires_grad)
    optimizer = torch.optim.AdamW([p for p in miniature.parameters() if p.requires_grad])
    for parameter in optimizer.param_groups[0]["params"]:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    kept = [v for state in optimizer.state.values() for v in state.values() if v.ndim]
    miniature.zero_grad()
    assert plan.training_bytes == 4 * trained + sum(v.numel() * v.element_size() for v in kept)


def test_a_real_step_of_the_miniature_keeps_about_what_is_planned(miniature: Any) -> None:
    planned = probe(
        build_on_meta(miniature.config, torch.float32), prompt_tokens=33, answer_tokens=40
    )
    images = miniature.config.num_image_tokens
    ids = torch.full((1, images + 73), 5)
    mask = torch.zeros(1, images + 73, dtype=torch.bool)
    mask[:, 1 : images + 1] = True
    labels = torch.full_like(ids, -100)
    labels[:, -40:] = 7
    saved = SavedTensors(miniature)
    with torch.autograd.graph.saved_tensors_hooks(saved.pack, lambda tensor: tensor):
        miniature(
            input_ids=ids, image_mask=mask, labels=labels, pixel_values=torch.zeros(1, 3, 128, 128)
        )
    assert planned.num_tokens == ids.shape[1]
    # Attention is counted as plain products, which a fused kernel undercuts.
    assert 0.75 * planned.saved_bytes <= saved.num_bytes <= 1.05 * planned.saved_bytes


def test_the_papers_models_have_their_published_sizes() -> None:
    stage1, stage2 = plan_recipe("vicuna_7b")
    parts = {part.name: part for part in stage1.parts}
    assert parts["llm"].num_parameters == 6_738_415_616
    # The published ViT and ln_vision; transformers stores the key bias of zeros as well.
    assert parts["vision_encoder"].num_parameters == 985_894_528 + 2 * 1408 + 39 * 1408
    assert parts["qformer"].num_parameters == 105_137_664
    assert parts["projection"].num_trained == 3_149_824
    assert (stage1.num_pictures, stage2.num_pictures) == (5_120_000, 12_000)
    # The paper: about 10 hours on 4 A100.
    assert 5 < stage1.hours(GPUS["A100"], num_gpus=4) < 15
    # A quarter of 80 GB goes to the weights, and officially 64 pictures fit beside them.
    assert 64 <= stage1.micro_batch(80e9) < 256
    assert stage1.micro_batch(12e9) == 0


def test_13b_needs_what_users_ran_out_of() -> None:
    (plan,) = plan_recipe("vicuna_13b_stage1")
    assert {p.name: p.num_parameters for p in plan.parts}["llm"] == 13_015_864_320
    assert plan.micro_batch(40e9) < 64  # out of memory on 40 GB with a batch of 64


def test_what_fits_is_the_largest_that_fits() -> None:
    (plan,) = plan_recipe("llama2_7b_stage1")
    fits = plan.micro_batch(24e9)
    assert 0 < fits < plan.batch_size
    assert plan.needed_bytes(fits) <= 0.95 * 24e9 < plan.needed_bytes(fits + 1)
    assert plan.micro_batch(1e15) == plan.batch_size


def test_less_memory_is_planned_as_less_memory() -> None:
    (plain,) = plan_recipe("vicuna_7b_stage2")
    (small,) = plan_recipe(
        "vicuna_7b_stage2",
        overrides=("memory.llm_storage=nf4", "memory.gradient_checkpointing=true"),
    )
    assert small.weight_bytes < 0.5 * plain.weight_bytes
    assert small.longest.saved_bytes < 0.3 * plain.longest.saved_bytes
    assert small.typical.flops > plain.typical.flops  # paid with time
    (sharded,) = plan_recipe(
        "vicuna_7b_stage2", overrides=("distribution.shard_llm=true",), num_gpus=4
    )
    llms = [{p.name: p.num_bytes for p in each.parts}["llm"] for each in (plain, sharded)]
    assert llms[1] == llms[0] / 4


def test_a_recipe_of_one_part_has_no_plan() -> None:
    with pytest.raises(SettingsError, match="trains a part alone"):
        plan_recipe("miniature_llm")
    with pytest.raises(SettingsError, match="vicuna_7b_stage"):
        plan_recipe("vicuna_7")
