"""Several rows at once: processes of their own train and answer before the tables are made.

Models as small as the miniature leave most of a machine idle. A training can begin once the one
before it is finished, and a model can answer once it is trained; everything else is independent.
Whatever a process finishes lies on disk, where the reproduction finds it. Each process has its
share of the cores, so results agree with those of one process to rounding.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Literal

from minigpt4.errors import MiniGPT4Error, StoppedError
from minigpt4.recipes.row_models import ROW_MODELS, Training, trainings_of
from minigpt4.recipes.table import Scorer
from minigpt4.recipes.table_runs import Runs, training_job
from minigpt4.recipes.table_settings import FIRST_SEED, TableSettings
from minigpt4.recipes.tables import TABLES
from minigpt4.recipes.watch import Nobody
from minigpt4.training.stopping import StopRequest

_POLL_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What one process does: a training, or all answers of one trained model."""

    name: str
    kind: Literal["train", "answer"]
    subject: str
    """Name of the training, or of the row's model."""
    seed: int
    after: str = ""
    """The unit that must be finished before."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a unit."""

    state: Literal["done", "failed", "stopped"]
    error: str = ""
    seconds: tuple[tuple[str, float], ...] = ()
    """Jobs that are over, and what they took."""


Failed = dict[tuple[str, int], str]
"""The error of each training that failed, by its name and seed."""


def units_of(settings: TableSettings) -> list[Unit]:
    """Return everything that can be done ahead, trainings before what needs them."""
    models = [model for model in ROW_MODELS if not settings.given_model(model.name)]
    units = [
        Unit(
            name=training_job(training, seed), kind="train", subject=training.name, seed=seed,
            after=training_job(training.after, seed) if training.after else "",
        )
        for seed in settings.all_seeds
        for training in trainings_of(models)
    ]  # fmt: skip
    shown = {row.model.name for table in TABLES.values() for row in table.rows}
    for model in ROW_MODELS:
        if model.name not in shown:
            continue
        trained = model in models and model.training is not None
        for seed in settings.all_seeds if trained else (FIRST_SEED,):
            after = training_job(model.training, seed) if trained and model.training else ""
            name = f"answers of {model.name}, seed {seed}"
            units.append(Unit(name=name, kind="answer", subject=model.name, seed=seed, after=after))
    return units


def work_ahead(runs: Runs, *, num_jobs: int) -> Failed:
    """Do all units, `num_jobs` at a time; return the trainings that failed.

    Raises:
        StoppedError: when a signal asks for it; trainings have written their checkpoints.
    """
    threads = max(1, (os.cpu_count() or 1) // num_jobs)
    waiting = units_of(runs.settings)
    done: set[str] = set()
    running: dict[Connection, tuple[Unit, SpawnProcess]] = {}
    failed: Failed = {}
    with StopRequest() as stop:
        while (waiting or running) and not stop.requested:
            for unit in [each for each in waiting if not each.after or each.after in done]:
                if len(running) < num_jobs:
                    waiting.remove(unit)
                    runs.watch.begin(unit.name)
                    running.update([_start(unit, runs, threads)])
            if not running:
                break  # what still waits needs something that failed
            for connection in wait(list(running), timeout=_POLL_SECONDS):
                assert isinstance(connection, Connection)
                unit, process = running.pop(connection)
                outcome = _outcome(connection, process)
                for job, seconds in outcome.seconds:
                    runs.watch.end(job, seconds)
                if outcome.state == "done":
                    done.add(unit.name)
                elif outcome.state == "stopped":
                    stop.requested = True
                elif unit.kind == "train":
                    failed[unit.subject, unit.seed] = outcome.error
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join()
    if stop.requested:
        raise StoppedError("stopped; what is finished is kept, and the same command goes on")
    return failed


def _start(unit: Unit, runs: Runs, threads: int) -> tuple[Connection, tuple[Unit, SpawnProcess]]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    place = (runs.settings, runs.folder, runs.device)
    process = context.Process(target=_work, args=(unit, place, threads, theirs))
    process.start()
    theirs.close()  # so that the end of the process is the end of the connection
    return ours, (unit, process)


def _outcome(connection: Connection, process: SpawnProcess) -> Outcome:
    outcome = None
    with suppress(EOFError):
        outcome = connection.recv()
    process.join()
    return outcome or Outcome(state="failed", error=f"its process ended with {process.exitcode}")


def _work(
    unit: Unit, place: tuple[TableSettings, Path, str], threads: int, answer_to: Connection
) -> None:
    """Do a unit in a process of its own, which writes its log to `folder/logs`."""
    import torch

    # Ctrl-C reaches every process of the terminal; the first one passes it on in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    settings, folder, device = place
    log = folder / "logs" / f"{unit.name.replace(', ', '-').replace(' ', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    notes = _Notes()
    runs = Runs(settings, folder, device=device, watch=notes)
    try:
        _do(unit, runs)
    except StoppedError as error:
        answer_to.send(Outcome(state="stopped", error=str(error), seconds=tuple(notes.seconds)))
    except MiniGPT4Error as error:
        answer_to.send(Outcome(state="failed", error=str(error), seconds=tuple(notes.seconds)))
    else:
        answer_to.send(Outcome(state="done", seconds=tuple(notes.seconds)))


def _do(unit: Unit, runs: Runs) -> None:
    if unit.kind == "train":
        runs.train(_training(unit.subject), unit.seed)
        return
    scorer = Scorer(runs, runs.folder / "answers")
    for table in TABLES.values():
        for row in table.rows:
            if row.model.name != unit.subject:
                continue
            for column in table.columns:
                own = table.column_of(row, column)
                options = own.options_on(runs.settings.base)
                scorer.scores(row.model, unit.seed, own.task, options)


def _training(name: str) -> Training:
    return next(each for each in trainings_of(ROW_MODELS) if each.name == name)


class _Notes(Nobody):
    """Keeps what each job took."""

    def __init__(self) -> None:
        self.seconds: list[tuple[str, float]] = []

    def end(self, job: str, seconds: float) -> None:
        self.seconds.append((job, seconds))
