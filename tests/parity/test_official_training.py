"""Losses, gradients and optimizer steps of the official stages, from the same pictures."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from minigpt4.data.example import Example, Turn
from minigpt4.model.loss import sum_by_example, targets_of
from minigpt4.processing.batch import IGNORED_LABEL, Batch
from minigpt4.processing.conversation import segments_from_text
from minigpt4.processing.processor import TrainingLayout
from minigpt4.training.optimizer import build_optimizer, set_learning_rate
from minigpt4.training.schedule import learning_rate
from minigpt4.training.settings import TrainSettings
from parity.goldens import Goldens, assert_close, assert_close_relative

LOSS = 1e-5
LOGITS = 1e-4
GRADIENT = 1e-5
EMBEDDING = 1e-5
ADAMW = 2e-7


def instructions_of(goldens: Goldens, stage: str) -> list[str | None]:
    """Return the whole prompt of each example; None: no prompt."""
    values = goldens[stage]
    count = len(values["captions"])
    if "chosen_prompt_for_whole_batch" in values:
        return [values["chosen_prompt_for_whole_batch"]] * count
    if "instruction_input" in values:
        return list(values["instruction_input"])
    assert values["instruction"] is None
    return [None] * count


def template_of(goldens: Goldens, stage: str) -> str:
    """Return what stands around a stage's prompts; "" where there are none."""
    if None in instructions_of(goldens, stage):
        return ""
    named = stage if "prompt_template" in goldens[stage] else "stage2"
    return goldens[f"{named}/prompt_template"]


def batch_of(goldens: Goldens, stage: str) -> Batch:
    """Lay out a stage's batch with our processor."""
    template = template_of(goldens, stage)
    before, _, after = template.partition("{}")
    examples = []
    for path, caption, instruction in zip(
        goldens.batch_images(),
        goldens[f"{stage}/captions"],
        instructions_of(goldens, stage),
        strict=True,
    ):
        prompt = (instruction or "").removeprefix(before).removesuffix(after)
        turn = Turn(prompt=prompt, answer=caption)
        examples.append(Example(image=path, turns=(turn,), key=path.name))
    layout = TrainingLayout(
        template=template,
        end_sym=goldens[f"{stage}/end_sym"],
        max_text_tokens=goldens[f"{stage}/max_txt_len"],
    )
    return goldens.model_of(stage).processor.training_batch(examples, layout=layout)


def run_stage(goldens: Goldens, stage: str) -> tuple[Any, Batch, Any]:
    """Return a model with gradients, its batch and its output."""
    model = copy.deepcopy(goldens.model_of(stage)).train()
    batch = batch_of(goldens, stage)
    output = model(**batch.model_inputs())
    output.loss.backward()
    return model, batch, output


class Runs(dict[str, tuple[Any, Batch, Any]]):
    """What `run_stage` returns, computed when a stage is first asked for."""

    def __init__(self, goldens: Goldens) -> None:
        super().__init__()
        self._goldens = goldens

    def __missing__(self, stage: str) -> tuple[Any, Batch, Any]:
        self[stage] = run_stage(self._goldens, stage)
        return self[stage]


@pytest.fixture(scope="module")
def runs(goldens: Goldens) -> Runs:
    return Runs(goldens)


def prompt_lengths(goldens: Goldens, stage: str) -> list[int]:
    """Return the positions of each row's prompt, pictures included, BOS not."""
    processor = goldens.model_of(stage).processor
    texts = ["<ImageHere>" if t is None else t for t in instructions_of(goldens, stage)]
    return [len(processor.encode_segments(segments_from_text(text))) - 1 for text in texts]


