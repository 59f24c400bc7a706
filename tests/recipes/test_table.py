from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from minigpt4.errors import DataError, SettingsError
from minigpt4.evaluation.score import Score, share_score
from minigpt4.recipes.row_models import (
    BEFORE_STAGE2,
    BLIP2,
    MINIATURE_BLIP2_PROMPT,
    MINIGPT4,
    ROW_MODELS,
)
from minigpt4.recipes.table import Scorer, join_seeds, not_run, run_table
from minigpt4.recipes.table5 import LONG, SHORT
from minigpt4.recipes.table_settings import table_settings
from minigpt4.recipes.tables import TABLES, find_table
from recipes.table_fakes import FakeRuns, FakeTasks

PRINTED = {
    (1, "BLIP-2"): ("0/25", "4/25", "1/25", "0/25", "5/100"),
    (1, "MiniGPT-4"): ("8/25", "18/25", "19/25", "20/25", "65/100"),
    (2, "BLIP-2"): ("27.5 %",),
    (2, "MiniGPT-4"): ("66.2 %",),
    (3, "MiniGPT-4 before stage 2"): ("35 %", "32 %"),
    (3, "MiniGPT-4 after stage 2"): ("2 %", "1 %"),
    (4, "MiniGPT-4"): ("58.2", "32.2"),
    (4, "(a) without Q-Former"): ("56.9", "33.4"),
    (4, "(b) three linear layers"): ("49.7", "31.0"),
    (4, "(c) Q-Former finetuned"): ("52.1", "28.0"),
    (5, "BLIP-2"): ("1.3", "6.5"),
    (5, SHORT): ("7.2", "28.8"),
    (5, LONG): ("9.6", "175"),
    (6, "BLIP-2 (paper: 129M pairs)"): ("80.2", "42.4"),
    (6, "MiniGPT-4 (paper: 5M pairs)"): ("58.2", "32.2"),
    (6, "MiniGPT-4 with LoRA and VQA data"): ("67.2", "43.5"),
}


def scorer(tasks: FakeTasks, *, seeds: int = 1, limit: int | None = None) -> Scorer:
    settings = replace(table_settings(seeds=seeds), limit=limit)
    return Scorer(
        FakeRuns(settings),  # type: ignore[arg-type]
        Path("nowhere"),
        evaluate=tasks,
        load=str,  # type: ignore[arg-type]
    )


def test_every_printed_number_is_the_papers() -> None:
    found = {
        (table.number, row.name): row.printed
        for table in TABLES.values()
        for row in table.rows
        if row.printed
    }
    assert found == PRINTED
    assert all(len(printed) == len(TABLES[n].columns) for (n, _), printed in found.items())


def test_tables_hold_all_models_of_the_paper() -> None:
    in_tables = {model.name for table in TABLES.values() for model in table.models}
    assert in_tables == {model.name for model in ROW_MODELS}
    with pytest.raises(SettingsError, match="Tables 1 to 6"):
        find_table(7)


def test_ours_and_the_papers_are_kept_apart() -> None:
    result = run_table(find_table(3), scorer(FakeTasks({"before_stage2": 0.4, "minigpt4": 0.1})))
    rows = result.as_json()["rows"]
    assert [row["values"][0]["ours"]["value"] for row in rows] == [0.4, 0.1]
    assert [row["values"][0]["printed_in_the_paper"] for row in rows] == ["35 %", "2 %"]
    assert result.score(BEFORE_STAGE2, "poem") == share_score(40, 100)


def test_a_row_that_was_not_run_has_no_number_of_ours() -> None:
    result = not_run(find_table(1))
    values = [value for row in result.as_json()["rows"] for value in row["values"]]
    assert {value["ours"] for value in values} == {None}
    assert {value["missing"] for value in values} == {"not run"}
    assert result.score(MINIGPT4, "all") is None


