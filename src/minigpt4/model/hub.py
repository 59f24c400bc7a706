"""Fetch models of the Hugging Face hub by name: only the files that are read, never a pickle first.

A name is `org/name`, with `@revision` behind it for a branch, a tag or a commit. What has been
fetched once is used without a network afterwards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from minigpt4.errors import WeightsError

MODEL_FILES = ("*.json", "*.jinja", "*.model", "*.txt", "README.md")
WEIGHT_FILES = ("*.safetensors",)
LEGACY_WEIGHT_FILES = ("*.bin",)
INDEX = "model.safetensors.index.json"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?")


def is_hub_name(text: str | Path) -> bool:
    """Tell whether a text that is no local path reads as `org/name`."""
    found = _NAME.fullmatch(str(text))
    # "runs/model" where there is a folder "runs" is a path with a mistake in it.
    return found is not None and not Path(str(text).partition("/")[0]).exists()


def fetch(name: str, *, prefixes: Sequence[str] = ()) -> Path:
    """Return the local folder of a hub model, fetching what is missing.

    Args:
        name: `org/name` or `org/name@revision`.
        prefixes: of the tensors that are wanted; files without any of them are left there.

    Raises:
        WeightsError: if it cannot be had, with the reason.
    """
    folder = fetch_description(name)
    index = folder / INDEX
    if prefixes and index.is_file():
        places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        wanted = sorted({file for key, file in places.items() if key.startswith(tuple(prefixes))})
        return _snapshot(name, wanted)
    folder = _snapshot(name, WEIGHT_FILES)
    if not any(folder.rglob("*.safetensors")):
        folder = _snapshot(name, LEGACY_WEIGHT_FILES)  # read with weights_only by transformers
    return folder


def fetch_description(name: str) -> Path:
    """Return the local folder of a hub model with everything but its weights."""
    return _snapshot(name, MODEL_FILES)


def commit_of(folder: Path) -> str | None:
    """Return the commit of a fetched folder; None if it is another kind of folder."""
    return folder.name if folder.parent.name == "snapshots" else None


def _snapshot(name: str, patterns: Sequence[str]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    repo, _, revision = name.partition("@")
    try:
        return Path(
            snapshot_download(repo, revision=revision or None, allow_patterns=list(patterns))
        )
    except (OSError, ValueError, HfHubHTTPError) as error:
        reason = " ".join(str(error).split())[:300]
        raise WeightsError(
            f"no folder {name} here, and the Hugging Face hub does not give it: {reason}. Check "
            "the name and the connection, or give the path of a downloaded copy"
        ) from error
