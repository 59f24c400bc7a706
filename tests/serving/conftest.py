"""The tiny model and the engine that all tests of serving share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from generation.tiny_model import build_tiny_model, draw_pictures
from minigpt4.serving.engine import Engine


@pytest.fixture(scope="session")
def model() -> Any:
    return build_tiny_model()


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    return draw_pictures()


@pytest.fixture
def engine(model: Any) -> Iterator[Engine]:
    with Engine(model, max_batch=4, max_queue=8) as running:
        yield running
