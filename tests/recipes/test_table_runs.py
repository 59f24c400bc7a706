"""Runs of the rows: found again, gone on with, and refused in one sentence if something lacks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from minigpt4.errors import SettingsError, StoppedError
from minigpt4.recipes import alignment, table_missing
from minigpt4.recipes.row_models import (
    BEFORE_STAGE2,
    BLIP2,
    MINIGPT4,
    ROW_MODELS,
    Training,
    trainings_of,
)
from minigpt4.recipes.table import Scorer, run_table
from minigpt4.recipes.table_runs import Runs
from minigpt4.recipes.table_settings import TableSettings, table_settings
from minigpt4.recipes.tables import TABLES
from recipes.tiny_parts import OFFICIAL, OFFICIAL_PARTS, write_data

TINY = (
    "max_pictures=4", "limit=2", "stage1.num_steps=2", "stage1.batch_size=2",
    "stage2.num_steps=2", "stage2.batch_size=2",
)  # fmt: skip


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Tiny runs of the miniature."""
    monkeypatch.setenv("MINIGPT4_CACHE", str(tmp_path / "cache"))
    return Runs(table_settings(TINY), tmp_path / "runs", device="cpu")


def test_a_folder_is_named_by_what_decides_the_result(runs: Runs) -> None:
    stage1, stage2 = MINIGPT4.training.chain
    other = Runs(table_settings([*TINY, "stage1.peak_lr=1e-9"]), runs.folder)
    same = Runs(table_settings([*TINY, "stage1.num_workers=1", "limit=9"]), runs.folder)
    assert runs.run_folder(stage1, 42) != other.run_folder(stage1, 42)
    assert runs.run_folder(stage2, 42) != other.run_folder(stage2, 42)  # it starts from stage 1
    assert runs.run_folder(stage2, 42) == same.run_folder(stage2, 42)
    assert runs.run_folder(stage1, 42) != runs.run_folder(stage1, 43)


def test_files_that_nobody_here_can_judge_are_refused_before_training(tmp_path: Path) -> None:
    settings = table_settings([f"tasks.caption_coverage={tmp_path}"])
    with pytest.raises(SettingsError, match=r"minigpt4 evaluate caption_coverage .*--judge llm"):
        Runs(settings, tmp_path).check([BLIP2], tasks=["caption_coverage"])
    failures = table_settings([f"tasks.failures={tmp_path}"])
    Runs(failures, tmp_path).check([BLIP2], tasks=["failures"])  # the detector reads the text


def test_all_trainings_have_folders_of_their_own(runs: Runs) -> None:
    trainings = trainings_of(ROW_MODELS)
    assert len({runs.run_folder(training, 42) for training in trainings}) == len(trainings) == 11


