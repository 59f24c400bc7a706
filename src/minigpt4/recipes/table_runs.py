"""The trained models of the rows: found on disk, gone on with, or trained now.

A training's folder is named by a hash of all that decides its result: the settings, the
fingerprints of the frozen parts, the data, and the training before it. So a table, a figure and the
whole reproduction share their runs, a run that was stopped goes on, and a new miniature or another
setting is another run.
"""

from __future__ import annotations

import fcntl
import gc
import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from minigpt4.config import dump_config
from minigpt4.data.drawn import drawing_hash
from minigpt4.errors import MiniGPT4Error, SettingsError, StoppedError, TrainingError
from minigpt4.model.fingerprint import fingerprint_tensors
from minigpt4.model.frozen import FROZEN_FILE
from minigpt4.model.loading import PACKAGED, WEIGHTS_FILE, save
from minigpt4.model.parts import ModelSettings
from minigpt4.recipes import alignment
from minigpt4.recipes.alignment import AlignmentExperiment
from minigpt4.recipes.cached_features import cache_inputs
from minigpt4.recipes.experiment import write_experiment
from minigpt4.recipes.row_models import BLIP2_FT, RowModel, Training
from minigpt4.recipes.sources import WORLD, source_prints
from minigpt4.recipes.table_missing import check_present
from minigpt4.recipes.table_settings import (
    FIRST_SEED,
    TableSettings,
    blip2_parts,
    experiment_of,
)
from minigpt4.recipes.watch import Nobody, Watch
from minigpt4.training import journal
from minigpt4.training.features import build_cache, encoder_identity

