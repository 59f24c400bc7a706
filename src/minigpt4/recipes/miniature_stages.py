"""Both stages of aligning the miniature: the loop, the layouts and the prompts of the paper.

Everything but the projection is frozen, so each picture is encoded once, before the first step; or
before all trainings, with `minigpt4 cache build` and `--set features=DIR`.

Paper: §3.1 (stage 1), §3.2 (stage 2).
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from minigpt4.config import dump_config
from minigpt4.data.drawn import Pictures
from minigpt4.data.example import Source
from minigpt4.data.mixing import Mixture
from minigpt4.data.prompts import STAGE2_PROMPTS
from minigpt4.data.world import STAGE1_RATIO, STAGE1_WRITERS, WorldSource
from minigpt4.errors import SettingsError
from minigpt4.model.loading import load, save
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
from minigpt4.model.projection import build_projection, mean_embedding_norm, scale_to_embeddings
from minigpt4.processing.processor import STAGE1_LAYOUT, STAGE2_LAYOUT
from minigpt4.recipes.miniature_frozen import draw_with_progress
from minigpt4.recipes.sources import open_named
from minigpt4.training import TrainResult, TrainSettings, fit
from minigpt4.training.features import compute_features, open_cache
from minigpt4.training.memory import loading_options
from minigpt4.training.stages import AlignmentSettings, AlignmentTask

if TYPE_CHECKING:
    from minigpt4.recipes.miniature import StageExperiment

OWN_STAGE1 = Path("runs/miniature_stage1/model")
logger = logging.getLogger(__name__)


def run_stage(experiment: StageExperiment, *, out: Path, resume: bool, device: str) -> TrainResult:
    """Train the projection; `out/model` is a whole model directory that names its frozen parts."""
    settings = train_settings(experiment)
    place = loading_options(settings, device)
    model = load(starting_point(experiment), encoder=not experiment.features, **place)
    if experiment.stage == 1:
        begin_anew(model, seed=experiment.seed)
    mixture, validation = build_mixtures(experiment)
    task = AlignmentTask(
        model,
        mixture,
        alignment_settings(experiment),
        validation=validation,
        features=open_cache(experiment.features, model)
        if experiment.features
        else compute_features(model, mixture, num_batches=experiment.num_steps),
    )
    result = fit(task, settings, out=out / "training", resume=resume, device=device)
    # Under torchrun every process has the same projection; the first one saves it.
    if result.finished and os.environ.get("RANK", "0") == "0":
        record = {
            "recipe": f"miniature_stage{experiment.stage}",
            "settings": dump_config(experiment),
        }
        path = out / "experiment.json"
        if path.exists():
            record = json.loads(path.read_text(encoding="utf-8"))
        save(model, out / "model", frozen="reference", experiment=record)
    return result


def train_settings(experiment: StageExperiment) -> TrainSettings:
    """Return what the loop needs to know."""
    return TrainSettings(
        num_steps=experiment.num_steps,
        peak_lr=experiment.peak_lr,
        final_lr=experiment.final_lr,
        warmup_steps=experiment.warmup_steps,
        precision="bf16",
        checkpoint_every_steps=experiment.checkpoint_every_steps,
        validate_every_steps=200,
        log_every_steps=10,
        max_bad_share=experiment.max_bad_share,
        num_workers=experiment.num_workers,
        seed=experiment.seed,
        distribution=experiment.distribution,
        memory=experiment.memory,
    )


def starting_point(experiment: StageExperiment) -> str:
    """Return the model directory (or shipped name) that a stage starts from.

    Raises:
        SettingsError: for a stage that is neither 1 nor 2.
    """
    if experiment.stage not in (1, 2):
        raise SettingsError(f"stage is {experiment.stage}; there are stages 1 and 2")
    if experiment.start:
        return experiment.start
    if experiment.stage == 1:
        return "miniature"
    start = str(OWN_STAGE1) if (OWN_STAGE1 / "config.json").exists() else "miniature_stage1"
    logger.warning("stage 2 starts from %s", start)
    return start


def begin_anew(model: MiniGPT4ForConditionalGeneration, *, seed: int) -> None:
    """Give the model a fresh projection, at the scale of the LLM's embeddings."""
    torch.manual_seed(seed)
    config = model.config
    device = model.device
    model.projection = build_projection(
        config.projection_in_features,
        config.text_config.hidden_size,
        num_layers=config.projection_num_layers,
    )
    scale_to_embeddings(model.projection, mean_embedding_norm(model.get_input_embeddings()))
    model.projection.to(device)
    model.freeze()


def build_mixtures(experiment: StageExperiment) -> tuple[Mixture, Mixture]:
    """Return the training mixture and a validation mixture of the same kind."""
    seed = experiment.pictures_seed
    held_out = draw_with_progress("validation", seed, experiment.num_validation_pictures)

    def mixture(sources: Sequence[tuple[Source, float]], size: int) -> Mixture:
        return Mixture(
            sources, batch_size=size, seed=experiment.seed, max_bad_share=experiment.max_bad_share
        )

    def mix(pictures: Pictures, size: int) -> Mixture:
        if experiment.stage == 2:
            sources = [(WorldSource(pictures, "description", seed=seed), 1.0)]
        else:
            sources = [
                (WorldSource(pictures, STAGE1_WRITERS[name], seed=seed), float(ratio))
                for name, ratio in STAGE1_RATIO.items()
            ]
        return mixture(sources, size)

    validation = mix(held_out, 64)
    if experiment.data:
        sources = [(open_named(experiment.data, clean=False), 1.0)]
        return mixture(sources, experiment.batch_size), validation
    pictures = draw_with_progress("train", seed, experiment.num_pictures)
    return mix(pictures, experiment.batch_size), validation


def alignment_settings(experiment: StageExperiment) -> AlignmentSettings:
    """Return layout and prompts of a stage."""
    if experiment.stage == 1:
        return AlignmentSettings(layout=STAGE1_LAYOUT, seed=experiment.seed)
    return AlignmentSettings(
        layout=STAGE2_LAYOUT, prompts=STAGE2_PROMPTS, seed=experiment.seed, max_new_tokens=100
    )
