"""`minigpt4 train RECIPE`: run a training recipe, or go on with one that was stopped."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from minigpt4.cli.options import (
    BaseOption,
    ConfigOption,
    DeviceOption,
    OverridesOption,
    RecipeArgument,
)


def train(
    recipe: RecipeArgument,
    overrides: OverridesOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the run; default runs/RECIPE.")
    ] = None,
    base: BaseOption = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint in --out.")
    ] = False,
    device: DeviceOption = "auto",
    config: ConfigOption = None,
) -> None:
    """Run a recipe: metrics, a loss plot, checkpoints and the trained model go to --out.

    Ctrl-C and SIGTERM save a checkpoint first; the same command with --resume goes on from there.
    Several devices: `torchrun --nproc-per-node N -m minigpt4 train ...` (docs/training.md).
    """
    from minigpt4.recipes.experiment import (
        build_experiment,
        check_out,
        check_same_data,
        find_recipe,
        run_name,
        write_experiment,
    )

    found = find_recipe(recipe)
    folder = out or Path("runs") / run_name(recipe, base)
    experiment = build_experiment(
        found,
        base=base,
        config_file=config,
        overrides=overrides or (),
        resumed_from=folder if resume else None,
    )
    from minigpt4.training.devices import local_device
    from minigpt4.training.processes import leave

    local_device(device)  # a device that is not there is an error before anything is written
    # Under torchrun every process runs this; the first one speaks and writes for all.
    is_first = os.environ.get("RANK", "0") == "0"
    if is_first:
        check_out(folder, resume=resume)
        data = found.data_fingerprints(experiment) if found.data_fingerprints else None
        if resume:
            check_same_data(folder, data or {})
        write_experiment(folder, recipe, experiment, data=data)
    result = found.run(experiment, out=folder, resume=resume, device=device)
    leave()
    finished = getattr(result, "finished", True)
    if is_first:
        for line in summary_lines(result):
            print(line)
    if is_first and finished:
        print(f"{recipe} is done; everything is in {folder}")
    elif is_first:
        again = f"minigpt4 train {recipe} --out {folder} --resume"
        print(f"stopped at step {result.step} with a checkpoint; go on: {again}", file=sys.stderr)
    if not finished:
        raise typer.Exit(130)


def summary_lines(result: Any) -> list[str]:
    """Return what is worth saying of a training: examples, loss, waiting, bad examples."""
    if not getattr(result, "num_examples", 0):
        return []
    loss = f", loss {result.loss:.4f}" if math.isfinite(result.loss) else ""
    lines = [f"{result.step} steps, {result.num_examples:,} examples{loss}"]
    if result.seconds:
        lines.append(
            f"{result.seconds:,.0f} s in steps, {result.waiting_share:.1%} of it waiting for data"
        )
    num_bad = sum(result.skipped.values())
    if num_bad:
        reasons = ", ".join(f"{number} {reason}" for reason, number in result.skipped.items())
        lines.append(f"{num_bad} bad examples were replaced by others: {reasons}")
    return lines
