"""From a recipe's name to a run on disk that can be repeated.

Settings come from the recipe's function, then from a file, then from `--set`; what was run is
written to `experiment.json` with the versions, the git commit and the data's fingerprints.
"""

from __future__ import annotations

import difflib
import inspect
import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Protocol

import yaml

from minigpt4.config import apply_overrides, build_config, check_known_keys, dump_config
from minigpt4.errors import SettingsError, TrainingError
from minigpt4.recipes import RECIPES

EXPERIMENT = "experiment.json"
DEFAULT_BASE = "vicuna_7b"
"""What the rows of the paper's tables are edits of, unless told otherwise."""

_RECORDED_PACKAGES = (
    "minigpt4", "torch", "transformers", "tokenizers", "accelerate", "peft", "pillow",
)  # fmt: skip


class RunRecipe(Protocol):
    """How a recipe's module runs one of its experiments."""

    def __call__(self, experiment: Any, *, out: Path, resume: bool, device: str) -> Any: ...


@dataclass(frozen=True)
class Recipe:
    """A recipe found by name: what it builds and how it is run."""

    name: str
    build: Callable[..., Any]
    """Takes `base`, if the recipe is a row of a table."""
    run: RunRecipe
    data_fingerprints: Callable[[Any], dict[str, str]] | None = None


def find_recipe(name: str, *, table: Mapping[str, str] | None = None) -> Recipe:
    """Import a recipe by its name.

    Raises:
        SettingsError: for an unknown name; the nearest known one is named.
    """
    table = RECIPES if table is None else table
    if name not in table:
        close = difflib.get_close_matches(name, table, n=1, cutoff=0.4)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise SettingsError(f"no recipe {name!r}; {hint}Recipes: {', '.join(table)}")
    module_name, _, function = table[name].partition(":")
    module = import_module(module_name)
    return Recipe(
        name, getattr(module, function), module.run, getattr(module, "data_fingerprints", None)
    )


def build_experiment(
    recipe: Recipe,
    *,
    base: str | None = None,
    config_file: Path | None = None,
    overrides: Iterable[str] = (),
    resumed_from: Path | None = None,
) -> Any:
    """Return the recipe's experiment with a file's settings and then `a.b=c` texts over it.

    With `resumed_from`, a run folder, its own settings take the place of the recipe's.

    Raises:
        SettingsError: for a `base` given to a recipe that is no row of a table, among others.
    """
    if base is not None and "base" not in inspect.signature(recipe.build).parameters:
        raise SettingsError(f"{recipe.name} runs on no other base; leave out --base {base}")
    experiment = recipe.build() if base is None else recipe.build(base=base)
    if resumed_from is not None and (resumed_from / EXPERIMENT).is_file():
        experiment = _settings_of_run(resumed_from / EXPERIMENT, recipe.name, type(experiment))
    if config_file is not None:
        experiment = _with_file(experiment, config_file)
    return apply_overrides(experiment, overrides)


def run_name(recipe: str, base: str | None) -> str:
    """Return the name of a recipe's run folder, the same for the default base and for none."""
    return recipe if base in (None, DEFAULT_BASE) else f"{recipe}-{base}"


def check_out(out: Path, *, resume: bool) -> None:
    """Refuse a folder that holds something already, unless a run is resumed there.

    Raises:
        TrainingError: nothing in the folder is touched then.
    """
    if out.exists() and not out.is_dir():
        raise TrainingError(f"{out} is a file; give a folder with --out")
    if not resume and out.exists() and any(out.iterdir()):
        raise TrainingError(
            f"{out} is not empty; go on with --resume, or choose another folder with --out"
        )


def check_same_data(out: Path, data: Mapping[str, str]) -> None:
    """Compare the fingerprints of a resumed run's data with those that `experiment.json` records.

    Where files lie does not count, and what has no fingerprint on both sides is not compared.

    Raises:
        TrainingError: naming the sources that are not what they were.
    """
    path = out / EXPERIMENT
    if not path.is_file():
        return
    known = json.loads(path.read_text(encoding="utf-8")).get("data", {})
    changed = [
        f"{name}: {known[name]} -> {data[name]}"
        for name in sorted(known.keys() & data.keys())
        if None not in (pair := (_content(known[name]), _content(data[name])))
        and pair[0] != pair[1]
    ]
    if changed:
        raise TrainingError(
            f"{out} was started with other data ({'; '.join(changed)}), and would go on with other "
            "examples; put the data back as it was, or choose another --out"
        )


def write_experiment(
    out: Path, name: str, experiment: Any, *, data: Mapping[str, str] | None = None
) -> Path:
    """Write `experiment.json`: enough to repeat the run."""
    record = {
        "recipe": name,
        "settings": dump_config(experiment),
        "versions": {"python": platform.python_version()}
        | {package: _version(package) for package in _RECORDED_PACKAGES},
        "git_commit": git_commit(Path(__file__).parents[3]),
        "data": dict(data or {}),
    }
    out.mkdir(parents=True, exist_ok=True)
    path = out / EXPERIMENT
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    aside.replace(path)
    return path


def git_commit(checkout: Path) -> str | None:
    """Return the commit of a checkout, with "-dirty" if it has changes; None if it is none."""
    if not (checkout / ".git").exists():
        return None  # an installed package; a repository further up is somebody else's

    def git(*args: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(checkout), *args],
                capture_output=True,
                text=True,
                timeout=10,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None  # no git on this machine: the versions must do
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    if commit is None:
        return None
    return f"{commit}-dirty" if git("status", "--porcelain", "--untracked-files=no") else commit


def _content(fingerprint: str) -> str | None:
    """Return what a fingerprint says of the data itself; None if it only says where it is."""
    if " drawn by " in fingerprint:
        return fingerprint
    _, found, content = fingerprint.rpartition(" of ")
    return content if found else None


def _settings_of_run(path: Path, name: str, cls: type) -> Any:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        recipe, settings = record["recipe"], record["settings"]
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{path} is not what a run writes: {error!r}") from error
    if recipe != name:
        raise SettingsError(
            f"{path.parent} is a run of {recipe!r}, not of {name!r}; give its recipe, or another "
            "folder with --out"
        )
    return build_config(cls, settings, where=str(path))


def _with_file(experiment: Any, path: Path) -> Any:
    if not path.is_file():
        raise SettingsError(f"no settings file at {path}; give a .json or .yaml file")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML too
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is neither JSON nor YAML: {error}") from error
    if not isinstance(values, Mapping):
        raise SettingsError(f"{path} holds a {type(values).__name__}; wanted a mapping of settings")
    check_known_keys(type(experiment), values, where=str(path))
    merged = _merge(dump_config(experiment), values)
    return build_config(type(experiment), merged, where=str(path))


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if nested else value
    return merged


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
