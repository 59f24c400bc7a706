"""What a table of the paper is: rows, what is measured of them, and the numbers printed there.

A row is a model (an edit of the base, see `row_models`), a column is one score of one task. The
printed numbers stay texts: they are shown beside ours, labelled as the paper's, and nothing is ever
computed with them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from minigpt4.errors import MiniGPT4Error, SettingsError, StoppedError
from minigpt4.evaluation.score import Score
from minigpt4.recipes.row_models import RowModel
from minigpt4.recipes.table_runs import Runs
from minigpt4.recipes.table_settings import TableSettings

Scores = dict[str, Score]
Unit = Literal["percent", "number"]
Failures = dict[str, str]
"""What could not be run, and the error."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One score of one task."""

    title: str
    task: str
    """Name of the task in `evaluation/tasks/`."""
    key: str
    """Name of the score among those of the task."""
    drawn_key: str = ""
    """The same on drawn pictures, where models answer in sentences; "": no other."""
    unit: Unit = "percent"
    """How it is printed; shares are between 0 and 1 inside."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the task; `limit` is for drawn pictures, official files are asked as the task
    says."""
    miniature_prompt: str | None = None
    """Asked of the miniature's models in the place of the prompt in `options`; None: that one."""

    def options_on(self, base: str) -> Mapping[str, Any]:
        """Return the settings of the task for the models of a base."""
        if base != "miniature" or self.miniature_prompt is None:
            return self.options
        return {**self.options, "prompt": self.miniature_prompt}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model, with the numbers that the paper prints for it."""

    model: RowModel
    printed: tuple[str, ...] = ()
    """The paper's numbers, one a column; empty: the paper has no such row."""
    title: str = ""
    """In the place of the model's own."""
    columns: Mapping[str, Column] = field(default_factory=dict)
    """By title: what is measured of this row in the place of the table's own column."""

    @property
    def name(self) -> str:
        """What stands at the beginning of the row."""
        return self.title or self.model.title


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table of the paper."""

    number: int
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    module: str
    """Where it is defined."""
    note: str = ""
    """What differs from the paper's conditions."""

    @property
    def models(self) -> list[RowModel]:
        """The models of the rows, each once."""
        return list({row.model.name: row.model for row in self.rows}.values())

    @property
    def tasks(self) -> list[str]:
        """The tasks of all cells, each once."""
        return list({self.column_of(row, c).task: None for row in self.rows for c in self.columns})

    def column_of(self, row: Row, column: Column) -> Column:
        """Return what is measured of a row in a column."""
        return row.columns.get(column.title, column)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One number of ours, or why there is none."""

    score: Score | None
    """Over all seeds; None: not run, or nothing was counted."""
    by_seed: tuple[Score, ...] = ()
    missing: str = "not run"
    """What stands in the place of a number."""


@dataclass(frozen=True, kw_only=True)
class TableResult:
    """A table with our numbers; a row that was not run has none."""

    table: Table
    cells: tuple[tuple[Cell, ...], ...]

    def score(self, model: RowModel, title: str) -> Score | None:
        """Return the score of the first row of a model in the column of that title."""
        for row, cells in zip(self.table.rows, self.cells, strict=True):
            if row.model.name == model.name:
                return self.cell(cells, title).score
        return None

    def score_of(self, name: str, title: str) -> Score | None:
        """Return the score of the row of that name in the column of that title."""
        for row, cells in zip(self.table.rows, self.cells, strict=True):
            if row.name == name:
                return self.cell(cells, title).score
        return None

    def cell(self, cells: Sequence[Cell], title: str) -> Cell:
        """Return the cell of a row under a title."""
        titles = [column.title for column in self.table.columns]
        return cells[titles.index(title)]

    def as_json(self) -> dict[str, Any]:
        """Return ours and the paper's numbers as plain values, kept apart by name."""
        rows = []
        for row, cells in zip(self.table.rows, self.cells, strict=True):
            values = [
                {
                    "column": column.title,
                    "ours": None if cell.score is None else asdict(cell.score),
                    "by_seed": [asdict(score) for score in cell.by_seed],
                    "missing": cell.missing if cell.score is None else "",
                    "printed_in_the_paper": row.printed[place] if row.printed else None,
                }
                for place, (column, cell) in enumerate(zip(self.table.columns, cells, strict=True))
            ]
            rows.append({"row": row.name, "model": row.model.name, "values": values})
        return {"table": self.table.number, "title": self.table.title, "rows": rows}


class Evaluate(Protocol):
    """How a task is put to a model: `evaluation.runner.evaluate`."""

    def __call__(
        self, task: str, model: Any, *, out: Path, limit: int | None, **settings: Any
    ) -> Scores: ...


