"""Where things are kept that can be made again: drawn pictures, shard indexes, features."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder for things that can be made again (`MINIGPT4_CACHE` overrides it)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("MINIGPT4_CACHE") or Path(base) / "minigpt4")
