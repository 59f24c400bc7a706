"""Say at once everything that the rows of a table lack on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from minigpt4.errors import SettingsError
from minigpt4.evaluation.task import find_task
from minigpt4.model.hub import is_hub_name
from minigpt4.model.loading import PACKAGED
from minigpt4.model.parts import ModelSettings
from minigpt4.recipes.row_models import Training
from minigpt4.recipes.table_settings import (
    FIRST_SEED,
    TableSettings,
    blip2_parts,
    experiment_of,
)

_PARTS = ("start", "vision_encoder", "qformer", "llm", "projection", "sizes")
_OUR_FOLDERS = ("weights/", "data/", "runs/")
"""Beginnings of paths that recipes name, although `org/name` of the hub looks the same."""


def check_present(
    trainings: Iterable[Training],
    settings: TableSettings,
    *,
    blip2: bool = False,
    tasks: Iterable[str] = (),
) -> None:
    """Check that parts and data of trainings are there, and the files of tasks.

    Args:
        trainings: those that are still to be run.
        blip2: whether BLIP-2 is needed as it is.
        tasks: the benchmarks that will be asked.

    Raises:
        SettingsError: naming everything that is missing, and the option that gives its place; or
            a task whose answers nobody here can judge.
    """
    missing: dict[str, str] = {}
    trainings = list(trainings)
    lora = [each.name for each in trainings if _uses_lora(each, settings)]
    if lora and find_spec("peft") is None:
        raise SettingsError(
            f"training {lora[0]} needs the package peft, which is not installed; run "
            "`pip install 'minigpt4[lora]'` (in a checkout: `pip install -e '.[lora]'`)"
        )
    if blip2:
        missing |= _missing_parts(blip2_parts(settings), "blip2")
    for training in trainings:
        experiment = experiment_of(training, settings, seed=FIRST_SEED)
        if training.after is None:
            group = "parts" if experiment.stage == 1 else "blip2"
            missing |= _missing_parts(experiment.model, group)
        for name, source in experiment.data.items():
            if not _data_is_there(source.path):
                missing[source.path] = f"--set data.{name}=PATH"
    for task in tasks:
        places = settings.task_places(task)
        judged = _needs_a_judge(task)
        if judged and "data" in places:
            raise SettingsError(
                f"--set tasks.{task}={places['data']}: the truth of these pictures is not known, "
                "and a table asks no person and no LLM. Score the models of `minigpt4 table N "
                f"--plan` with `minigpt4 evaluate {task} --model DIR --data {places['data']} "
                "--judge llm` (or person)"
            )
        if not places and not settings.asks_drawn:
            own = "" if judged else f"--set tasks.{task}=PATH, or "
            missing[f"the questions of {task}"] = f"{own}--set drawn=true"
        for name, place in places.items():
            if not Path(place).exists():
                option = task if name == "data" else f"{task}.{name}"
                missing[place] = f"--set tasks.{option}=PATH"
    if missing:
        listed = "; ".join(f"{place} ({option})" for place, option in missing.items())
        raise SettingsError(
            f"{settings.base} lacks {len(missing)} of its parts and data here: {listed}. Put them "
            "there or say with these options where they are"
        )


def _uses_lora(training: Training, settings: TableSettings) -> bool:
    """Tell whether a training adds low-rank updates to the LLM."""
    return experiment_of(training, settings, seed=FIRST_SEED).model.lora is not None


def _needs_a_judge(task: str) -> bool:
    """Tell whether a person or an LLM must judge the answers about pictures not drawn here."""
    found = find_task(task)
    return bool(found.judges) and not found.default_judges(drawn=False)


def _missing_parts(parts: ModelSettings, group: str) -> dict[str, str]:
    named = {name: getattr(parts, name) for name in _PARTS if getattr(parts, name)}
    if parts.use_qformer is False:
        named.pop("qformer", None)
    return {
        text: f"--set {group}.{name}=PATH" for name, text in named.items() if not _is_there(text)
    }


def _is_there(text: str) -> bool:
    if text in PACKAGED or Path(text).expanduser().exists():
        return True
    ours = text.startswith(_OUR_FOLDERS) or Path(text).suffix in (".pth", ".json", ".safetensors")
    return not ours and is_hub_name(text)


def _data_is_there(path: str) -> bool:
    """Tell whether all files and folders that a source names are there."""
    if path.startswith("world:"):
        return True
    text = re.sub(r"^[a-z][a-z0-9_]+:", "", path)
    for part in text.split(","):
        place = re.sub(r"^(images|annotations)=", "", part)
        if re.match(r"^(prompt|answer)=", part):
            continue
        front = place.partition("{")[0]
        found = Path(front).parent.is_dir() if front != place else Path(place).exists()
        if not found:
            return False
    return True
