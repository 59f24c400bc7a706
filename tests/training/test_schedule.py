"""The learning rates are the official ones, quirks included."""

from __future__ import annotations

import itertools

import pytest

from minigpt4.training.schedule import cosine_rate, learning_rate, official_rate
from minigpt4.training.settings import TrainSettings

STAGE1 = TrainSettings(
    num_steps=20_000, peak_lr=1e-4, final_lr=8e-5, warmup_steps=5_000, schedule="official"
)
STAGE2 = TrainSettings(
    num_steps=1_000, peak_lr=3e-5, final_lr=1e-5, warmup_steps=200, schedule="official"
)


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (0, 1e-6),
        (2_500, 5.05e-5),
        (4_999, 9.99802e-5),
        (5_000, 9.707106781186548e-5),
        (10_000, 9e-5),
        (15_000, 8.292893218813453e-5),
        (19_999, 8.000000012337006e-5),
    ],
)
def test_stage1_rates_are_official(step: int, rate: float) -> None:
    assert learning_rate(step, STAGE1) == pytest.approx(rate, rel=1e-12)


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (0, 1e-6),
        (199, 2.9855e-5),
        (200, 2.8090169943749472e-5),
        (400, 2.3090169943749473e-5),
        (999, 1.000004934798142e-5),
    ],
)
def test_stage2_rates_are_official(step: int, rate: float) -> None:
    assert learning_rate(step, STAGE2) == pytest.approx(rate, rel=1e-12)


def test_official_rate_drops_where_warmup_meets_cosine() -> None:
    assert official_rate(5_000, STAGE1) < official_rate(4_999, STAGE1)


def test_official_warmup_starts_anew_with_each_epoch() -> None:
    settings = TrainSettings(
        num_steps=50,
        peak_lr=1e-3,
        final_lr=1e-4,
        warmup_steps=25,
        schedule="official",
        steps_per_epoch=10,
    )
    assert official_rate(9, settings) == pytest.approx(3.6064e-4)
    assert official_rate(10, settings) == pytest.approx(1e-6)
    assert official_rate(24, settings) == pytest.approx(1.6084e-4)
    assert official_rate(25, settings) == pytest.approx(5.5e-4)


def test_plain_cosine_has_no_jump_at_the_join() -> None:
    settings = TrainSettings(num_steps=100, peak_lr=1.0, warmup_lr=0.0, warmup_steps=10)
    assert cosine_rate(0, settings) == 0.0
    assert cosine_rate(10, settings) == 1.0
    rates = [cosine_rate(step, settings) for step in range(100)]
    assert max(abs(a - b) for a, b in itertools.pairwise(rates)) <= 0.1 + 1e-9
    assert rates[-1] < 1e-3
