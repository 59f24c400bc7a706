"""The tiny task of `tiny_run.py`, which the tests here train in this process and in others."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TINY_RUN = Path(__file__).with_name("tiny_run.py")


@pytest.fixture
def tiny_task() -> Callable[..., Any]:
    """The class of the tiny task."""
    return runpy.run_path(str(TINY_RUN))["TinyTask"]


@pytest.fixture
def tiny_settings() -> Callable[..., Any]:
    """The maker of its settings."""
    return runpy.run_path(str(TINY_RUN))["tiny_settings"]
