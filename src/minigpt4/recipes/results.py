"""All that a reproduction found, in one object: what the report and `docs/paper.md` are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from minigpt4.config import dump_config
from minigpt4.evaluation.score import Score
from minigpt4.recipes.extra_measures import JudgesAgreement
from minigpt4.recipes.figure import FigureResult
from minigpt4.recipes.findings import Finding
from minigpt4.recipes.row_models import RowModel
from minigpt4.recipes.table import Scores, TableResult
from minigpt4.recipes.table_runs import RunRecord
from minigpt4.recipes.table_settings import TableSettings


@dataclass(frozen=True, kw_only=True)
class Results:
    """Tables, figures, curves and findings of one reproduction."""

    settings: TableSettings
    tables: Mapping[int, TableResult]
    figures: Mapping[int, FigureResult]
    alignment: Mapping[str, Scores]
    """By moment (before stage 1, after it, after stage 2): gap, losses shown, another and told."""
    sameness: Scores
    """By model: how alike its answers are."""
    spatial: Scores
    """Scores of the questions about places."""
    agreements: tuple[JudgesAgreement, ...] = ()
    """Of the judges of Table 3's answers."""
    trainings: tuple[RunRecord, ...]
    findings: tuple[Finding, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    """By job: time spent in this run; 0 where it had been done before. Jobs that ran side by side
    each count whole."""
    planned: Mapping[str, float] = field(default_factory=dict)
    """By job: the budget."""
    wall_seconds: float = 0.0
    """From the command's start to its end."""
    num_jobs: int = 1
    """Rows at a time."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """What could not be run, and the error."""
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""
    date: str = ""

    def score(self, table: int, model: RowModel, column: str) -> Score | None:
        """Return a score of a table; None where the table or the row was not run."""
        found = self.tables.get(table)
        return None if found is None else found.score(model, column)

    def row_score(self, table: int, row: str, column: str) -> Score | None:
        """Return the score of the row of that name."""
        found = self.tables.get(table)
        return None if found is None else found.score_of(row, column)

    def as_json(self) -> dict[str, Any]:
        """Return every number as plain values; the paper's are named as such."""
        return {
            "settings": dump_config(self.settings),
            "command": self.command,
            "date": self.date,
            "commit": self.commit,
            "versions": dict(self.versions),
            "tables": [table.as_json() for table in self.tables.values()],
            "alignment": _plain(self.alignment),
            "sameness": {name: asdict(score) for name, score in self.sameness.items()},
            "spatial": {name: asdict(score) for name, score in self.spatial.items()},
            "agreements": [
                {"model": each.model.name, **asdict(each.agreement)} for each in self.agreements
            ],
            "findings": [
                asdict(finding)
                | {"comparisons": [asdict(c) | {"outcome": c.outcome} for c in finding.comparisons]}
                for finding in self.findings
            ],
            "trainings": [
                {"name": run.name, "seed": run.seed, "steps": run.num_steps, "seconds": run.seconds}
                for run in self.trainings
            ],
            "failures": dict(self.failures),
            "seconds": dict(self.seconds),
            "planned_seconds": dict(self.planned),
            "wall_seconds": self.wall_seconds,
            "num_jobs": self.num_jobs,
        }


def _plain(scores: Mapping[str, Scores]) -> dict[str, Any]:
    return {
        moment: {name: asdict(score) for name, score in found.items()}
        for moment, found in scores.items()
    }
