"""Both stages of MiniGPT-4 with any parts and any data: what every larger recipe runs.

A recipe is an `AlignmentExperiment`; a variant of it is an edit (`dataclasses.replace`). The model
is put together from its parts, checked, trained by the one loop, and saved as one directory.

    stage 1    many short captions, no prompt    BOS picture caption "\\n"
    stage 2    few detailed descriptions         ###Human: <Img>picture</Img> prompt ###Assistant:

Paper: §3.1 (stage 1), §3.2 and §3.3 (stage 2).
"""

from __future__ import annotations

import json
import os
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BeforeValidator
from torch import nn

from minigpt4.config import config, dump_config
from minigpt4.data.mixing import Mixture
from minigpt4.errors import SettingsError
from minigpt4.model.loading import EXPERIMENT_FILE, choose_dtype, save
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
from minigpt4.model.parts import ModelSettings, assemble
from minigpt4.processing.processor import STAGE1_LAYOUT, TrainingLayout
from minigpt4.recipes.alignment_card import alignment_card
from minigpt4.recipes.layouts import chat_layout
from minigpt4.recipes.pair_check import check_before_training
from minigpt4.recipes.sources import SourceSettings, build_mixture, data_prints, named_sources
from minigpt4.training import TrainResult, TrainSettings, fit
from minigpt4.training.features import open_cache
from minigpt4.training.memory import loading_options
from minigpt4.training.settings import DistributionSettings, MemorySettings
from minigpt4.training.stages import AlignmentSettings, AlignmentTask

Sources = Annotated[dict[str, SourceSettings], BeforeValidator(named_sources)]


@config
class AlignmentExperiment:
    """One stage: the model's parts, the data, and the official hyper-parameters."""

    stage: Literal[1, 2]
    """1: captions without a prompt; 2: answers in a conversation."""
    num_steps: int
    """Optimizer steps."""
    batch_size: int
    """Pictures of a step, over all processes."""
    batches_per_step: int = 1
    """Batches, each of one source, that make up a step; officially one for each GPU."""
    checkpoint_every_steps: int = 500
    """Steps between checkpoints."""
    seed: int = 42
    """Seed of the projection's first weights, prompts, crops and order."""
    model: ModelSettings
    """Where the parts come from, and the variant that is built of them."""
    data: Sources = field(default_factory=dict)
    """Sources by name, with their ratios; one place alone may be given as a text."""
    validation: Sources = field(default_factory=dict)
    """Sources that are only looked at."""
    mix: Literal["batch", "sample"] = "batch"
    """Draw the source for each batch, as officially, or for each example."""
    prompts: tuple[str, ...] = ()
    """One is drawn for each batch, for examples without a prompt of their own."""
    layout: TrainingLayout | None = None
    """The sequence; None: that of the stage and the model's template."""
    max_text_tokens: int = 160
    """Longest answer of stage 2; captions of stage 1 have the 32 of their layout."""
    clean_captions: bool = False
    """Clean captions as the official stage 1 does: lower case, little punctuation, 50 words."""
    crop: bool = True
    """Cut the official training crop at random; False: squash the whole picture."""
    features: str = ""
    """Folder of `minigpt4 cache build`, in place of the frozen encoder; needs crop=false.

    The encoder is still loaded, to be compared with the cache's and to check the parts, and is
    taken out before the first step."""
    peak_lr: float
    """Learning rate after the warm-up."""
    final_lr: float
    """Learning rate at the end of the cosine."""
    warmup_lr: float = 1e-6
    """Learning rate of the first step."""
    warmup_steps: int
    """Steps of linear warm-up."""
    schedule: Literal["official", "cosine"] = "official"
    """"official": the cosine is not shifted by the warm-up."""
    steps_per_epoch: int | None = None
    """Steps of an official epoch, after which its warm-up starts anew; None: one epoch."""
    weight_decay: float = 0.05
    """Decay of weight matrices."""
    precision: Literal["bf16", "fp32"] = "bf16"
    """"bf16": autocast; projection, loss and optimizer stay fp32."""
    validate_every_steps: int | None = None
    """Steps between validations; None: at the end."""
    num_workers: int = 4
    """Processes that decode pictures ahead; 0: one thread."""
    max_bad_share: float = 0.1
    """Largest share of bad examples before the run stops."""
    check_parts: bool = True
    """Check template, stop strings, type and embedding scale before the first step."""
    distribution: DistributionSettings = DistributionSettings()
    """Several processes."""
    memory: MemorySettings = MemorySettings()
    """Less memory."""

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.batch_size % self.batches_per_step:
            raise SettingsError(
                f"batch_size {self.batch_size} does not split into {self.batches_per_step} "
                "batches; choose a multiple of batches_per_step"
            )