def test_a_row_is_trained_once_and_a_stopped_one_goes_on(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    real = alignment.run

    def stopped(experiment, *, out, resume, device):  # type: ignore[no-untyped-def]
        told.append(resume)
        result = real(experiment, out=out, resume=resume, device=device)
        return replace(result, finished=False) if len(told) == 1 else result

    monkeypatch.setattr(alignment, "run", stopped)
    training = BEFORE_STAGE2.training
    with pytest.raises(StoppedError, match="the same command goes on"):
        runs.train(training, 42)
    (runs.run_folder(training, 42) / "model" / "config.json").unlink()  # as if it had not ended
    directory = runs.model(BEFORE_STAGE2, 42)
    assert told == [False, True]
    assert runs.model(BEFORE_STAGE2, 42) == directory
    assert len(told) == 2
    record = runs.record(training, 42)
    assert record is not None
    assert record.num_steps == 2
    written = json.loads((directory.parent / "experiment.json").read_text())
    assert written["recipe"] == "stage1"
    assert (runs.folder / "features").is_dir()


def test_blip2_of_the_miniature_is_the_shipped_one(runs: Runs) -> None:
    assert runs.model(BLIP2, 42).name == "miniature_blip2"


def test_a_model_that_is_given_is_not_trained(tmp_path: Path) -> None:
    settings = table_settings(["models.minigpt4=miniature", "drawn=true"], base="vicuna_7b")
    runs = Runs(settings, tmp_path)
    runs.check([MINIGPT4], tasks=["aokvqa"])
    assert runs.model(MINIGPT4, 42).name == "miniature"
    with pytest.raises(SettingsError, match="minigpt4"):
        table_settings(["models.minigpt=x"])


def test_everything_that_lacks_is_said_at_once(tmp_path: Path) -> None:
    runs = Runs(table_settings(base="vicuna_7b"), tmp_path)
    tasks = {task for table in TABLES.values() for task in table.tasks}
    with pytest.raises(SettingsError) as caught:
        runs.check(ROW_MODELS, tasks=tasks)
    said = str(caught.value)
    for thing in ("weights/eva_vit_g.pth (--set parts.vision_encoder=PATH)", "vicuna-7b-v0",
                  "--set data.laion=PATH", "--set data.narratives=PATH", "--set data.okvqa=PATH",
                  "--set tasks.gqa=PATH"):  # fmt: skip
        assert thing in said


def test_a_row_with_lora_is_refused_at_once_where_peft_lacks(tmp_path, monkeypatch) -> None:
    runs = Runs(table_settings(), tmp_path)
    runs.check(ROW_MODELS)
    monkeypatch.setattr(table_missing, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"lora needs the package peft.*pip install"):
        runs.check(ROW_MODELS)
    runs.check([MINIGPT4])


def large_settings(folder: Path) -> TableSettings:
    """Return settings of `vicuna_7b` with tiny official files in the place of the large ones."""
    write_data(folder)
    questions = (
        f"vqav2:{folder / 'questions.json'},annotations={folder / 'annotations.json'},"
        f"images={folder / 'coco'}"
    )
    places = {
        "laion": folder / "laion", "cc_sbu": folder / "cc_sbu", "descriptions": folder / "align",
        "vqav2": questions, "okvqa": questions, "aokvqa": questions,
        "narratives": f"localized_narratives:{folder / 'narratives.jsonl'},"
        f"images={folder / 'coco'}",
    }  # fmt: skip
    parts = [text.removeprefix("model.") for text in OFFICIAL_PARTS]
    steps = ("num_steps=1", "batch_size=4", "num_workers=0")
    edits = [
        *(f"parts.{text}" for text in parts),
        *(f"blip2.{text}" for text in parts),
        f"blip2.projection={OFFICIAL / 'minigpt4_proj.pth'}",
        *(f"data.{name}={place}" for name, place in places.items()),
        *(f"{stage}.{text}" for stage in ("stage1", "stage2") for text in steps),
        "stage2.max_text_tokens=12", "stage2.mix=sample", "limit=1", "drawn=true",
    ]  # fmt: skip
    return table_settings(edits, base="vicuna_7b")


def test_a_large_base_is_complete_with_paths_to_everything(tmp_path: Path) -> None:
    Runs(large_settings(tmp_path), tmp_path / "runs").check(ROW_MODELS, tasks=["aokvqa"])


@pytest.mark.slow
@pytest.mark.parametrize("number", [4, 6])
def test_a_table_runs_on_a_large_base(number: int, tmp_path: Path) -> None:
    runs = Runs(large_settings(tmp_path), tmp_path / "runs", device="cpu")
    result = run_table(TABLES[number], Scorer(runs, tmp_path / "answers"))
    assert all(cell.score is not None for cells in result.cells for cell in cells)


@pytest.mark.slow
@pytest.mark.parametrize("training", trainings_of(ROW_MODELS), ids=lambda each: each.name)
def test_each_training_takes_its_steps(runs: Runs, training: Training) -> None:
    for each in training.chain:
        runs.train(each, 42)
    assert runs.is_finished(training, 42)
