"""Any vision encoder with any LLM, from two names.

    minigpt4 train pair --set model.vision_encoder=google/siglip2-base-patch16-256 \\
        --set model.llm=Qwen/Qwen3-0.6B --set data=captions.jsonl
    minigpt4 train pair_stage2 --set data=descriptions.jsonl

Names are `org/name` of the Hugging Face hub or local directories. There is no Q-Former for a
stranger: patches are joined four by four, as in Table 4 (a). Template, stop strings, number type
and embedding scale are checked before the first step.

Machine: with the two named above, one GPU of 8 GB; `minigpt4 plan pair` says it for others. Stage 1
has a tenth of the paper's batch times steps. Not run here beyond tiny models of random weights; no
numbers to expect. Watch that stage 1 falls well below the loss of its first 100 steps.
"""

from __future__ import annotations

from dataclasses import replace

from minigpt4.model.parts import ModelSettings
from minigpt4.recipes.alignment import AlignmentExperiment, data_fingerprints, run
from minigpt4.recipes.vicuna import official_stage1, official_stage2

__all__ = ["data_fingerprints", "pair", "pair_stage2", "run"]


def pair() -> AlignmentExperiment:
    """Stage 1 of any pair: short captions, official learning rates of a fresh projection."""
    model = ModelSettings(
        vision_encoder="google/siglip2-base-patch16-256", llm="Qwen/Qwen3-0.6B",
        use_qformer=False, fresh_projection=True,
    )  # fmt: skip
    return replace(
        official_stage1(model), data={}, num_steps=4_000, batch_size=128, batches_per_step=1,
        peak_lr=1e-3, final_lr=1e-5, warmup_steps=200, steps_per_epoch=None, schedule="cosine",
        clean_captions=False,
    )  # fmt: skip


def pair_stage2() -> AlignmentExperiment:
    """Stage 2 of a pair, from what `pair` left in `runs/`."""
    return replace(official_stage2("runs/pair/model"), data={})
