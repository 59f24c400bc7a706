"""MiniGPT-4 LocNa: stage 2 on Localized Narratives in the place of the curated descriptions.

    minigpt4 train locna --set data.narratives.path=localized_narratives:FILE.jsonl,images=DIR
    minigpt4 train locna --base miniature           minutes on two cores

Machine and time: those of the base's stage 2 (the paper's 7 min on one A100; not run here). Numbers
to expect: the paper has none; its figures 4b, 13 and 14 show answers that are as monotonous as the
narratives. All else is stage 2 as it is: only the data differ.
"""

from __future__ import annotations

from dataclasses import replace

from minigpt4.recipes.alignment import AlignmentExperiment, data_fingerprints, run
from minigpt4.recipes.bases import DEFAULT_BASE, find_base

__all__ = ["data_fingerprints", "locna", "run"]


def locna(base: str = DEFAULT_BASE) -> AlignmentExperiment:
    """Stage 2 on narratives, from the base's own stage 1."""
    found = find_base(base)
    return replace(found.stage2(), data={"narratives": found.narratives})
