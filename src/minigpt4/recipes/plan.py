"""What a training will need, before anything is loaded: parameters, memory, micro-batch, hours.

The model is built on torch's `meta` device, which has shapes and no memory, and one picture goes
through it forward and backward. So parameters are counted, not estimated; what the backward pass
keeps is listed tensor by tensor; and every product's operations are counted. Estimated are only
what a GPU needs besides, and how much of its peak it reaches.

Paper: §3 gives the anchor: 20,000 steps of 256 pictures took about 10 hours on 4 A100.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from minigpt4.errors import SettingsError
from minigpt4.model.configuration import MiniGPT4Config
from minigpt4.model.machine import BITS
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
from minigpt4.model.parts import ModelSettings, describe
from minigpt4.recipes import RECIPES
from minigpt4.recipes.alignment import AlignmentExperiment
from minigpt4.recipes.bases import drawn_stage1, drawn_stage2
from minigpt4.recipes.experiment import DEFAULT_BASE, build_experiment, find_recipe
from minigpt4.recipes.miniature import StageExperiment
from minigpt4.recipes.plan_probe import Probe, probe

GPUS = {"L4": 121, "RTX 3090": 71, "RTX 4090": 165, "A100": 312, "H100": 989, "H200": 989}
"""Peak of dense bf16 products, in TFLOP/s, as published."""
REACHED_SHARE = 0.3
"""Share of that peak a whole training reaches; the paper's own run comes to about 0.2."""
GPU_OVERHEAD_BYTES = 1.2e9
"""CUDA's own memory, work space of its libraries, and fragments."""
USABLE_SHARE = 0.95
"""Share of a GPU's nominal memory that a program gets."""
STAGE1_PROMPT_TOKENS, STAGE2_PROMPT_TOKENS = 1, 32
STAGE1_ANSWER_TOKENS = 32
TYPICAL_SHARE = 0.6
"""Length of a typical batch's answers, padded, as a share of the longest allowed."""
_STORAGE = {"int8": "int8", "int8_bnb": "int8", "nf4": "nf4"}


