"""The paper's curation, and its counterpart on drawn pictures.

    minigpt4 curate run --preset miniature --out runs/curation   a fifth of a second a picture

Machine and time: one CPU core.

Paper: §3.2 (5,000 pictures, of which about 3,500 survive).
"""

from __future__ import annotations

from dataclasses import replace

from minigpt4.curation.describe import DescribeSettings
from minigpt4.curation.pipeline import CurationSettings
from minigpt4.curation.session import SessionSettings
from minigpt4.errors import SettingsError
from minigpt4.generation import GREEDY

SAMPLED = DescribeSettings(generation=replace(GREEDY, do_sample=True, top_p=0.9, seed=0))
"""Drawn by chance, as the paper did; a model's likeliest words are nearly the same for every
picture, and a projection trained on them unlearns the rest (docs/experiments.md)."""


def paper() -> SessionSettings:
    """The paper's: 5,000 pictures; the repairing service is yours to name."""
    return SessionSettings(
        curation=CurationSettings(images="", model="", limit=5_000, describe=SAMPLED)
    )


def miniature() -> SessionSettings:
    """Drawn pictures of the training split; the world's truth takes the person's place."""
    base = paper()
    drawn = replace(
        base.curation,
        images="world:train,seed=30,count=5000",
        model="miniature_stage1",
    )
    return replace(base, curation=drawn, judge="truth")


PRESETS = {"paper": paper, "miniature": miniature}
"""What `--preset` names."""


def preset(name: str) -> SessionSettings:
    """Return the settings of a preset.

    Raises:
        SettingsError: for an unknown name.
    """
    if name not in PRESETS:
        raise SettingsError(f"unknown preset {name!r}; known: {', '.join(PRESETS)}")
    return PRESETS[name]()