def test_prompts_and_answers_are_laid_out_as_officially(goldens: Goldens, stage: str):
    batch, prompts = batch_of(goldens, stage), prompt_lengths(goldens, stage)
    assert batch.labels is not None
    assert goldens.tensor(f"{stage}_cond_atts").sum(1).tolist() == prompts
    answers = goldens.tensor(f"{stage}_regress_atts")
    targets = goldens.tensor(f"{stage}_part_targets")
    for row, length in enumerate(prompts):
        count = int(batch.attention_mask[row].sum()) - 1 - length
        assert answers[row].tolist() == [1] * count + [0] * (answers.shape[1] - count)
        own = batch.labels[row, 1 + length : 1 + length + count].tolist()
        assert targets[row].tolist() == own + [IGNORED_LABEL] * (answers.shape[1] - count)
    begin = torch.arange(goldens.tensor(f"{stage}_cond_atts").shape[1])
    wanted = (begin < torch.tensor(prompts)[:, None]).long()
    assert (goldens.tensor(f"{stage}_cond_atts") == wanted).all()


def test_the_llm_sees_the_official_sequence(goldens: Goldens, stage: str):
    model, batch = goldens.model_of(stage), batch_of(goldens, stage)
    length = batch.input_ids.shape[1]
    with torch.no_grad():
        embeds = model.embed(
            batch.input_ids,
            image_mask=batch.image_mask,
            image_embeds=model.get_image_features(batch.pixel_values),
        )
    mask = goldens.tensor(f"{stage}_attention_mask")
    targets = goldens.tensor(f"{stage}_targets")
    # Officially prompts and answers are padded apart, so rows may end in more padding than ours.
    assert mask[:, length:].sum() == 0
    assert (targets[:, length:] == IGNORED_LABEL).all()
    assert (batch.attention_mask == mask[:, :length]).all()
    assert batch.labels is not None
    assert (batch.labels == targets[:, :length]).all()
    wanted = goldens.tensor(f"{stage}_inputs_embeds")[:, :length]
    seen = batch.attention_mask.bool()
    assert_close(embeds[seen], wanted[seen], atol=EMBEDDING, what="inputs_embeds")
    # The padding is the same too: the official code embeds its pad token there.
    assert_close(embeds[~seen], wanted[~seen], atol=EMBEDDING, what="padding")


def test_losses_of_every_token(goldens: Goldens, runs: Runs, stage: str):
    _, batch, output = runs[stage]
    targets = targets_of(batch.labels)
    assert (
        targets.positions.nonzero().tolist() == goldens.tensor(f"{stage}_regressed_rowpos").tolist()
    )
    assert targets.ids.tolist() == goldens.tensor(f"{stage}_regressed_ids").tolist()
    wanted = goldens.tensor(f"{stage}_logits_regressed")
    assert_close(output.logits, wanted, atol=LOGITS, what="logits")
    assert_close(
        output.token_losses, goldens.tensor(f"{stage}_token_nll"), atol=LOGITS, what="token losses"
    )
    assert_close(output.loss, goldens.tensor(f"{stage}_loss"), atol=LOSS, what="loss")


def test_the_loss_without_reduction_is_divided_by_the_padded_length(
    goldens: Goldens, runs: Runs, stage: str
):
    if f"{stage}_loss_none" not in goldens.arrays:
        pytest.skip("the goldens have no unreduced loss of this stage")
    _, batch, output = runs[stage]
    length = goldens.tensor(f"{stage}_targets").shape[1]
    own = sum_by_example(output.token_losses, batch.labels) / (length - 1)
    assert_close(own, goldens.tensor(f"{stage}_loss_none"), atol=LOSS)


def test_gradients_of_the_projection(goldens: Goldens, runs: Runs, stage: str):
    model, _, _ = runs[stage]
    for part, parameter in (("w", model.projection.weight), ("b", model.projection.bias)):
        wanted = goldens.tensor(f"{stage}_grad_{part}")
        assert_close_relative(parameter.grad, wanted, rtol=GRADIENT, what=f"gradient {part}")
    others = [name for name, p in model.named_parameters() if p.grad is not None]
    assert others == ["projection.weight", "projection.bias"]