@dataclass(frozen=True, kw_only=True)
class PartPlan:
    """One part of the model."""

    name: str
    num_parameters: int
    num_trained: int
    num_bytes: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one stage needs."""

    recipe: str
    parts: tuple[PartPlan, ...]
    longest: Probe
    """One picture with the longest answer allowed: this decides the memory."""
    typical: Probe
    """One picture with a typical answer: this decides the time."""
    image_tokens: int
    num_steps: int
    batch_size: int
    training_bytes: int
    """Gradients and AdamW's moments of what is trained."""

    @property
    def weight_bytes(self) -> int:
        """Memory of all weights."""
        return sum(part.num_bytes for part in self.parts)

    @property
    def num_pictures(self) -> int:
        """Pictures seen, repeated ones counted again."""
        return self.num_steps * self.batch_size

    @property
    def total_flops(self) -> float:
        """Operations of the whole stage."""
        return float(self.num_pictures) * self.typical.flops

    def needed_bytes(self, micro_batch: int) -> float:
        """Return the memory at the peak of a step with micro-batches of this size."""
        fixed = self.weight_bytes + self.training_bytes + GPU_OVERHEAD_BYTES
        return fixed + micro_batch * self.longest.peak_bytes

    def micro_batch(self, gpu_bytes: float) -> int:
        """Return the largest micro-batch that fits; 0 if none does."""
        free = gpu_bytes * USABLE_SHARE - self.needed_bytes(0)
        return max(0, min(self.batch_size, int(free // self.longest.peak_bytes)))

    def hours(self, peak_tflops: float, *, num_gpus: int = 1) -> float:
        """Estimate the hours of the stage."""
        return self.total_flops / (peak_tflops * 1e12 * REACHED_SHARE * num_gpus) / 3600


def plan_recipe(
    name: str, *, base: str | None = None, overrides: tuple[str, ...] = (), num_gpus: int = 1
) -> list[Plan]:
    """Plan a recipe, or both stages of `NAME_stage1` and `NAME_stage2`.

    Raises:
        SettingsError: for a recipe that aligns nothing, or whose parts' sizes are unknown.
    """
    names = [name] if name in RECIPES else [f"{name}_stage1", f"{name}_stage2"]
    if any(each not in RECIPES for each in names):
        names = [name]  # and find_recipe says what is near
    plans = []
    for each in names:
        experiment = build_experiment(find_recipe(each), base=base, overrides=overrides)
        plans.append(plan_experiment(experiment, recipe=each, num_gpus=num_gpus))
    return plans


def plan_experiment(
    experiment: Any,
    *,
    recipe: str,
    dtype: torch.dtype = torch.bfloat16,
    num_gpus: int = 1,
) -> Plan:
    """Plan one stage, its frozen parts in `dtype`."""
    experiment = _alignment(experiment, recipe)
    config = describe(with_known_start(experiment.model))
    model = build_on_meta(config, dtype)
    stage1 = experiment.stage == 1
    prompt = STAGE1_PROMPT_TOKENS if stage1 else STAGE2_PROMPT_TOKENS
    answer = STAGE1_ANSWER_TOKENS if stage1 else experiment.max_text_tokens
    if experiment.layout is not None:
        answer = experiment.layout.max_text_tokens
    checkpointing = experiment.memory.gradient_checkpointing
    probes = [
        probe(model, prompt_tokens=prompt, answer_tokens=tokens, checkpointing=checkpointing)
        for tokens in (answer, max(1, round(answer * TYPICAL_SHARE)))
    ]
    parts = part_plans(model, storage=experiment.memory.llm_storage)
    if experiment.distribution.shard_llm and num_gpus > 1:
        parts = tuple(
            replace(part, num_bytes=-(-part.num_bytes // num_gpus)) if part.name == "llm" else part
            for part in parts
        )
    num_trained = sum(part.num_trained for part in parts)
    return Plan(
        recipe=recipe,
        parts=parts,
        longest=probes[0],
        typical=probes[1],
        image_tokens=config.num_image_tokens,
        num_steps=experiment.num_steps,
        batch_size=experiment.batch_size,
        training_bytes=12 * num_trained,  # fp32: gradient and two moments
    )


def build_on_meta(config: MiniGPT4Config, dtype: torch.dtype) -> MiniGPT4ForConditionalGeneration:
    """Build a model that has shapes and types but no memory; what trains stays fp32."""
    with torch.device("meta"):
        model = MiniGPT4ForConditionalGeneration(config)
    for part in model.frozen_parts.values():
        for parameter in part.parameters():
            if not parameter.requires_grad:
                parameter.data = parameter.data.to(dtype)
    return model.train()


def part_plans(
    model: MiniGPT4ForConditionalGeneration, *, storage: str = "as_loaded"
) -> tuple[PartPlan, ...]:
    """Return parameters and bytes of each part, tied tables once."""
    plans = []
    for name in ("vision_encoder", "qformer", "query_tokens", "projection", "llm"):
        part: Any = getattr(model, name)
        if part is None:
            continue
        parameters = [part] if isinstance(part, torch.nn.Parameter) else list(part.parameters())
        num_bytes = sum(p.numel() * p.element_size() for p in parameters)
        if name == "llm" and storage in _STORAGE:
            num_bytes = _quantised_bytes(part, BITS[_STORAGE[storage]])
        plans.append(
            PartPlan(
                name=name,
                num_parameters=sum(p.numel() for p in parameters),
                num_trained=sum(p.numel() for p in parameters if p.requires_grad),
                num_bytes=num_bytes,
            )
        )
    return tuple(plans)


def with_known_start(settings: ModelSettings) -> ModelSettings:
    """Put the parts of the recipe that would make it in the place of a `start` that isn't there."""
    found = re.fullmatch(r"runs/([\w.]+)(?:-(\w+))?/model", settings.start)
    if found is None or found[1] not in RECIPES or _is_there(settings.start):
        return settings
    earlier = build_experiment(find_recipe(found[1]), base=found[2])
    if not isinstance(earlier, AlignmentExperiment):
        return settings
    changed = {
        name: value
        for name, value in vars(settings).items()
        if name != "start" and value not in ("", None, False)
    }
    return replace(with_known_start(earlier.model), **changed)


def _is_there(directory: str) -> bool:
    return (Path(directory) / "config.json").is_file()


def _alignment(experiment: Any, recipe: str) -> AlignmentExperiment:
    if isinstance(experiment, AlignmentExperiment):
        return experiment
    if isinstance(experiment, StageExperiment):
        known = drawn_stage1() if experiment.stage == 1 else drawn_stage2()
        return replace(known, num_steps=experiment.num_steps, batch_size=experiment.batch_size)
    raise SettingsError(
        f"{recipe} trains a part alone; plans are for the two stages, e.g. {DEFAULT_BASE}_stage1"
    )


def _quantised_bytes(llm: Any, bits: float) -> int:
    """Return the memory of an LLM whose matrices are quantised; tables and head never are."""
    head = llm.get_output_embeddings()
    small = sum(
        m.weight.numel()
        for m in llm.modules()
        if isinstance(m, torch.nn.Linear) and m is not head and not m.weight.requires_grad
    )
    rest = sum(p.numel() * p.element_size() for p in llm.parameters())
    first = next(p for p in llm.parameters() if not p.requires_grad)
    return round(rest - small * first.element_size() + small * bits / 8)
