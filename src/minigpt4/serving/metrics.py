"""What the engine counts: how many, how fast, how full.

The engine's thread writes, any thread reads; a reader gets a copy of one moment.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["stop", "length", "timeout", "cancelled", "failed"]

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper ends of the classes in which durations are counted."""

ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Upper ends of the classes in which batch sizes are counted."""

RATE_WINDOW_SECONDS = 10.0
"""The time over which `tokens_per_second` is taken."""


@dataclass
class Histogram:
    """Counts of values by size; the last class has no upper end."""

    bounds: Sequence[float]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        place = sum(value > bound for bound in self.bounds)
        self.counts[place] += 1
        self.total += value

    @property
    def count(self) -> int:
        return sum(self.counts)

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else 0.0

    def copy(self) -> Histogram:
        return Histogram(self.bounds, list(self.counts), self.total)


@dataclass(frozen=True, kw_only=True)
class EngineMetrics:
    """The engine at one moment; counts are since its start."""

    queue_length: int
    """Requests that wait."""
    num_running: int
    """Answers that are being made."""
    num_submitted: int
    num_refused: int
    """Requests that found the queue full."""
    outcomes: dict[Outcome, int]
    num_prompt_tokens: int
    num_tokens: int
    """Tokens generated."""
    tokens_per_second: float
    """Over the last ten seconds."""
    num_images_encoded: int
    num_images_found: int
    """Pictures whose embeddings were in the cache."""
    first_token_seconds: Histogram
    """From `submit` to the first token."""
    answer_seconds: Histogram
    """From `submit` to the end."""
    batch_rows: Histogram
    """Rows in each step of the LLM."""


class Meter:
    """The engine's own counters."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = {"submitted": 0, "refused": 0, "prompt_tokens": 0, "tokens": 0}
        self._outcomes: dict[Outcome, int] = {
            "stop": 0, "length": 0, "timeout": 0, "cancelled": 0, "failed": 0
        }  # fmt: skip
        self._recent: deque[tuple[float, int]] = deque()
        self._started_at = time.monotonic()
        self._first, self._whole = Histogram(SECONDS), Histogram(SECONDS)
        self._rows = Histogram(ROWS)

    def count(self, name: str, num: int = 1) -> None:
        """Add to one of the plain counts."""
        with self._lock:
            self._counts[name] += num

    def step(self, num_rows: int) -> None:
        """Note one step of the LLM, which gives each row a token."""
        now = time.monotonic()
        with self._lock:
            self._counts["tokens"] += num_rows
            self._rows.add(num_rows)
            self._recent.append((now, num_rows))
            self._forget(now)

    def first_token(self, seconds: float) -> None:
        with self._lock:
            self._first.add(seconds)

    def end(self, outcome: Outcome, seconds: float) -> None:
        with self._lock:
            self._outcomes[outcome] += 1
            self._whole.add(seconds)

    @property
    def mean_answer_seconds(self) -> float:
        with self._lock:
            return self._whole.mean

    def read(
        self, *, queue_length: int, num_running: int, num_images_encoded: int, num_images_found: int
    ) -> EngineMetrics:
        """Return everything counted so far, with what only the engine knows."""
        now = time.monotonic()
        with self._lock:
            self._forget(now)
            window = min(RATE_WINDOW_SECONDS, max(now - self._started_at, 1e-3))
            return EngineMetrics(
                queue_length=queue_length,
                num_running=num_running,
                num_submitted=self._counts["submitted"],
                num_refused=self._counts["refused"],
                outcomes=dict(self._outcomes),
                num_prompt_tokens=self._counts["prompt_tokens"],
                num_tokens=self._counts["tokens"],
                tokens_per_second=sum(num for _, num in self._recent) / window,
                num_images_encoded=num_images_encoded,
                num_images_found=num_images_found,
                first_token_seconds=self._first.copy(),
                answer_seconds=self._whole.copy(),
                batch_rows=self._rows.copy(),
            )

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0][0] < now - RATE_WINDOW_SECONDS:
            self._recent.popleft()
