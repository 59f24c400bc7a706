"""The engine's metrics in Prometheus' text form, and what the HTTP side counts."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping

from minigpt4.serving.metrics import EngineMetrics, Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class ResponseCounter:
    """How many responses had which status."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: Counter[int] = Counter()

    def add(self, status: int) -> None:
        with self._lock:
            self._statuses[status] += 1

    def read(self) -> dict[int, int]:
        with self._lock:
            return dict(sorted(self._statuses.items()))


def render(metrics: EngineMetrics, responses: Mapping[int, int]) -> str:
    """Return everything as Prometheus reads it."""
    return "\n".join(_lines(metrics, responses)) + "\n"


def _lines(metrics: EngineMetrics, responses: Mapping[int, int]) -> Iterator[str]:
    gauges = {
        "queue_length": (metrics.queue_length, "Requests that wait."),
        "running_requests": (metrics.num_running, "Answers that are being made."),
        "tokens_per_second": (metrics.tokens_per_second, "Over the last ten seconds."),
    }
    for name, (value, text) in gauges.items():
        yield from _head(name, "gauge", text)
        yield f"minigpt4_{name} {value:g}"
    counters = {
        "requests_total": (metrics.num_submitted, "Requests that came into the queue."),
        "refused_requests_total": (metrics.num_refused, "Requests that found the queue full."),
        "prompt_tokens_total": (metrics.num_prompt_tokens, "Positions of prompts."),
        "generated_tokens_total": (metrics.num_tokens, "Tokens generated."),
        "encoded_images_total": (metrics.num_images_encoded, "Pictures that were encoded."),
        "cached_images_total": (metrics.num_images_found, "Pictures found in the cache."),
    }
    for name, (value, text) in counters.items():
        yield from _head(name, "counter", text)
        yield f"minigpt4_{name} {value}"
    yield from _head("answers_total", "counter", "Answers by how they ended.")
    for outcome, num in metrics.outcomes.items():
        yield f'minigpt4_answers_total{{outcome="{outcome}"}} {num}'
    yield from _head("responses_total", "counter", "HTTP responses by status.")
    for status, num in responses.items():
        yield f'minigpt4_responses_total{{status="{status}"}} {num}'
    first, whole = metrics.first_token_seconds, metrics.answer_seconds
    yield from _histogram("first_token_seconds", first, "From arrival to the first token.")
    yield from _histogram("answer_seconds", whole, "From arrival to the end of the answer.")
    yield from _histogram("batch_rows", metrics.batch_rows, "Rows in each step of the LLM.")


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP minigpt4_{name} {text}"
    yield f"# TYPE minigpt4_{name} {kind}"


def _histogram(name: str, histogram: Histogram, text: str) -> Iterator[str]:
    yield from _head(name, "histogram", text)
    reached = 0
    for bound, num in zip(histogram.bounds, histogram.counts[:-1], strict=True):
        reached += num
        yield f'minigpt4_{name}_bucket{{le="{bound:g}"}} {reached}'
    yield f'minigpt4_{name}_bucket{{le="+Inf"}} {histogram.count}'
    yield f"minigpt4_{name}_sum {histogram.total:g}"
    yield f"minigpt4_{name}_count {histogram.count}"
