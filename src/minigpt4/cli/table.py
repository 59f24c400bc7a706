"""`minigpt4 table N`: train what a table of the paper needs, score it, print ours beside theirs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minigpt4.cli.options import DeviceOption

if TYPE_CHECKING:
    from minigpt4.recipes.row_models import RowModel
    from minigpt4.recipes.table import Table, TableResult
    from minigpt4.recipes.table_runs import Runs

OverridesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE",
        help="Change what all rows share: stage1.num_steps=400, parts.llm=DIR, data.laion=PATH, "
        "tasks.aokvqa=PATH, limit=20 ...",
    ),
]  # fmt: skip
BaseOption = Annotated[
    str, typer.Option("--base", help="The model: miniature, vicuna_7b, vicuna_13b.")
]
SeedsOption = Annotated[int, typer.Option("--seeds", min=1, help="Trainings of each row.")]
RunsOption = Annotated[
    Path, typer.Option("--runs", help="Folder of trainings and answers, which commands share.")
]
DEFAULT_RUNS = Path("runs/tables")


def table(
    number: Annotated[int, typer.Argument(min=1, max=6, help="The table's number in the paper.")],
    base: BaseOption = "miniature",
    seeds: SeedsOption = 1,
    overrides: OverridesOption = None,
    runs: RunsOption = DEFAULT_RUNS,
    rows: Annotated[
        list[str] | None,
        typer.Option("--row", metavar="MODEL", help="Only rows of this model, e.g. minigpt4."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all numbers to this file too.")
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="List the trainings with their folders and stop.")
    ] = False,
    device: DeviceOption = "auto",
) -> None:
    """Print a table of the paper with our numbers; trainings that are finished are used again.

    Ctrl-C in a training saves a checkpoint; the same command goes on from there.
    """
    from rich.console import Console

    from minigpt4.cli.watching import Terminal, stoppable
    from minigpt4.recipes.table import Scorer, run_table
    from minigpt4.recipes.table_runs import Runs
    from minigpt4.recipes.table_settings import table_settings
    from minigpt4.recipes.tables import find_table

    found = find_table(number)
    settings = table_settings(overrides or (), base=base, seeds=seeds)
    prepared = Runs(settings, runs, device=device, watch=Terminal())
    if plan:
        for line in plan_lines(prepared, found):
            print(line)
        return
    wanted = chosen_models(found, rows or ())
    prepared.check(wanted, tasks=found.tasks)
    with stoppable():
        scorer = Scorer(prepared, runs / "answers")
        result = run_table(found, scorer, only=[model.name for model in wanted])
    if json_file is not None:
        from minigpt4.evaluation.answer_store import write_whole

        write_whole(json_file, json.dumps(result.as_json(), indent=1) + "\n")
    console = Console()
    console.print(rich_table(result, base=base, seeds=seeds))
    console.print(found.note)


def chosen_models(table: Table, names: Sequence[str]) -> list[RowModel]:
    """Return the models of a table that are named; all without a name.

    Raises:
        SettingsError: for a name that no row of the table has.
    """
    from minigpt4.errors import SettingsError

    known = {model.name: model for model in table.models}
    if unknown := sorted(set(names) - set(known)):
        raise SettingsError(
            f"Table {table.number} has no row of {unknown[0]!r}; its models: {', '.join(known)}"
        )
    return [known[name] for name in names] or table.models


def plan_lines(runs: Runs, table: Table) -> list[str]:
    """Return a line for each training of a table: what is there already, and where.

    A model that was trained elsewhere, on many devices say, counts when it is put there.
    """
    from minigpt4.recipes.row_models import trainings_of

    lines = []
    for training in trainings_of(table.models):
        for seed in runs.settings.all_seeds:
            done = "finished" if runs.is_finished(training, seed) else "to train"
            folder = runs.run_folder(training, seed) / "model"
            lines.append(f"{done}  {training.name}, seed {seed}: {folder}")
    return lines


def rich_table(result: TableResult, *, base: str, seeds: int) -> Any:
    """Return a table for the terminal: a line of ours and a line of the paper's for each row."""
    from rich.table import Table as RichTable

    from minigpt4.recipes.table_text import interval_text, value_text

    table = result.table
    seeded = f", {seeds} seeds" if seeds > 1 else ""
    shown = RichTable(
        title=f"Table {table.number}: {table.title}\nours on {base}{seeded}; [95 % interval]"
    )
    shown.add_column("")
    shown.add_column("")
    for column in table.columns:
        shown.add_column(column.title, justify="right", no_wrap=True)
    for row, cells in zip(table.rows, result.cells, strict=True):
        ours = [
            cell.missing
            if cell.score is None
            else f"{value_text(cell.score, column.unit)}\n{interval_text(cell.score, column.unit)}"
            for cell, column in zip(cells, table.columns, strict=True)
        ]
        shown.add_row(row.name, "ours", *ours)
        shown.add_row("", "the paper's", *(row.printed or ["-"] * len(ours)), style="dim")
    return shown
