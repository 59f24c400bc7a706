"""`minigpt4 reproduce`: all tables and figures of the paper, and the report that shows them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from minigpt4.cli.options import DeviceOption
from minigpt4.cli.table import (
    DEFAULT_RUNS,
    BaseOption,
    OverridesOption,
    RunsOption,
    SeedsOption,
)

QUICK = (
    "max_pictures=16", "limit=2", "stage1.num_steps=2", "stage1.batch_size=2",
    "stage2.num_steps=2", "stage2.batch_size=2",
)  # fmt: skip


def reproduce(
    base: BaseOption = "miniature",
    seeds: SeedsOption = 1,
    out: Annotated[Path, typer.Option("--out", help="Folder of the report.")] = Path("report"),
    docs: Annotated[
        Path | None, typer.Option("--docs", help="Write paper.md and the report here too.")
    ] = None,
    overrides: OverridesOption = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Two steps, two questions: only to see that it works.")
    ] = False,
    jobs: Annotated[
        int, typer.Option(min=1, help="Rows at a time, each in a process with its share of cores.")
    ] = 1,
    runs: RunsOption = DEFAULT_RUNS,
    plan: Annotated[bool, typer.Option("--plan", help="Print the budget and stop.")] = False,
    device: DeviceOption = "auto",
) -> None:
    """Train every row, score every table, answer every figure, decide every finding.

    The miniature with one seed is planned for 90 minutes on two cores. What is finished is used
    again: after Ctrl-C or a crash the same command goes on.
    """
    from minigpt4.cli.watching import Terminal, stoppable
    from minigpt4.recipes.reproduce import plan_reproduction
    from minigpt4.recipes.reproduce import reproduce as run_all
    from minigpt4.recipes.table_runs import Runs
    from minigpt4.recipes.table_settings import table_settings
    from minigpt4.recipes.watch import in_words

    settings = table_settings(
        [*(QUICK if quick else ()), *(overrides or ())], base=base, seeds=seeds
    )
    schedule = plan_reproduction(settings)
    if plan:
        for job, seconds in schedule.planned_seconds.items():
            print(f"{in_words(seconds):>8}  {job}")
    total = in_words(sum(schedule.planned_seconds.values()))
    print(f"{len(schedule.planned_seconds)} jobs, planned for {total}", file=sys.stderr)
    if plan:
        return
    with stoppable():
        results = run_all(
            Runs(settings, runs, device=device, watch=Terminal(schedule)),
            schedule=schedule,
            command=_command(base, seeds, jobs, quick=quick, overrides=overrides or []),
            num_jobs=jobs,
        )
    from minigpt4.evaluation.answer_store import write_whole
    from minigpt4.recipes.report.page import report_page
    from minigpt4.recipes.report.paper_doc import paper_doc

    page = report_page(results)
    numbers = json.dumps(results.as_json(), indent=1) + "\n"
    write_whole(out / "results.json", numbers)
    write_whole(out / "index.html", page)
    write_whole(out / "paper.md", paper_doc(results, report="index.html"))
    if docs is not None:
        write_whole(docs / "report" / "index.html", page)
        write_whole(docs / "report" / "results.json", numbers)
        write_whole(docs / "paper.md", paper_doc(results, report="report/index.html"))
    for finding in results.findings:
        print(f"{finding.outcome:>9}  {finding.number}. {finding.statement}")
    print(f"The report is in {out / 'index.html'}")
    for name, error in results.failures.items():
        print(f"minigpt4: failed, and missing in the report: {name}: {error}", file=sys.stderr)
    if results.failures:
        raise typer.Exit(1)


def _command(base: str, seeds: int, jobs: int, *, quick: bool, overrides: list[str]) -> str:
    parts = ["minigpt4 reproduce", f"--base {base}"]
    parts += [f"--seeds {seeds}"] if seeds > 1 else []
    parts += [f"--jobs {jobs}"] if jobs > 1 else []
    parts += ["--quick"] if quick else []
    return " ".join([*parts, *(f"--set {text}" for text in overrides)])
