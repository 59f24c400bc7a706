from __future__ import annotations

from minigpt4.recipes.budget import planned_seconds
from minigpt4.recipes.row_models import ROW_MODELS, trainings_of
from minigpt4.recipes.table_runs import training_job
from minigpt4.recipes.table_settings import experiment_of, table_settings
from minigpt4.recipes.watch import Schedule, in_words


def test_time_left_follows_the_machine() -> None:
    schedule = Schedule(planned_seconds={"a": 100.0, "b": 50.0, "c": 50.0})
    assert schedule.left_seconds == 200
    schedule.end("a", 300.0)  # a machine three times as slow
    assert (schedule.num_done, schedule.left_seconds) == (1, 300)


def test_what_was_done_before_says_nothing_about_the_machine() -> None:
    schedule = Schedule(planned_seconds={"a": 100.0, "b": 50.0})
    schedule.end("a", 0.0)
    assert schedule.left_seconds == 50


def test_durations_read_well() -> None:
    assert [in_words(seconds) for seconds in (8, 200, 7200)] == ["8 s", "3 min", "2.0 h"]


def test_the_miniature_with_one_seed_is_planned_for_90_minutes() -> None:
    assert sum(planned_seconds(table_settings()).values()) <= 90 * 60


def test_the_plan_has_every_training_and_follows_the_steps() -> None:
    whole = planned_seconds(table_settings())
    short = planned_seconds(table_settings(["stage1.num_steps=10", "stage2.num_steps=10"]))
    for training in trainings_of(ROW_MODELS):
        job = training_job(training, 42)
        assert short[job] < whole[job]


def test_rows_that_are_compared_have_equal_steps_batches_and_data() -> None:
    settings = table_settings()
    trainings = {training.name: training for training in trainings_of(ROW_MODELS)}
    for stage in ("stage1", "stage2"):
        rows = [name for name in trainings if name.endswith(stage)]
        assert len(rows) == 4
        seen = {
            repr((e.num_steps, e.batch_size, e.peak_lr, e.data, e.seed))
            for e in (experiment_of(trainings[name], settings, seed=42) for name in rows)
        }
        assert len(seen) == 1
