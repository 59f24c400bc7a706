"""The tiny model that all tests of generation share."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image
from transformers import PreTrainedTokenizerFast

from generation.tiny_model import build_tiny_model, draw_pictures


@pytest.fixture(scope="session")
def model() -> Any:
    return build_tiny_model()


@pytest.fixture(scope="session")
def tokenizer(model: Any) -> PreTrainedTokenizerFast:
    return model.processor.tokenizer


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    return draw_pictures()
