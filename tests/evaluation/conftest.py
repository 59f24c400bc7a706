"""Drawn benchmarks of few pictures: tests need no hundreds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from minigpt4.evaluation import benchmark

PICTURES = 60


@pytest.fixture(autouse=True, scope="session")
def few_drawn_pictures() -> Iterator[None]:
    """Make drawn benchmarks of fewer pictures for the whole session, as they are cached."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "DRAWN_PICTURES", PICTURES)
        benchmark._drawn.cache_clear()
        yield
    benchmark._drawn.cache_clear()