def test_rows_that_were_not_chosen_say_so() -> None:
    tasks = FakeTasks({})
    result = run_table(find_table(4), scorer(tasks), only=["no_qformer"])
    assert {model for _, model, _, _ in tasks.asked} == {"no_qformer-42"}
    shown = [
        (row.name, cells[0].missing)
        for row, cells in zip(result.table.rows, result.cells, strict=True)
        if cells[0].score is None
    ]
    assert [name for name, _ in shown] == [
        "MiniGPT-4",
        "(b) three linear layers",
        "(c) Q-Former finetuned",
    ]
    assert {missing for _, missing in shown} == {"not run"}


def test_a_row_that_fails_leaves_the_others_their_numbers() -> None:
    class Failing(FakeTasks):
        def __call__(self, task, model, **settings):  # type: ignore[no-untyped-def]
            if model.startswith("no_qformer"):
                raise DataError("the disk is gone")
            return super().__call__(task, model, **settings)

    with pytest.raises(DataError):
        run_table(find_table(4), scorer(Failing({})))
    failures: dict[str, str] = {}
    result = run_table(find_table(4), scorer(Failing({})), failures=failures)
    assert failures == {"Table 4, (a) without Q-Former": "the disk is gone"}
    assert [cells[0].missing for cells in result.cells if cells[0].score is None] == ["failed"]


def test_a_row_may_be_asked_in_its_own_way() -> None:
    tasks = FakeTasks({})
    run_table(find_table(5), scorer(tasks))
    asked = [(model, settings) for _, model, _, settings in tasks.asked]
    assert asked == [
        ("blip2-42", {"only": ("short",), "prompt": MINIATURE_BLIP2_PROMPT}),
        ("minigpt4-42", {"only": ("short",)}),
        ("minigpt4-42", {"only": ("long",)}),
    ]  # each once, although it fills two columns
    larger = table_settings(["drawn=true"], base="vicuna_7b")
    tasks = FakeTasks({})
    run_table(
        find_table(5),
        Scorer(FakeRuns(larger), Path("nowhere"), evaluate=tasks, load=str),  # type: ignore[arg-type]
    )
    assert tasks.asked[0][3] == {"only": ("short",), "prompt": ""}  # as BLIP-2 was pretrained


def test_limit_and_seeds_reach_every_row_that_is_trained() -> None:
    tasks = FakeTasks({})
    run_table(find_table(2), scorer(tasks, seeds=3, limit=7))
    assert [model for _, model, _, _ in tasks.asked] == [
        "blip2-42", "minigpt4-42", "minigpt4-43", "minigpt4-44",
    ]  # fmt: skip
    assert {limit for _, _, limit, _ in tasks.asked} == {7}


def test_places_of_benchmark_files_go_to_their_task() -> None:
    tasks = FakeTasks({})
    settings = table_settings(["tasks.gqa=gqa.json", "tasks.gqa.images=pictures"])
    run_table(
        find_table(6),
        Scorer(FakeRuns(settings), Path("nowhere"), evaluate=tasks, load=str),  # type: ignore[arg-type]
    )
    given = {task: settings for task, model, _, settings in tasks.asked}
    assert given["gqa"] == {"data": "gqa.json", "images": "pictures"}
    limits = {task: limit for task, _, limit, _ in tasks.asked}
    assert limits == {"gqa": None, "aokvqa": 300}  # a benchmark's own questions are asked in full
    assert "data" not in given["aokvqa"]


def test_seeds_join_to_their_mean_with_both_kinds_of_chance() -> None:
    def score(value: float) -> Score:
        return Score(value=value, count=50, interval=(value - 0.1, value + 0.1))

    assert join_seeds([score(0.3)]) == score(0.3)
    joined = join_seeds([score(0.3), score(0.5), score(0.4)])
    # Deviation 0.1 of three: t 4.30 times 0.1 / sqrt(3) is 0.248, beside 0.1 of the pictures.
    assert joined.value == pytest.approx(0.4)
    assert joined.interval == pytest.approx((0.4 - 0.2677, 0.4 + 0.2677), abs=1e-3)
    assert joined.count == 50


def test_blip2_is_trained_by_nobody() -> None:
    assert BLIP2.training is None
    assert [training.name for training in MINIGPT4.training.chain] == ["stage1", "stage2"]
