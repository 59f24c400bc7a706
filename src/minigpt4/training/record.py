"""What a run writes down: lines of metrics and times as it goes, a summary when it stops.

A line sums up the steps since the line before, over all processes.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from minigpt4.errors import TrainingError
from minigpt4.training import journal
from minigpt4.training.processes import Processes
from minigpt4.training.state import TrainState
from minigpt4.training.task import StepLoss

SUMMARY = "summary.json"

JUDGED_EXAMPLES = 1000
"""Bad examples are forgiven as long as they would be few among so many."""


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """How a run ended."""

    step: int
    finished: bool
    """False when a signal stopped it; `resume=True` goes on."""

    loss: float
    """The last logged loss; NaN when nothing has been logged."""

    validation: dict[str, float | str]
    """What the last validation returned."""

    num_examples: int = 0
    """Examples seen by all processes, repeated ones counted again."""

    skipped: dict[str, int] = field(default_factory=dict)
    """Bad examples that were replaced by others, by reason."""

    seconds: float = 0.0
    """Time that the steps have taken, without starting and saving; interruptions don't count."""

    waiting_share: float = 0.0
    """Share of it in which the first process waited for data."""


class Record:
    """Counts steps and writes `metrics.jsonl`, `timing.jsonl` and `summary.json`."""

    def __init__(self, out: Path, processes: Processes) -> None:
        self.out, self.processes = out, processes
        self.last_loss = math.nan
        self.validation: dict[str, float | str] = {}
        self._clock = time.perf_counter()
        self._waited_before = 0.0

    def cut_after(self, step: int) -> None:
        """Drop the lines that a resumed run is about to write again; take up the others."""
        if self.processes.is_first:
            for name in (journal.METRICS, journal.TIMING):
                journal.cut_lines_after(self.out / name, step)
            for line in journal.read_lines(self.out / journal.METRICS):
                if "loss" in line:
                    self.last_loss = line["loss"]
                else:
                    self.validation = {name: line[name] for name in line if name != "step"}

    def count(
        self, state: TrainState, parts: Iterable[StepLoss], values: Mapping[str, float]
    ) -> None:
        """Add a step: this process's parts, and the values that all processes share."""
        for part in parts:
            state.new_examples += part.num_examples
            for reason, number in part.skipped.items():
                state.new_skipped[reason] = state.new_skipped.get(reason, 0) + number
            for name, value in part.metrics.items():
                state.window.setdefault(name, []).append(float(value))
        if self.processes.is_first:
            for name, value in values.items():
                state.window.setdefault(name, []).append(value)

    def log(self, state: TrainState, *, waited_seconds: float, micro_batch: int | None) -> None:
        """Write the line of the steps since the one before."""
        windows = self.processes.gather((state.window, state.new_examples, state.new_skipped))
        window: dict[str, list[float]] = {}
        for one, num_examples, skipped in windows:
            for name, numbers in one.items():
                window.setdefault(name, []).extend(numbers)
            state.num_examples += num_examples
            state.skipped = dict(Counter(state.skipped) + Counter(skipped))
        state.window, state.new_examples, state.new_skipped = {}, 0, {}
        means = {name: sum(numbers) / len(numbers) for name, numbers in window.items()}
        self.last_loss = means["loss"]
        line = {"step": state.step, **means, "lr": window["lr"][-1]}
        line |= {"examples": state.num_examples, "skipped": dict(sorted(state.skipped.items()))}
        self._write(journal.METRICS, line)
        self._write(journal.TIMING, self._times(state.step, waited_seconds, micro_batch))

    def log_validation(self, step: int, values: Mapping[str, float | str]) -> None:
        """Write the line of a validation."""
        self.validation = dict(values)
        if values:
            self._write(journal.METRICS, {"step": step, **values})

    def result(self, state: TrainState, *, finished: bool) -> TrainResult:
        """Return how the run stands and write it to `summary.json`."""
        counted = self.processes.gather((state.new_examples, state.new_skipped))
        times = journal.read_lines(self.out / journal.TIMING)
        seconds = sum(line["seconds"] for line in times)
        waited = sum(line["seconds"] * line["waiting_share"] for line in times)
        result = TrainResult(
            step=state.step,
            finished=finished,
            loss=self.last_loss,
            validation=self.validation,
            num_examples=state.num_examples + sum(number for number, _ in counted),
            skipped=dict(
                sum((Counter(one) for _, one in counted), Counter(state.skipped)).most_common()
            ),
            seconds=round(seconds, 3),
            waiting_share=round(waited / max(seconds, 1e-9), 4),
        )
        if self.processes.is_first:
            aside = self.out / f".{os.getpid()}.{SUMMARY}"
            values = asdict(result) | {"loss": None if math.isnan(result.loss) else result.loss}
            aside.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
            aside.replace(self.out / SUMMARY)
        return result

    def _times(self, step: int, waited_seconds: float, micro_batch: int | None) -> dict[str, Any]:
        seconds = time.perf_counter() - self._clock
        waited, self._waited_before = waited_seconds - self._waited_before, waited_seconds
        self._clock = time.perf_counter()
        return {
            "step": step,
            "seconds": round(seconds, 3),
            "waiting_share": round(waited / max(seconds, 1e-9), 4),
            "processes": self.processes.count,
            "micro_batch": micro_batch,
        }

    def _write(self, name: str, line: dict[str, Any]) -> None:
        if self.processes.is_first:
            journal.append_line(self.out / name, line)


def check_bad_share(state: TrainState, *, max_bad_share: float, is_last: bool) -> None:
    """Stop a run whose data is bad beyond what was allowed.

    Raises:
        TrainingError: naming the reasons, the most frequent first.
    """
    num_bad = sum(state.skipped.values())
    num_seen = state.num_examples + num_bad
    judged = num_seen if is_last else max(num_seen, JUDGED_EXAMPLES)
    if num_bad <= max_bad_share * judged:
        return
    reasons = Counter(state.skipped).most_common()
    raise TrainingError(
        f"{num_bad} of {num_seen} examples up to step {state.step} are bad, more than "
        f"max_bad_share {max_bad_share:g} allows: "
        + ", ".join(f"{number} {reason}" for reason, number in reasons)
        + ". Look at them with `minigpt4 data check`; put back what is missing, or allow a larger "
        "max_bad_share, and go on with --resume; data with examples taken out needs another --out"
    )
