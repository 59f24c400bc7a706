"""`minigpt4 cache`: run the frozen encoder once over the pictures of a recipe."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from minigpt4.cli.options import (
    BaseOption,
    ConfigOption,
    DeviceOption,
    OverridesOption,
    RecipeArgument,
)

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Keep what the frozen encoder makes of a recipe's pictures.",
)


@app.command()
def build(
    recipe: RecipeArgument,
    out: Annotated[Path, typer.Option("--out", help="Folder of the cache; it may grow.")],
    overrides: OverridesOption = None,
    base: BaseOption = None,
    config: ConfigOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Encode every picture of a recipe's data that is not in the folder yet.

    A build that was stopped goes on with the same command. Under torchrun each process takes its
    share. Train from it with --set features=DIR.
    """
    from minigpt4.recipes.cached_features import cache_inputs
    from minigpt4.recipes.experiment import build_experiment, find_recipe
    from minigpt4.training.features import build_cache

    experiment = build_experiment(
        find_recipe(recipe), base=base, config_file=config, overrides=overrides or ()
    )
    model, sources = cache_inputs(experiment, device=device)
    process = int(os.environ.get("RANK", "0"))
    report = build_cache(
        model,
        sources,
        out,
        process=process,
        num_processes=int(os.environ.get("WORLD_SIZE", "1")),
        progress=None if process == 0 else False,
    )
    if report.skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in report.skipped.items())
        print(f"minigpt4: skipped {sum(report.skipped.values())}: {reasons}", file=sys.stderr)
    print(
        f"{report.num_encoded} pictures encoded, {report.num_known} of {report.num_examples} "
        f"examples had theirs already; train with --set features={out}"
    )


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(help="A folder of `minigpt4 cache build`.")],
) -> None:
    """Say how many pictures a cache holds, its size, and what it was made with."""
    from minigpt4.data.feature_cache import FeatureCache

    cache = FeatureCache(folder)
    num_bytes = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    print(f"{len(cache)} pictures, {num_bytes / 1e6:.1f} MB")
    for name, value in cache.identity.items():
        print(f"{name}: {value}")
