"""How the rows of tables and figures are made: base, seeds, and edits that all rows share.

    --set stage1.num_steps=400        every row's stage 1
    --set stage2.num_steps=200        every row's stage 2, LoRA, LocNa and BLIP-2 FT included
    --set parts.llm=DIR               the parts of every stage 1 (fields of `ModelSettings`)
    --set blip2.llm=DIR               the parts of BLIP-2
    --set data.laion=PATH             a source by its name, wherever a row has it
    --set tasks.aokvqa=PATH           a benchmark's own files, with tasks.aokvqa.images=DIR beside
    --set models.minigpt4=DIR         a row's model that is there already; it is not trained
    --set limit=20                    questions of a task, at most

An edit reaches all rows or none: rows that are compared differ in nothing but what they are named
for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from minigpt4.config import apply_overrides, config
from minigpt4.errors import SettingsError
from minigpt4.model.parts import ModelSettings
from minigpt4.recipes.alignment import AlignmentExperiment
from minigpt4.recipes.bases import find_base
from minigpt4.recipes.row_models import ROW_MODELS, Training, trainings_of

FIRST_SEED = 42
_GROUPS = ("stage1", "stage2", "parts", "blip2", "data", "tasks", "models")


@config
class TableSettings:
    """What the rows are run on, and how much of it."""

    base: str = "miniature"
    """The model that rows are edits of."""
    seeds: Annotated[int, Field(ge=1, le=20)] = 1
    """Trainings of each row; seeds 42, 43, ..."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Questions of a task, at most; None: as many as the table asks for."""
    max_pictures: Annotated[int, Field(ge=1)] | None = None
    """Drawn pictures of a source, at most; None: as the base says."""
    stage1: tuple[str, ...] = ()
    """`NAME=VALUE` edits of every stage 1."""
    stage2: tuple[str, ...] = ()
    """`NAME=VALUE` edits of every stage 2."""
    parts: tuple[str, ...] = ()
    """`NAME=VALUE` edits of where the parts of every stage 1 are."""
    blip2: tuple[str, ...] = ()
    """`NAME=VALUE` edits of where the parts of BLIP-2 are."""
    data: tuple[str, ...] = ()
    """`NAME=PATH`: where a source of this name is read from."""

    tasks: tuple[str, ...] = ()
    """`TASK=PATH` and `TASK.images=DIR`: a benchmark's own files."""
    models: tuple[str, ...] = ()
    """`NAME=DIR`: a row's model that is there already, by the name of the row's model."""
    drawn: bool = False
    """Ask about drawn pictures where a task was given no files; the miniature always does."""

    @property
    def edits(self) -> list[str]:
        """Everything that was changed from the base's own settings."""
        texts = [f"{group}.{text}" for group in _GROUPS for text in getattr(self, group)]
        numbers = {"limit": self.limit, "max_pictures": self.max_pictures}
        return texts + [f"{name}={value}" for name, value in numbers.items() if value is not None]

    def given_model(self, name: str) -> str | None:
        """Return the directory of a model that is not to be trained, if one was given."""
        return dict(text.split("=", 1) for text in self.models).get(name)

    @property
    def asks_drawn(self) -> bool:
        """Whether a task without files of its own is asked about drawn pictures."""
        return self.drawn or self.base == "miniature"

    def task_places(self, task: str) -> dict[str, str]:
        """Return the settings of a task that say where its files are."""
        named = dict(text.split("=", 1) for text in self.tasks)
        places = {"data": named.get(task), "images": named.get(f"{task}.images")}
        return {name: place for name, place in places.items() if place}

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """The seeds of the trainings."""
        return tuple(range(FIRST_SEED, FIRST_SEED + self.seeds))


def table_settings(
    overrides: Iterable[str] = (), *, base: str = "miniature", seeds: int = 1
) -> TableSettings:
    """Return the settings with `NAME=VALUE` texts applied.

    Raises:
        SettingsError: for an unknown base or name.
    """
    find_base(base)
    groups: dict[str, list[str]] = {group: [] for group in _GROUPS}
    own: list[str] = []
    for text in overrides:
        group, dot, rest = text.partition("=")[0].partition(".")
        if dot and group in groups and rest:
            groups[group].append(text.partition(".")[2])
        elif group in groups:
            raise SettingsError(f"--set {text}: {group} has names below it, as {group}.NAME=VALUE")
        else:
            own.append(text)
    grouped: dict[str, Any] = {group: tuple(texts) for group, texts in groups.items()}
    settings = TableSettings(base=base, seeds=seeds, **grouped)
    settings = apply_overrides(settings, own)
    names = {model.name for model in ROW_MODELS}
    for text in settings.models:
        if text.partition("=")[0] not in names:
            raise SettingsError(
                f"--set models.{text}: no row has such a model; there are "
                f"{', '.join(sorted(names))}"
            )
    known = _source_names(settings)
    for text in settings.data:
        if text.partition("=")[0] not in known:
            raise SettingsError(
                f"--set data.{text}: no row on {settings.base} has such a source; there are "
                f"{', '.join(sorted(known))}"
            )
    return settings


def experiment_of(training: Training, settings: TableSettings, *, seed: int) -> AlignmentExperiment:
    """Return a training's experiment with the edits that all rows share."""
    experiment = replace(training.build(settings.base), seed=seed)
    if experiment.stage == 1:
        experiment = apply_overrides(experiment, settings.stage1)
        model = apply_overrides(experiment.model, settings.parts)
        experiment = replace(experiment, model=model)
    else:
        experiment = apply_overrides(experiment, settings.stage2)
    if training.after is None and experiment.stage == 2:
        experiment = replace(experiment, model=blip2_parts(settings))
    return replace(
        experiment,
        data=_placed(experiment.data, settings),
        validation=_placed(experiment.validation, settings),
    )


def blip2_parts(settings: TableSettings) -> ModelSettings:
    """Return where the parts of the base's BLIP-2 are."""
    return apply_overrides(find_base(settings.base).blip2, settings.blip2)


def _placed(sources: dict, settings: TableSettings) -> dict:
    places = dict(text.split("=", 1) for text in settings.data)
    placed = {}
    for name, source in sources.items():
        path = places.get(name) or source.path
        placed[name] = replace(source, path=_fewer(path, settings.max_pictures))
    return placed


def _fewer(path: str, most: int | None) -> str:
    """Return a drawn source's name with at most so many pictures."""
    if most is None or not path.startswith("world:"):
        return path
    front, _, count = path.rpartition("count=")
    return f"{front}count={min(int(count), most)}" if front else path


def _source_names(settings: TableSettings) -> set[str]:
    return {
        name for training in trainings_of(ROW_MODELS) for name in training.build(settings.base).data
    }
