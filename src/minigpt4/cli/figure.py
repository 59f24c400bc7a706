"""`minigpt4 figure N`: the counterpart of a figure of the paper, answers side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minigpt4.cli.options import DeviceOption
from minigpt4.cli.table import DEFAULT_RUNS, BaseOption, OverridesOption, RunsOption


def figure(
    number: Annotated[int, typer.Argument(min=2, max=14, help="The figure's number in the paper.")],
    base: BaseOption = "miniature",
    overrides: OverridesOption = None,
    runs: RunsOption = DEFAULT_RUNS,
    out: Annotated[
        Path | None, typer.Option("--out", help="The page to write; default figure_N.html.")
    ] = None,
    pictures: Annotated[
        list[Path] | None,
        typer.Option("--picture", help="A picture of yours in the place of the drawn ones."),
    ] = None,
    device: DeviceOption = "auto",
) -> None:
    """Write one page: the same pictures, and what each model of the figure says about them.

    Trains what is missing first, as `minigpt4 table` does, and shares its runs.
    """
    from minigpt4.cli.watching import Terminal, stoppable
    from minigpt4.evaluation.answer_store import write_whole
    from minigpt4.recipes.figure import run_figure
    from minigpt4.recipes.figures import find_figure
    from minigpt4.recipes.report.page import figure_page
    from minigpt4.recipes.table import Scorer
    from minigpt4.recipes.table_runs import Runs
    from minigpt4.recipes.table_settings import table_settings

    found = find_figure(number)
    settings = table_settings(overrides or (), base=base)
    prepared = Runs(settings, runs, device=device, watch=Terminal())
    prepared.check(found.models)
    with stoppable():
        result = run_figure(found, Scorer(prepared, runs / "answers"), pictures=pictures or ())
    path = out or Path(f"figure_{number}.html")
    write_whole(path, figure_page(result, base=base))
    print(f"Figure {number} ({found.title}) is in {path}")
