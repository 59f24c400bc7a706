"""The outputs of the reference scripts, from `MINIGPT4_METRIC_GOLDENS` or the copy beside us."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

COPY = Path(__file__).parents[2] / "fixtures" / "metrics"
GOLDENS = Path(os.environ.get("MINIGPT4_METRIC_GOLDENS") or COPY)
NEAR = 1e-9
"""How close a number must be."""


def golden(name: str) -> Any:
    """Return the content of a JSON file of the goldens."""
    return json.loads((GOLDENS / name).read_text(encoding="utf-8"))


def systems(totals: Mapping[str, Any]) -> list[str]:
    """Return the systems a file of goldens is about; the pooled one has no file of its own."""
    return [name for name in totals if name != "pooled"]


def write_json(path: Path, content: Any) -> Path:
    """Write a JSON file for a reader to read."""
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