_CHANGES_NOTHING = (
    "features", "num_workers", "checkpoint_every_steps", "validate_every_steps", "validation",
    "max_bad_share", "memory", "distribution", "check_parts",
)  # fmt: skip
"""Settings that leave the trained model as it is (to rounding)."""
_PLACES = ("start", "vision_encoder", "qformer", "llm", "projection", "sizes")


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What is known of a finished training."""

    name: str
    seed: int
    folder: Path
    num_steps: int
    seconds: float
    """Time of its steps, on the machine that ran them."""
    lines: tuple[dict[str, Any], ...]
    """Losses as they were logged."""


class Runs:
    """The runs of one settings object in one folder."""

    def __init__(
        self,
        settings: TableSettings,
        folder: Path,
        *,
        device: str = "auto",
        watch: Watch | None = None,
    ) -> None:
        self.settings, self.folder, self.device = settings, folder, device
        self.watch = watch or Nobody()
        self._keys: dict[tuple[str, int], str] = {}
        self._failed: dict[tuple[str, int], MiniGPT4Error] = {}

    def check(self, models: Iterable[RowModel], *, tasks: Iterable[str] = ()) -> None:
        """Refuse models and tasks whose parts or data are not there, all of them in one error.

        Raises:
            SettingsError: naming everything that is missing and how to give it.
        """
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise SettingsError(
                "tables are made by one process; train a row on several with `torchrun -m minigpt4 "
                "train`, copy its model to the folder that `minigpt4 table N --plan` names, and "
                "run the table without torchrun"
            )
        models = [model for model in models if not self.settings.given_model(model.name)]
        waiting = [
            training
            for model in models
            if model.training is not None and not self.is_finished(model.training, FIRST_SEED)
            for training in model.training.chain
            if not self.is_finished(training, FIRST_SEED)
        ]
        untrained = any(model.training is None for model in models)
        check_present(waiting, self.settings, blip2=untrained, tasks=tasks)

    def model(self, model: RowModel, seed: int) -> Path:
        """Return the directory of a row's model, trained if it has to be.

        Raises:
            StoppedError: when a signal stops a training; the same call goes on with it.
        """
        if given := self.settings.given_model(model.name):
            return PACKAGED.get(given, Path(given))
        if model.training is None:
            return self._untrained()
        if not self.is_finished(model.training, seed):
            for training in model.training.chain:
                self.train(training, seed)
        return self.run_folder(model.training, seed) / "model"

    def train(self, training: Training, seed: int) -> None:
        """Make sure that a training is finished; those before it must be."""
        job = training_job(training, seed)
        if self.is_finished(training, seed):
            self.watch.end(job, 0.0)
            return
        if earlier := self._failed.get((training.name, seed)):
            raise earlier  # it would take as long to fail again
        began = time.monotonic()
        self.watch.begin(job)
        try:
            self._train(training, seed)
        except StoppedError:
            raise
        except MiniGPT4Error as error:
            self._failed[training.name, seed] = error
            raise
        self.watch.end(job, time.monotonic() - began)

    def note_failures(self, failed: Mapping[tuple[str, int], str]) -> None:
        """Take over which trainings failed in other processes, so that none is tried again."""
        self._failed.update({key: TrainingError(text) for key, text in failed.items()})

    def _train(self, training: Training, seed: int) -> None:
        out = self.run_folder(training, seed)
        experiment = self._placed(training, seed)
        resume = (out / "training").exists()
        data = alignment.data_fingerprints(experiment)
        write_experiment(out, training.name, experiment, data=data)
        experiment = self._with_features(experiment)
        result = alignment.run(experiment, out=out, resume=resume, device=self.device)
        gc.collect()
        if not result.finished:
            raise StoppedError(
                f"stopped in {training.name} at step {result.step} with a checkpoint in {out}; "
                "the same command goes on from there"
            )

    def is_finished(self, training: Training, seed: int) -> bool:
        """Tell whether the model of a training is there."""
        # A model directory is renamed into its place when it is whole.
        return (self.run_folder(training, seed) / "model" / "config.json").is_file()

    def run_folder(self, training: Training, seed: int) -> Path:
        """Return the folder of a training's run."""
        key = self._key(training, seed)[:12]
        return self.folder / self.settings.base / f"{training.name}-seed{seed}-{key}"

    def record(self, training: Training, seed: int) -> RunRecord | None:
        """Return what a finished training wrote down; None if it is not finished."""
        if not self.is_finished(training, seed):
            return None
        folder = self.run_folder(training, seed)
        lines = journal.read_lines(folder / "training" / journal.METRICS)
        times = journal.read_lines(folder / "training" / journal.TIMING)
        return RunRecord(
            name=training.name, seed=seed, folder=folder, lines=tuple(lines),
            num_steps=max((line["step"] for line in lines), default=0),
            seconds=sum(line["seconds"] for line in times),
        )  # fmt: skip

    def _placed(self, training: Training, seed: int) -> AlignmentExperiment:
        """Return the experiment, starting from the model of the training before it."""
        experiment = experiment_of(training, self.settings, seed=seed)
        if training.after is None:
            return experiment
        start = str(self.run_folder(training.after, seed) / "model")
        return replace(experiment, model=replace(experiment.model, start=start))

    def _with_features(self, experiment: AlignmentExperiment) -> AlignmentExperiment:
        """Encode the pictures once for all rows with the same encoder, where nothing is cut."""
        if experiment.crop or experiment.features:
            return experiment
        model, sources = cache_inputs(experiment, device=self.device)
        identity = json.dumps(encoder_identity(model), sort_keys=True)
        folder = self.folder / "features" / _hash(identity)[:12]
        folder.mkdir(parents=True, exist_ok=True)
        # Of several processes one encodes, and the others find it done.
        with (folder.parent / f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            build_cache(model, sources, folder)
        return replace(experiment, features=str(folder))

    def _untrained(self) -> Path:
        parts = blip2_parts(self.settings)
        if parts == ModelSettings(start=parts.start):
            return PACKAGED.get(parts.start, Path(parts.start))
        out = self.folder / self.settings.base / f"blip2-{_hash(_places(parts))[:12]}" / "model"
        if not (out / "config.json").is_file():
            assert BLIP2_FT.training is not None
            experiment = experiment_of(BLIP2_FT.training, self.settings, seed=FIRST_SEED)
            save(alignment.build_model_of(experiment, device=self.device), out, frozen="auto")
        return out

    def _key(self, training: Training, seed: int) -> str:
        known = self._keys.get((training.name, seed))
        if known is None:
            known = self._keys[training.name, seed] = self._find_key(training, seed)
        return known

    def _find_key(self, training: Training, seed: int) -> str:
        experiment = experiment_of(training, self.settings, seed=seed)
        values = {
            name: value
            for name, value in dump_config(experiment).items()
            if name not in _CHANGES_NOTHING
        }
        before = self._key(training.after, seed) if training.after else _places(experiment.model)
        drawn = {
            name: each for name, each in experiment.data.items() if each.path.startswith(WORLD)
        }
        others = {name: each for name, each in experiment.data.items() if name not in drawn}
        data = [self._drawing if drawn else "", source_prints(others)]
        return _hash(json.dumps([values, before, data], sort_keys=True))

    @cached_property
    def _drawing(self) -> str:
        return drawing_hash()


def training_job(training: Training, seed: int) -> str:
    """Name a training for those who watch."""
    return f"train {training.name}, seed {seed}"


def _places(parts: ModelSettings) -> str:
    """Return what identifies the weights at the places that the settings name."""
    named = {name: getattr(parts, name) for name in _PLACES if getattr(parts, name)}
    prints = {name: _print(text, fresh=parts.fresh_projection) for name, text in named.items()}
    return json.dumps([dump_config(parts), prints], sort_keys=True)


def _print(text: str, *, fresh: bool) -> Any:
    """Return what changes when the weights at a place do: fingerprints, or names and sizes."""
    path = PACKAGED.get(text, Path(text).expanduser())
    if (path / FROZEN_FILE).is_file():
        frozen = json.loads((path / FROZEN_FILE).read_text(encoding="utf-8"))
        prints = {name: source["fingerprint"] for name, source in frozen.items()}
        return prints | {"trained": _trained_print(path / WEIGHTS_FILE, fresh=fresh)}
    if path.is_file():
        return path.stat().st_size
    if path.is_dir():
        return sorted((each.name, each.stat().st_size) for each in path.iterdir())
    return text


def _trained_print(path: Path, *, fresh: bool) -> str:
    """Return the fingerprint of a model's trained weights; without a projection made anew."""
    with safe_open(path, framework="pt") as file:
        names = [name for name in file.keys() if not (fresh and name.startswith("projection."))]  # noqa: SIM118
        tensors: dict[str, torch.Tensor] = {name: file.get_tensor(name) for name in names}
    return fingerprint_tensors(tensors)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
