"""BLIP-2 FT: a BLIP-2 finetuned on the data of stage 2. Does a weaker LLM gain the abilities too?

    minigpt4 train blip2_ft --set data=cc_sbu_align
    minigpt4 train blip2_ft --base miniature        minutes on two cores

The base's BLIP-2 goes through stage 2 as MiniGPT-4 does: only its linear layer learns. The paper
took the BLIP-2 with FlanT5-XXL, an encoder-decoder; this composition needs a causal LLM, so the
one with OPT-6.7B stands in for it, with BLIP-2's own projection.

Machine and time: about those of `vicuna_7b_stage2` (not run here). Numbers to expect: the paper has
none; its figures 4b, 13 and 14 show short answers that lack the abilities.
"""

from __future__ import annotations

from dataclasses import replace

from minigpt4.recipes.alignment import AlignmentExperiment, data_fingerprints, run
from minigpt4.recipes.bases import DEFAULT_BASE, find_base

__all__ = ["blip2_ft", "data_fingerprints", "run"]


def blip2_ft(base: str = DEFAULT_BASE) -> AlignmentExperiment:
    """Stage 2 of the base, on its BLIP-2."""
    found = find_base(base)
    return replace(found.stage2(), model=found.blip2)
