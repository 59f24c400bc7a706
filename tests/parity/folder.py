"""Where the goldens are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "MINIGPT4_GOLDENS"
DEFAULT = Path(__file__).parents[1] / "fixtures" / "official_tiny"


def goldens_folder() -> Path:
    """Return the directory of the goldens; fail where there are none, for a skip looks green."""
    given = os.environ.get(VARIABLE)
    folder = Path(given or DEFAULT)
    if not (folder / "golden.json").is_file():
        named = f"{VARIABLE} names" if given else "the goldens' own directory is"
        pytest.fail(
            f"{named} {folder}, which has no golden.json; wanted a directory of the form of "
            f"{DEFAULT.name}, see its README; unset {VARIABLE} for the one of the repository",
            pytrace=False,
        )
    return folder
