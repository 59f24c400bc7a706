"""Options that several commands share: those of everything that starts from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minigpt4.recipes import RECIPES

RecipeArgument = Annotated[str, typer.Argument(help=f"One of: {', '.join(RECIPES)}.")]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change a setting, e.g. num_steps=120."),
]
BaseOption = Annotated[
    str | None,
    typer.Option("--base", help="Run a table's row on: vicuna_7b, vicuna_13b, miniature."),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="JSON or YAML file of settings.")
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, mps.")]
