"""MiniGPT-4 with Llama-2 7B chat and no Q-Former, as released in August 2023.

    minigpt4 train llama2_7b_stage1 --set data.laion.path=... --set data.cc_sbu.path=...
    minigpt4 train llama2_7b_stage2 --set data=cc_sbu_align

The ViT's 256 patches are joined four by four into 64 image tokens; `ln_vision` stays the identity,
as in the official code. Needs `weights/eva_vit_g.pth` and `weights/Llama-2-7b-chat-hf`.

Machine and time: as `vicuna_7b` (the authors name none; not run here). Numbers to expect: the paper
has none for Llama-2; without a Q-Former, with Vicuna, it has A-OKVQA 56.9 and GQA 33.4 (Table 4a).

Hyper-parameters are those of the Vicuna release; layout and prompts are the official ones.
"""

from __future__ import annotations

from minigpt4.model.parts import ModelSettings
from minigpt4.recipes.alignment import AlignmentExperiment, data_fingerprints, run
from minigpt4.recipes.vicuna import EVA_VIT_G, official_stage1, official_stage2

__all__ = ["data_fingerprints", "llama2_7b_stage1", "llama2_7b_stage2", "run"]


def llama2_7b_stage1() -> AlignmentExperiment:
    """20,000 steps of 256 web captions."""
    return official_stage1(
        ModelSettings(
            vision_encoder=EVA_VIT_G, use_qformer=False, llm="weights/Llama-2-7b-chat-hf",
            template="llama2", fresh_projection=True,
        )
    )  # fmt: skip


def llama2_7b_stage2() -> AlignmentExperiment:
    """1,000 steps of 12 curated descriptions, as `[INST] ... [/INST] answer</s>`."""
    return official_stage2("runs/llama2_7b_stage1/model")
