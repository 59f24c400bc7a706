"""A text that says where a part is: a file, a directory, or `org/name` of the hub.

Reading a place's description never touches its weights; for a part of the hub that is not here yet,
published sizes do where they are known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn
from transformers import AutoConfig

from minigpt4.errors import WeightsError
from minigpt4.model.fingerprint import fingerprint
from minigpt4.model.frozen import (
    CONFIG_ERRORS,
    FrozenSource,
    quiet_transformers,
    short_reason,
)
from minigpt4.model.hub import commit_of, fetch, fetch_description, is_hub_name
from minigpt4.model.official_files import read_json
from minigpt4.model.published import published_config
from minigpt4.processing.images import CLIP_MEAN, CLIP_STD

BLIP2 = "blip-2"
_BLIP2_PREFIXES = ("vision_model.", "qformer.", "query_tokens", "language_projection.")
ImageNorm = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and deviation of the pictures that a vision encoder was trained on."""


class Place:
    """A text that names a file, a directory or a model of the hub."""

    def __init__(self, text: str, *, only_config: bool = False) -> None:
        self.text, self.hub = text, None
        self.path = Path(text).expanduser()
        if not self.path.exists() and is_hub_name(text):
            self.hub = text.partition("@")[0]
            self.path = fetch_description(text)
            if not only_config:
                self.path = fetch(text, prefixes=_BLIP2_PREFIXES if self.is_official_form else ())
        if not self.path.exists():
            raise WeightsError(f"nothing at {text}; give the path of a file or directory, or the "
                               "org/name of a model of the Hugging Face hub")  # fmt: skip

    def config(self) -> Any:
        """Return the configuration of the model in this directory."""
        try:
            with quiet_transformers():
                return AutoConfig.from_pretrained(self.path, local_files_only=True)
        except CONFIG_ERRORS as error:
            raise WeightsError(
                f"{self.text} is no model of transformers: {short_reason(error)}; give the "
                "directory or the org/name of one"
            ) from error

    @property
    def is_official_form(self) -> bool:
        """Whether it is an official file or a BLIP-2, parts of which are taken out."""
        if self.path.is_file():
            return True
        return read_json(self.path / "config.json").get("model_type") == BLIP2

    def source(self, part: nn.Module) -> tuple[FrozenSource, Path]:
        """Return how a model directory names this place."""
        source = FrozenSource(
            kind="directory",
            path=str(self.path.resolve()),
            fingerprint=fingerprint(part),
            num_parameters=sum(parameter.numel() for parameter in part.parameters()),
        )
        if self.hub is not None:
            revision = commit_of(self.path)
            source = replace(source, kind="hub", path=self.hub, revision=revision)
        return source, self.path


def sizes_of(text: str, read: Callable[[Place], Any]) -> Any:
    """Read a part's sizes where it is; take the published ones where it isn't (yet)."""
    published = None if Path(text).expanduser().exists() else published_config(text)
    return read(Place(text, only_config=True)) if published is None else published


def image_norm(path: Path) -> ImageNorm:
    """Return mean and deviation that a vision model's own preprocessing has; CLIP's without one."""
    file = path / "preprocessor_config.json"
    values = read_json(file) if file.is_file() else {}
    return (
        tuple(values.get("image_mean") or CLIP_MEAN),
        tuple(values.get("image_std") or CLIP_STD),
    )