def run(experiment: AlignmentExperiment, *, out: Path, resume: bool, device: str) -> TrainResult:
    """Train the projection (and what the variant trains besides); the model ends in `out/model`."""
    if not experiment.data:
        raise SettingsError("no data; name it with --set data=PATH or --set data.NAME.path=PATH")
    model = build_model_of(experiment, device=device)
    layout = layout_of(experiment, model)
    mixture, validation = build_mixtures(experiment)
    if experiment.check_parts:
        check_before_training(model, layout, mixture, rescale=experiment.model.fresh_projection)
    features, encoder = None, {}
    if experiment.features:
        features = open_cache(experiment.features, model)
        encoder = _without_encoder(model)
    task = AlignmentTask(
        model,
        mixture,
        alignment_settings(experiment, layout),
        validation=validation,
        features=features,
    )
    result = fit(task, train_settings(experiment), out=out / "training", resume=resume,
                 device=device)  # fmt: skip
    for name, part in encoder.items():
        setattr(model, name, part)
    if result.finished and os.environ.get("RANK", "0") == "0":
        record = experiment_record(experiment, out)
        card = alignment_card(model, record)
        save(model, out / "model", frozen="auto", experiment=record, card=card)
    return result


def _without_encoder(model: MiniGPT4ForConditionalGeneration) -> dict[str, nn.Module]:
    """Take the encoder out; return, in the CPU's memory, what `save` could find nowhere else."""
    return {
        name: part.to("cpu")
        for name, part in model.leave_out_encoder().items()
        if name not in model.frozen_sources
    }


def data_fingerprints(experiment: AlignmentExperiment) -> dict[str, str]:
    """Return for each source what identifies its data."""
    return data_prints(experiment.data)


def build_model_of(
    experiment: AlignmentExperiment, *, device: str
) -> MiniGPT4ForConditionalGeneration:
    """Put the model together, on the device unless its LLM is to be made smaller first."""
    options = loading_options(train_settings(experiment), device)
    dtype = options["dtype"]
    if experiment.model.dtype != "auto":
        dtype = choose_dtype(experiment.model.dtype, torch.device(options["device"]))
    return assemble(
        experiment.model, device=torch.device(options["device"]), dtype=dtype, seed=experiment.seed
    )


def layout_of(
    experiment: AlignmentExperiment, model: MiniGPT4ForConditionalGeneration
) -> TrainingLayout:
    """Return the sequence that the stage trains with this model."""
    if experiment.layout is not None:
        return experiment.layout
    if experiment.stage == 1:
        return STAGE1_LAYOUT
    return chat_layout(model.processor, max_text_tokens=experiment.max_text_tokens)


def build_mixtures(experiment: AlignmentExperiment) -> tuple[Mixture, Mixture | None]:
    """Return the training mixture and, if there is one, the validation mixture."""
    clean, seed = experiment.clean_captions, experiment.seed
    size = experiment.batch_size // experiment.batches_per_step
    mixture = build_mixture(
        experiment.data, batch_size=size, seed=seed, mix=experiment.mix, clean=clean,
        max_bad_share=experiment.max_bad_share,
    )  # fmt: skip
    if not experiment.validation:
        return mixture, None
    held_out = build_mixture(
        experiment.validation, batch_size=min(size, 64), seed=seed, mix="batch", clean=clean,
        max_bad_share=experiment.max_bad_share,
    )  # fmt: skip
    return mixture, held_out


def alignment_settings(
    experiment: AlignmentExperiment, layout: TrainingLayout
) -> AlignmentSettings:
    """Return layout, prompts and crop of the stage."""
    return AlignmentSettings(
        layout=layout, prompts=experiment.prompts, crop=experiment.crop, seed=experiment.seed
    )


def train_settings(experiment: AlignmentExperiment) -> TrainSettings:
    """Return what the loop needs to know."""
    values: dict[str, Any] = {
        name: getattr(experiment, name)
        for name in (
            "num_steps", "batches_per_step", "checkpoint_every_steps", "seed", "peak_lr",
            "final_lr", "warmup_lr", "warmup_steps", "schedule", "steps_per_epoch",
            "weight_decay", "precision", "validate_every_steps", "num_workers", "max_bad_share",
            "distribution", "memory",
        )
    }  # fmt: skip
    return TrainSettings(**values)


def experiment_record(experiment: AlignmentExperiment, out: Path) -> dict[str, Any]:
    """Return what `experiment.json` of the model says: that of the run, if a command wrote one."""
    path = out / EXPERIMENT_FILE
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    return {"settings": dump_config(experiment)}
