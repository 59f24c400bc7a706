"""The time budget of the reproduction: at most 90 minutes for the miniature on two cores.

Stage 1 and stage 2 of the miniature were timed on two cores of a shared machine (8 and 3 minutes);
the other rows are estimated from them by how much more or less each step computes. The plan
multiplies seconds by steps, so a change of the steps is planned for. Rows that are compared have
equal numbers of steps: that of the base. What each row took stands in the report beside the plan:
a full run with `--jobs 2` took 54 min 35 s there, 1.8 h of work if its rows are added up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from minigpt4.recipes.extra_measures import ALIGNMENT_JOB, PLACES
from minigpt4.recipes.figure import figure_job
from minigpt4.recipes.figures import FIGURES
from minigpt4.recipes.row_models import MINIGPT4, ROW_MODELS, trainings_of
from minigpt4.recipes.table import scoring_job
from minigpt4.recipes.table_runs import training_job
from minigpt4.recipes.table_settings import FIRST_SEED, TableSettings, experiment_of
from minigpt4.recipes.tables import TABLES

SECONDS_PER_PICTURE = {
    "stage1": 0.0090,
    "no_qformer_stage1": 0.0080,
    "three_layers_stage1": 0.0090,
    "qformer_trained_stage1": 0.0130,
    "stage2": 0.0140,
    "no_qformer_stage2": 0.0130,
    "three_layers_stage2": 0.0140,
    "qformer_trained_stage2": 0.0180,
    "blip2_ft": 0.0060,
    "locna": 0.0110,
    "lora": 0.0140,
}
"""Of a training step, by training, on two cores."""
SECONDS_BEFORE_TRAINING = 40.0
"""Loading, encoding pictures that are new to the cache, saving."""
SECONDS_PER_QUESTION = {
    "abilities": 0.35, "caption_coverage": 0.25, "failures": 0.35, "aokvqa": 0.15, "gqa": 0.1,
    "chair": 0.25, "spatial": 0.1, "pope": 0.1,
}  # fmt: skip
FIGURE_SECONDS = 8.0
ALIGNMENT_SECONDS = 100.0


def planned_seconds(settings: TableSettings) -> dict[str, float]:
    """Return the seconds of every job of the reproduction, in their order."""
    planned: dict[str, float] = {}
    for training in trainings_of(ROW_MODELS):
        for seed in settings.all_seeds:
            experiment = experiment_of(training, settings, seed=seed)
            pictures = experiment.num_steps * experiment.batch_size
            per_picture = SECONDS_PER_PICTURE.get(training.name, 0.01)
            planned[training_job(training, seed)] = SECONDS_BEFORE_TRAINING + per_picture * pictures
    for table in TABLES.values():
        for row in table.rows:
            seeds = settings.all_seeds if row.model.training is not None else (FIRST_SEED,)
            for column in table.columns:
                own = table.column_of(row, column)
                for seed in seeds:
                    job = scoring_job(row.model, seed, own.task, own.options)
                    planned[job] = _scoring_seconds(own.task, own.options, settings)
    for figure in FIGURES.values():
        planned[figure_job(figure)] = FIGURE_SECONDS
    planned[ALIGNMENT_JOB] = ALIGNMENT_SECONDS * settings.seeds
    for task, options in PLACES.items():
        for seed in settings.all_seeds:
            job = scoring_job(MINIGPT4, seed, task, options)
            planned[job] = _scoring_seconds(task, options, settings)
    return planned


def by_kind(seconds: Mapping[str, float]) -> dict[str, float]:
    """Add up jobs: a training by its name, scoring by its task, all figures together."""
    sums: dict[str, float] = defaultdict(float)
    for job, value in seconds.items():
        if job.startswith("score "):
            kind = f"score {job.partition(': ')[2].partition(' (')[0]}"
        elif job.startswith("figure "):
            kind = "all figures"
        else:
            kind = job.partition(", seed")[0]
        sums[kind] += value
    return dict(sums)


def _scoring_seconds(task: str, options: Mapping[str, Any], settings: TableSettings) -> float:
    limit = options.get("limit", 100)
    if settings.limit is not None:
        limit = min(limit, settings.limit)
    groups = max(1, len(options.get("only", ())))
    return 2.0 + SECONDS_PER_QUESTION.get(task, 0.2) * limit * groups