class Scorer:
    """Scores models on tasks; one large model in memory at a time, small ones all together."""

    def __init__(
        self,
        runs: Runs,
        out: Path,
        *,
        evaluate: Evaluate | None = None,
        load: Callable[[Path], Any] | None = None,
    ) -> None:
        self.runs, self.out = runs, out
        self._evaluate = evaluate or _evaluate
        self._load = load or self._load_model
        self._loaded: dict[Path, Any] = {}

    def loaded(self, model: RowModel, seed: int) -> Any:
        """Return a row's model, trained if it has to be; large ones before it are let go."""
        directory = self.runs.model(model, seed)
        if directory not in self._loaded:
            if self.runs.settings.base != "miniature":
                self._loaded.clear()  # before the next one comes into memory
            self._loaded[directory] = self._load(directory)
        return self._loaded[directory]

    def scores(self, model: RowModel, seed: int, task: str, options: Mapping[str, Any]) -> Scores:
        """Return the scores of one model on one task."""
        loaded = self.loaded(model, seed)
        began, job = time.monotonic(), scoring_job(model, seed, task, options)
        places = self.runs.settings.task_places(task)
        settings = {**places, **options}
        limit = settings.pop("limit", None)
        if "data" in places:
            limit = None  # the whole benchmark, or as many as the paper took
        if self.runs.settings.limit is not None:
            limit = min(limit or self.runs.settings.limit, self.runs.settings.limit)
        watch = self.runs.watch
        watch.begin(job)
        scores = self._evaluate(
            task, loaded, out=self.out, limit=limit, report=watch.advance, **settings
        )
        watch.end(job, time.monotonic() - began)
        return scores

    def _load_model(self, directory: Path) -> Any:
        from minigpt4.model.loading import load

        return load(directory, device=self.runs.device)


def scoring_job(model: RowModel, seed: int, task: str, options: Mapping[str, Any]) -> str:
    """Name the scoring of a model on a task for those who watch."""
    chosen = ", ".join(options.get("only", ()))
    return f"score {model.name}, seed {seed}: {task}{f' ({chosen})' if chosen else ''}"


def run_table(
    table: Table,
    scorer: Scorer,
    *,
    only: Sequence[str] = (),
    failures: Failures | None = None,
) -> TableResult:
    """Train what is missing, score every row with every seed, and return the whole table.

    Args:
        only: names of the models whose rows are run; the others say that they were not. Empty: all.
        failures: takes up the error of a row that fails, so that the others are still run; the
            row says why it has no numbers. None: an error ends the table.
    """
    rows = []
    for row in table.rows:
        if only and row.model.name not in only:
            rows.append(tuple(Cell(score=None) for _ in table.columns))
            continue
        try:
            rows.append(_run_row(table, row, scorer))
        except MiniGPT4Error as error:
            if failures is None or isinstance(error, StoppedError):
                raise
            failures[f"Table {table.number}, {row.name}"] = str(error)
            rows.append(tuple(Cell(score=None, missing="failed") for _ in table.columns))
    return TableResult(table=table, cells=tuple(rows))


def _run_row(table: Table, row: Row, scorer: Scorer) -> tuple[Cell, ...]:
    seeds = scorer.runs.settings.all_seeds
    given = scorer.runs.settings.given_model(row.model.name)
    row_seeds = seeds if row.model.training is not None and not given else seeds[:1]
    measured: dict[str, list[Scores]] = {}
    cells = []
    for column in table.columns:
        own = table.column_of(row, column)
        options = own.options_on(scorer.runs.settings.base)
        name = f"{own.task} {sorted(options.items())}"
        if name not in measured:
            measured[name] = [
                scorer.scores(row.model, seed, own.task, options) for seed in row_seeds
            ]
        key = _key(own, scorer.runs.settings)
        found = [scores[key] for scores in measured[name] if key in scores]
        cells.append(_cell(found, own, measured[name]))
    return tuple(cells)


def not_run(table: Table, why: str = "not run") -> TableResult:
    """Return a table of which no row was run."""
    empty = tuple(Cell(score=None, missing=why) for _ in table.columns)
    return TableResult(table=table, cells=tuple(empty for _ in table.rows))


def join_seeds(scores: Sequence[Score]) -> Score:
    """Return the mean over seeds; the interval holds the chance of pictures and of trainings.

    All seeds answer about the same pictures, so the pictures' share of the interval is that of one
    seed; the trainings' share is that of a mean of so many (Student's t).
    """
    count = len(scores)
    if count == 1:
        return scores[0]
    value = sum(score.value for score in scores) / count
    variance = sum((score.value - value) ** 2 for score in scores) / (count - 1)
    trained = _STUDENT_95.get(count, 2.23) * math.sqrt(variance / count)
    low = sum(score.value - score.interval[0] for score in scores) / count
    high = sum(score.interval[1] - score.value for score in scores) / count
    return Score(
        value=value,
        count=scores[0].count,
        interval=(value - math.hypot(low, trained), value + math.hypot(high, trained)),
        unparsable=sum(score.unparsable for score in scores) / count,
        prompt_hash=scores[0].prompt_hash,
        judge_hash=scores[0].judge_hash,
    )


_STUDENT_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}
"""Student's t that holds 95 %, by the number of seeds; with more of them, that of 11."""


def _key(column: Column, settings: TableSettings) -> str:
    drawn = settings.asks_drawn and not settings.task_places(column.task)
    return column.drawn_key or column.key if drawn else column.key


def _cell(found: Sequence[Score], column: Column, measured: Sequence[Scores]) -> Cell:
    if found:
        return Cell(score=join_seeds(found), by_seed=tuple(found))
    known = sorted({name for scores in measured for name in scores})
    if known:
        return Cell(score=None, missing="nothing to count")
    raise SettingsError(
        f"task {column.task} gave no scores at all, where {column.key!r} was wanted; ask more "
        "questions with a larger limit"
    )


def _evaluate(task: str, model: Any, *, out: Path, limit: int | None, **settings: Any) -> Scores:
    from minigpt4.evaluation.runner import evaluate

    return evaluate(task, model, out=out, limit=limit, **settings)
