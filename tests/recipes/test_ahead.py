"""Several rows at once: the order, what comes back, and what happens when a process dies."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from minigpt4.cli.reproduce import QUICK
from minigpt4.errors import StoppedError
from minigpt4.recipes import ahead
from minigpt4.recipes.ahead import Unit, units_of, work_ahead
from minigpt4.recipes.row_models import BLIP2_FT
from minigpt4.recipes.table_runs import Runs
from minigpt4.recipes.table_settings import table_settings
from minigpt4.recipes.watch import Schedule


def test_trainings_come_before_what_needs_them() -> None:
    units = units_of(table_settings(seeds=2))
    names = [unit.name for unit in units]
    assert len(set(names)) == len(names)
    for place, unit in enumerate(units):
        assert not unit.after or unit.after in names[:place]
    answers = {(unit.subject, unit.seed) for unit in units if unit.kind == "answer"}
    assert {("minigpt4", 42), ("minigpt4", 43), ("blip2", 42)} <= answers
    assert ("blip2", 43) not in answers  # it is not trained, so once is enough


def test_a_model_that_is_given_is_not_trained_but_answers() -> None:
    units = units_of(table_settings(["models.blip2_ft=miniature_blip2"]))
    assert not any(unit.kind == "train" and unit.subject == "blip2_ft" for unit in units)
    [own] = [unit for unit in units if unit.subject == "blip2_ft"]
    assert own.after == ""


def test_a_training_done_ahead_is_found_and_a_dead_process_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = table_settings(list(QUICK))
    units = [
        Unit(name="train blip2_ft", kind="train", subject="blip2_ft", seed=42),
        Unit(name="train nothing", kind="train", subject="nothing", seed=42),
        Unit(name="answers of nothing", kind="answer", subject="blip2", seed=42,
             after="train nothing"),
    ]  # fmt: skip
    monkeypatch.setattr(ahead, "units_of", lambda _: units)
    watch = Ended()
    failed = work_ahead(Runs(settings, tmp_path, device="cpu", watch=watch), num_jobs=2)
    assert failed == {("nothing", 42): "its process ended with 1"}
    assert set(watch.schedule.spent_seconds) == {"train blip2_ft, seed 42"}
    assert BLIP2_FT.training is not None
    assert Runs(settings, tmp_path, device="cpu").is_finished(BLIP2_FT.training, 42)
    assert "StopIteration" in (tmp_path / "logs" / "train-nothing.log").read_text()


def test_a_signal_stops_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = [Unit(name="train blip2_ft", kind="train", subject="blip2_ft", seed=42)]
    monkeypatch.setattr(ahead, "units_of", lambda _: endless)
    settings = table_settings([*QUICK, "stage2.num_steps=100000"])
    log = tmp_path / "logs" / "train-blip2_ft.log"

    def interrupt() -> None:
        end = time.monotonic() + 60
        while not log.exists() and time.monotonic() < end:
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)

    helper = threading.Thread(target=interrupt)
    helper.start()
    with pytest.raises(StoppedError, match="the same command goes on"):
        work_ahead(Runs(settings, tmp_path, device="cpu", watch=Ended()), num_jobs=2)
    helper.join()


class Ended:
    """Keeps what is over."""

    def __init__(self) -> None:
        self.schedule = Schedule(planned_seconds={})

    def begin(self, job: str) -> None: ...

    def advance(self, done: int, total: int) -> None: ...

    def end(self, job: str, seconds: float) -> None:
        self.schedule.end(job, seconds)
