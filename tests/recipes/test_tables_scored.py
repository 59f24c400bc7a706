"""Every column of every table names a score that its task gives, on a real model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from minigpt4.evaluation.runner import evaluate
from minigpt4.model.loading import load
from minigpt4.recipes.extra_measures import PLACES, measure_places, sameness
from minigpt4.recipes.row_models import MINIGPT4, RowModel
from minigpt4.recipes.table import Scorer, Table, run_table
from minigpt4.recipes.table_settings import table_settings
from minigpt4.recipes.tables import TABLES
from minigpt4.recipes.watch import Nobody


@pytest.fixture(scope="module")
def model() -> Any:
    """The shipped miniature, in the place of every row's model."""
    return load("miniature", device="cpu")


@pytest.fixture
def scorer(model: Any, tmp_path: Path) -> Scorer:
    """Two questions of each task."""

    def directory(row: RowModel, seed: int) -> Path:
        return Path(row.name)

    runs: Any = SimpleNamespace(
        settings=table_settings(["limit=2"]), watch=Nobody(), device="cpu", model=directory
    )
    return Scorer(runs, tmp_path, evaluate=evaluate, load=lambda path: model)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "table",
    [
        table if number == 6 else pytest.param(table, marks=pytest.mark.slow)
        for number, table in TABLES.items()
    ],
    ids=lambda table: f"table{table.number}",
)
def test_every_cell_gets_a_number(table: Table, scorer: Scorer) -> None:
    result = run_table(table, scorer)
    for row, cells in zip(table.rows, result.cells, strict=True):
        for column, cell in zip(table.columns, cells, strict=True):
            # Two answers may name nothing, and then there is nothing to be made up.
            assert cell.score is not None or column.title == "CHAIR_i", (row.name, column.title)
            if cell.score is not None:
                assert cell.score.interval[0] <= cell.score.value <= cell.score.interval[1]


@pytest.mark.slow
def test_places_and_presence_are_both_measured(scorer: Scorer) -> None:
    assert measure_places(scorer).keys() == PLACES.keys()
    assert MINIGPT4.training is not None


def test_sameness_of_equal_and_of_foreign_answers() -> None:
    equal = sameness(["a red cat sits"] * 4)
    foreign = sameness(["a red cat sits", "the blue dog ran home"])
    half = sameness(["a b c", "a b d"])  # 1 of 3 word pairs
    assert equal is not None
    assert foreign is not None
    assert half is not None
    assert (equal.value, foreign.value) == (1.0, 0.0)
    assert half.value == pytest.approx(1 / 3)
    assert sameness(["alone"]) is None
