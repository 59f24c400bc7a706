"""The whole paper by one command: train all rows, score all tables, answer all figures.

    minigpt4 reproduce --base miniature             one seed, at most 90 minutes on two cores
    minigpt4 reproduce --base miniature --seeds 3   three trainings of each row
    minigpt4 reproduce --base miniature --jobs 4    four rows at a time

Everything is found again by the next call: trainings by their settings, answers by model, picture
and prompt. So a run that was stopped goes on, and a finished one writes its report again in
minutes.

Paper: all of it.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

from minigpt4.errors import MiniGPT4Error, StoppedError
from minigpt4.recipes.ahead import work_ahead
from minigpt4.recipes.budget import planned_seconds
from minigpt4.recipes.experiment import git_commit
from minigpt4.recipes.extra_measures import (
    PLACES,
    measure_agreement,
    measure_alignment,
    measure_places,
    measure_sameness,
)
from minigpt4.recipes.figure import FigureResult, run_figure
from minigpt4.recipes.figures import FIGURES
from minigpt4.recipes.paper_findings import decide_findings
from minigpt4.recipes.results import Results
from minigpt4.recipes.row_models import LOCNA, MINIGPT4, ROW_MODELS, trainings_of
from minigpt4.recipes.table import Failures, Scorer, Scores, run_table
from minigpt4.recipes.table_runs import RunRecord, Runs, training_job
from minigpt4.recipes.table_settings import TableSettings
from minigpt4.recipes.tables import TABLES
from minigpt4.recipes.watch import Schedule

T = TypeVar("T")


def reproduce(
    runs: Runs, *, schedule: Schedule | None = None, command: str = "", num_jobs: int = 1
) -> Results:
    """Do everything and return what was found.

    Args:
        schedule: of `plan_reproduction`; it also says what was spent.
        num_jobs: trainings and models at a time, each in a process of its own.

    Raises:
        SettingsError: at once, if parts or data are missing.
        StoppedError: when a signal stops a training; the same call goes on.
    """
    settings, began = runs.settings, time.monotonic()
    tasks = {task: None for table in TABLES.values() for task in table.tasks}
    runs.check(ROW_MODELS, tasks=[*tasks, *PLACES])
    if num_jobs > 1:
        runs.note_failures(work_ahead(runs, num_jobs=num_jobs))
    scorer, failures = Scorer(runs, runs.folder / "answers"), Failures()
    to_train = [model for model in ROW_MODELS if not settings.given_model(model.name)]
    for training in trainings_of(to_train):
        for seed in settings.all_seeds:
            _attempt(
                training_job(training, seed), lambda t=training, s=seed: runs.train(t, s), failures
            )
    tables = {n: run_table(table, scorer, failures=failures) for n, table in TABLES.items()}
    figures = {}
    for number, figure in FIGURES.items():
        found = _attempt(
            f"Figure {number}", lambda figure=figure: run_figure(figure, scorer), failures
        )
        figures[number] = found or FigureResult(figure=figure, missing="failed")
    gaps: dict[str, Scores] = {}
    alike: Scores = {}
    if settings.asks_drawn:
        gaps = _attempt("alignment gap", lambda: measure_alignment(scorer), failures) or {}
        models = (LOCNA, MINIGPT4)
        alike = _attempt("sameness", lambda: measure_sameness(scorer, models), failures) or {}
    results = Results(
        settings=settings,
        tables=tables,
        figures=figures,
        alignment=gaps,
        sameness=alike,
        spatial=_attempt("places", lambda: measure_places(scorer), failures) or {},
        agreements=_attempt("agreement", lambda: measure_agreement(scorer), failures) or (),
        trainings=training_records(runs),
        failures=failures,
        seconds=dict(schedule.spent_seconds) if schedule else {},
        planned=dict(schedule.planned_seconds) if schedule else {},
        wall_seconds=time.monotonic() - began,
        num_jobs=num_jobs,
        command=command,
        versions=_versions(),
        commit=git_commit(Path(__file__).parents[3]) or "",
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    return replace(results, findings=decide_findings(results))


def plan_reproduction(settings: TableSettings) -> Schedule:
    """Return all jobs with their share of the budget."""
    return Schedule(planned_seconds=planned_seconds(settings))


def training_records(runs: Runs) -> tuple[RunRecord, ...]:
    """Return what all finished trainings wrote down."""
    found = [
        runs.record(training, seed)
        for training in trainings_of(ROW_MODELS)
        for seed in runs.settings.all_seeds
    ]
    return tuple(record for record in found if record is not None)


def _attempt(name: str, work: Callable[[], T], failures: Failures) -> T | None:
    """Do a part of the whole; note its error and go on, for the other parts may be fine."""
    try:
        return work()
    except StoppedError:
        raise
    except MiniGPT4Error as error:
        failures[name] = str(error)
        return None


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in ("minigpt4", "torch", "transformers", "tokenizers", "pillow", "peft"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions
