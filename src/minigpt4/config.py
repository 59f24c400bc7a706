"""Strict settings: frozen, keyword-only dataclasses whose unknown keys are errors.

A setting is declared once, beside the code it configures, with its default, its unit and its
meaning. `@config` makes the class; `load_config` and `dump_config` move it to and from JSON or
YAML; `apply_overrides` is what `--set a.b=c` means.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, dataclass_transform, get_args, get_origin, get_type_hints

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from minigpt4.errors import SettingsError

C = TypeVar("C")


@dataclass_transform(kw_only_default=True, frozen_default=True)
def config(cls: type[C]) -> type[C]:
    """Make `cls` a frozen, keyword-only settings class that forbids unknown keys."""
    return pydantic_dataclass(  # type: ignore[return-value]
        cls, frozen=True, kw_only=True, config=ConfigDict(extra="forbid")
    )


def build_config(cls: type[C], values: Mapping[str, Any], *, where: str = "settings") -> C:
    """Build a settings object from plain values.

    Raises:
        SettingsError: for an unknown key (the nearest known one is named) or an ill-typed value.
    """
    check_known_keys(cls, values, where=where)
    try:
        return TypeAdapter(cls).validate_python(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"{where}: {place or cls.__name__} is {first.get('input')!r}: {first['msg']}"
        ) from error


def check_known_keys(cls: type, values: Mapping[str, Any], *, where: str) -> None:
    """Raise a SettingsError for keys of `values` that `cls` does not have, at any depth."""
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key, value in values.items():
        if key not in fields:
            raise SettingsError(f"{where}: unknown key {key!r}{_nearest(key, fields)}")
        nested, is_mapping = _settings_class(cls, key)
        if nested is None or not isinstance(value, Mapping):
            continue
        named = value if is_mapping else {"": value}
        for name, inner in named.items():
            if isinstance(inner, Mapping):
                check_known_keys(nested, inner, where=".".join(filter(None, (where, key, name))))


def dump_config(settings: Any) -> dict[str, Any]:
    """Return the settings as plain JSON values."""
    return TypeAdapter(type(settings)).dump_python(settings, mode="json")


def load_config(cls: type[C], path: str | Path) -> C:
    """Read settings from a JSON or YAML file."""
    path = Path(path)
    if not path.is_file():
        raise SettingsError(f"no settings file at {path}; give a .json or .yaml file")
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} is not valid {path.suffix or 'YAML'}: {error}") from error
    if not isinstance(values, Mapping):
        raise SettingsError(f"{path} holds a {type(values).__name__}; wanted a mapping of settings")
    return build_config(cls, values, where=str(path))


def apply_overrides(settings: C, overrides: Iterable[str]) -> C:
    """Return the settings with `a.b=c` overrides applied; values are read as YAML scalars.

    Raises:
        SettingsError: for text without `=`, an unknown key or an ill-typed value.
    """
    values = dump_config(settings)
    for text in overrides:
        name, found, raw = text.partition("=")
        if not found or not name.strip():
            raise SettingsError(f"--set {text!r} has no name and value; write --set name=value")
        try:
            value = yaml.safe_load(raw)
        except yaml.YAMLError as error:
            raise SettingsError(f"--set {text!r}: {raw!r} is not a YAML value: {error}") from error
        _set(values, type(settings), name.strip().split("."), value, text)
    return build_config(type(settings), values, where="--set")


def _set(values: dict[str, Any], cls: type, path: list[str], value: Any, text: str) -> None:
    is_mapping = False
    for depth, key in enumerate(path):
        names = [field.name for field in dataclasses.fields(cls)]
        if key not in names and not is_mapping:
            raise SettingsError(f"--set {text}: unknown key {key!r}{_nearest(key, names)}")
        if depth == len(path) - 1:
            values[key] = value
            return
        if not is_mapping:
            nested, is_mapping = _settings_class(cls, key)
            if nested is None:
                raise SettingsError(f"--set {text}: {key!r} has no keys below it")
            cls = nested
        else:
            is_mapping = False  # the names of a mapping are free, the keys below them are not
        if not isinstance(values.get(key), dict):
            values[key] = {}
        values = values[key]


def _settings_class(cls: type, name: str) -> tuple[type | None, bool]:
    """Return the settings class of a field (or of its non-None alternative), if it has one.

    True beside it: the field is a mapping from free names to such settings.
    """
    hint = get_type_hints(cls)[name]
    alternatives = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    for candidate in alternatives:
        is_mapping = get_origin(candidate) is dict
        found = get_args(candidate)[1] if is_mapping else candidate
        if isinstance(found, type) and dataclasses.is_dataclass(found):
            return found, is_mapping
    return None, False


def _nearest(key: str, names: Iterable[str]) -> str:
    names = list(names)
    close = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(sorted(names))}"
