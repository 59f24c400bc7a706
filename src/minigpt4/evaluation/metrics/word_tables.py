"""The word tables that the metrics ship beside their code, as JSON."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def load_table(name: str) -> dict[str, Any]:
    """Return a table by its file name."""
    text = files("minigpt4.evaluation.metrics").joinpath(name).read_text(encoding="utf-8")
    return json.loads(text)


def words_in(lines: list[str]) -> list[str]:
    """Return the words of a list that a table keeps in lines, to be readable."""
    return " ".join(lines).split()
