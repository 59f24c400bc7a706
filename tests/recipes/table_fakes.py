"""Runs and tasks that answer at once, so that tables and reports can be tested without a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minigpt4.evaluation.score import Score, share_score
from minigpt4.recipes.row_models import RowModel
from minigpt4.recipes.table_settings import TableSettings, table_settings
from minigpt4.recipes.watch import Nobody


class FakeRuns:
    """Names the directory a model would have; trains nothing."""

    def __init__(self, settings: TableSettings | None = None) -> None:
        self.settings = settings or table_settings()
        self.watch = Nobody()
        self.device = "cpu"

    def model(self, model: RowModel, seed: int) -> Path:
        return Path(f"{model.name}-{seed}")


class FakeTasks:
    """Gives each model its own share of right answers, and notes what was asked."""

    def __init__(self, shares: Mapping[str, float], *, count: int = 100) -> None:
        self.shares, self.count = shares, count
        self.asked: list[tuple[str, str, int | None, dict[str, Any]]] = []

    def __call__(
        self, task: str, model: Any, *, out: Path, limit: int | None, **settings: Any
    ) -> dict[str, Score]:
        settings.pop("report", None)
        self.asked.append((task, model, limit, settings))
        return Everything(self.score(model))

    def score(self, model: str) -> Score:
        share = self.shares.get(model.partition("-")[0], 0.5)
        found = share_score(round(share * self.count), self.count)
        assert found is not None
        return found


class Everything(dict[str, Score]):
    """Scores that have the same value under every name."""

    def __init__(self, score: Score) -> None:
        super().__init__({"any": score})
        self._score = score

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> Score:
        return self._score
