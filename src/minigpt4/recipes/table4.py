"""Table 4: does the architecture matter? Three rows, each one edit of the base.

    minigpt4 table 4 --base miniature              all of it: trains the rows and scores them
    minigpt4 train table4_no_qformer_stage1        then   table4_no_qformer_stage2
    minigpt4 train table4_three_layers_stage1      then   table4_three_layers_stage2
    minigpt4 train table4_qformer_trained_stage1   then   table4_qformer_trained_stage2
    (each with `--base miniature`: minutes on two cores)

Machine and time: those of the base, `vicuna_7b` by default (stage 1: the paper's 10 h on 4 A100).
Numbers to expect, the paper's (not run here), A-OKVQA multiple choice / GQA:

    MiniGPT-4                  58.2 / 32.2
    (a) without Q-Former       56.9 / 33.4
    (b) three linear layers    49.7 / 31.0
    (c) Q-Former trained too   52.1 / 28.0

The paper does not say what is between the three layers; here it is a GELU.
"""

from __future__ import annotations

from dataclasses import replace

from minigpt4.recipes.alignment import AlignmentExperiment, data_fingerprints, run
from minigpt4.recipes.bases import DEFAULT_BASE, row_stage1, row_stage2

__all__ = [
    "data_fingerprints",
    "no_qformer_stage1",
    "no_qformer_stage2",
    "qformer_trained_stage1",
    "qformer_trained_stage2",
    "run",
    "three_layers_stage1",
    "three_layers_stage2",
]


def without_qformer(base: AlignmentExperiment) -> AlignmentExperiment:
    """Row (a): patch features go straight to the projection."""
    return replace(base, model=replace(base.model, use_qformer=False))


def with_three_layers(base: AlignmentExperiment) -> AlignmentExperiment:
    """Row (b): three linear layers in the place of one."""
    return replace(base, model=replace(base.model, projection_num_layers=3))


def with_trained_qformer(base: AlignmentExperiment) -> AlignmentExperiment:
    """Row (c): the Q-Former learns with the projection, in both stages."""
    return replace(base, model=replace(base.model, train_qformer=True))


def no_qformer_stage1(base: str = DEFAULT_BASE) -> AlignmentExperiment:
    """Row (a), stage 1."""
    return row_stage1(base, without_qformer)


def no_qformer_stage2(base: str = DEFAULT_BASE) -> AlignmentExperiment:
    """Row (a), stage 2."""
    return row_stage2(base, without_qformer, recipe="table4_no_qformer_stage2")


def three_layers_stage1(base: str = DEFAULT_BASE) -> AlignmentExperiment:
    """Row (b), stage 1."""
    return row_stage1(base, with_three_layers)


def three_layers_stage2(base: str = DEFAULT_BASE) -> AlignmentExperiment:
    """Row (b), stage 2."""
    return row_stage2(base, with_three_layers, recipe="table4_three_layers_stage2")


def qformer_trained_stage1(base: str = DEFAULT_BASE) -> AlignmentExperiment:
    """Row (c), stage 1."""
    return row_stage1(base, with_trained_qformer)


def qformer_trained_stage2(base: str = DEFAULT_BASE) -> AlignmentExperiment:
    """Row (c), stage 2."""
    return row_stage2(base, with_trained_qformer, recipe="table4_qformer_trained_stage2")