def settings_of(goldens: Goldens, **values: Any) -> TrainSettings:
    """Settings with the optimizer's official constants."""
    (group, _) = goldens["adamw/groups"]
    return TrainSettings(
        **{"num_steps": 1, "peak_lr": group["lr"], **values},
        weight_decay=max(group["weight_decay"] for group in goldens["adamw/groups"]),
        betas=tuple(group["betas"]),
        adam_eps=group["eps"],
    )


def test_optimizer_groups_are_the_official_ones(goldens: Goldens):
    optimizer = build_optimizer(goldens.with_qformer, settings_of(goldens))
    groups = [
        {
            "params": len(group["params"]),
            "weight_decay": group["weight_decay"],
            "lr": group["lr"],
            "betas": list(group["betas"]),
            "eps": group["eps"],
            "amsgrad": group["amsgrad"],
        }
        for group in optimizer.param_groups
    ]
    assert groups == goldens["adamw/groups"]


@pytest.mark.parametrize("rate", ["official_step0", "init_lr"])
def test_one_adamw_step(goldens: Goldens, runs: Runs, stage: str, rate: str):
    model = copy.deepcopy(goldens.model_of(stage))
    trained = runs[stage][0].projection
    for own, done in zip(model.projection.parameters(), trained.parameters(), strict=True):
        own.grad = done.grad.clone()
    optimizer = build_optimizer(model, settings_of(goldens))
    set_learning_rate(optimizer, goldens[f"adamw/{stage}/{rate}"])
    optimizer.step()
    for part, parameter in (("w", model.projection.weight), ("b", model.projection.bias)):
        wanted = goldens.tensor(f"{stage}_adamw_{rate}_{part}")
        gradient = goldens.tensor(f"{stage}_grad_{part}").abs()
        # The first step is the gradient's sign: where it is next to nothing, so is its sign.
        certain = gradient > 1e-3 * gradient.max()
        assert_close(parameter[certain], wanted[certain], atol=ADAMW, what=f"{part} after a step")
        assert certain.float().mean() > 0.5


def schedule_settings(config: dict[str, Any]) -> TrainSettings:
    """Turn an official `run` section into our settings."""
    return TrainSettings(
        num_steps=config["max_epoch"] * config["iters_per_epoch"],
        peak_lr=config["init_lr"],
        final_lr=config["min_lr"],
        warmup_lr=config["warmup_lr"],
        warmup_steps=config["warmup_steps"],
        steps_per_epoch=config["iters_per_epoch"],
        schedule="official",
    )


def test_learning_rates_of_every_schedule(goldens: Goldens):
    assert goldens["lr/columns"] == ["epoch", "iter_in_epoch", "lr"]
    schedules = {name: value for name, value in goldens["lr"].items() if name != "columns"}
    for name, schedule in schedules.items():
        settings = schedule_settings(schedule["cfg"])
        for epoch, iteration, wanted in schedule["values"]:
            step = epoch * schedule["cfg"]["iters_per_epoch"] + iteration
            got = learning_rate(step, settings)
            assert got == pytest.approx(wanted, rel=1e-12), (name, step)


def test_the_trajectory_of_a_short_training(goldens: Goldens):
    model = copy.deepcopy(goldens.with_qformer).train()
    batch = batch_of(goldens, "stage2")
    config = goldens["trajectory/run"]
    schedule = schedule_settings(config)
    rates = [learning_rate(step, schedule) for step in range(goldens["trajectory/iters"])]
    assert rates == pytest.approx(goldens.tensor("traj_lr").tolist(), rel=1e-12)
    optimizer = build_optimizer(
        model, TrainSettings(num_steps=1, peak_lr=1.0, weight_decay=config["weight_decay"])
    )
    losses: list[Tensor] = []
    for rate in rates:
        set_learning_rate(optimizer, rate)
        loss = model(**batch.model_inputs()).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.detach().double())
    assert_close(torch.stack(losses), goldens.tensor("traj_loss"), atol=2e-5, what="losses")
    for part, parameter in (("w", model.projection.weight), ("b", model.projection.bias)):
        wanted = goldens.tensor(f"traj_final_{part}")
        assert_close_relative(parameter, wanted, rtol=2e-4, what=f"final {part}")
