"""One import of the goldens' weights for all parity tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from parity.goldens import Goldens


@pytest.fixture(scope="session")
def goldens(tmp_path_factory: pytest.TempPathFactory) -> Goldens:
    directory: Path = tmp_path_factory.mktemp("imported")
    return Goldens(directory)
