"""`minigpt4 train RECIPE`: run a training recipe, or go on with one that was stopped."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from minigpt4.recipes import RECIPES


def train(
    recipe: Annotated[str, typer.Argument(help=f"One of: {', '.join(RECIPES)}.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a setting, e.g. num_steps=120."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the run; default runs/RECIPE.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint in --out.")
    ] = False,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    config: Annotated[
        Path | None, typer.Option("--config", help="JSON or YAML file of settings.")
    ] = None,
) -> None:
    """Run a recipe: metrics, a loss plot, checkpoints and the trained model go to --out.

    Ctrl-C and SIGTERM save a checkpoint first; the same command with --resume goes on from there.
    """
    from minigpt4.recipes.experiment import (
        build_experiment,
        check_out,
        find_recipe,
        write_experiment,
    )

    found = find_recipe(recipe)
    folder = out or Path("runs") / recipe
    experiment = build_experiment(
        found,
        config_file=config,
        overrides=overrides or (),
        resumed_from=folder if resume else None,
    )
    # Under torchrun every process runs this; the first one speaks and writes for all.
    is_first = os.environ.get("RANK", "0") == "0"
    if is_first:
        check_out(folder, resume=resume)
        data = found.data_fingerprints(experiment) if found.data_fingerprints else None
        write_experiment(folder, recipe, experiment, data=data)
    result = found.run(experiment, out=folder, resume=resume, device=device)
    finished = getattr(result, "finished", True)
    if is_first and finished:
        print(f"{recipe} is done; everything is in {folder}")
    elif is_first:
        again = f"minigpt4 train {recipe} --out {folder} --resume"
        print(f"stopped at step {result.step} with a checkpoint; go on: {again}", file=sys.stderr)
    if not finished:
        raise typer.Exit(130)
