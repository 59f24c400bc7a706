"""What a served model is called when nobody says: after its directory, or what holds it.

Recipes leave their model in OUT/model, so "model" alone says nothing; OUT is the run's name.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from minigpt4.model.hub import is_hub_name
from minigpt4.model.loading import PACKAGED

_SAYS_NOTHING = "model"


def model_name(model: str) -> str:
    """Return the name of a model directory, a shipped model, or `org/name` of the hub."""
    return distinct_names([model])[0]


def distinct_names(models: Sequence[str]) -> list[str]:
    """Return the names of several models, each as long as it takes to tell them apart."""
    all_parts = [_parts(model) for model in models]
    most = max(len(parts) for parts in all_parts)
    for num_parts in range(1, most + 1):
        names = ["/".join(parts[-num_parts:]) for parts in all_parts]
        if len(set(names)) == len(names):
            return names
    # The very same model twice, as to see its answers differ by chance.
    return [f"{name} ({number})" for number, name in enumerate(names, start=1)]


def _parts(model: str) -> tuple[str, ...]:
    """Return the parts of a model's path that say something, the telling one last."""
    if model in PACKAGED:
        return (model,)
    path = Path(model)
    if not path.is_dir() and is_hub_name(model):
        return tuple(model.partition("@")[0].split("/"))
    # Absolute, because "." and ".." are no names; a link keeps the name that it was given.
    parts = Path(os.path.abspath(path)).parts[1:]
    if len(parts) > 1 and parts[-1] == _SAYS_NOTHING:
        parts = parts[:-1]
    return parts or (_SAYS_NOTHING,)
