"""MiniGPT-4 with Vicuna v0: the paper's model, both stages, at 7B and 13B.

    minigpt4 train vicuna_7b_stage1 --set data.laion.path=laion/{00000..10488}.tar \\
        --set data.cc_sbu.path=cc_sbu/{00000..01255}.tar
    minigpt4 train vicuna_7b_stage2 --set data=cc_sbu_align

The frozen parts are looked for in `weights/`: `eva_vit_g.pth`, `blip2_pretrained_flant5xxl.pth`
(its Q-Former is taken, no T5) and Vicuna **v0**, merged; `--set model.llm=DIR` names another
place.

Machine and time, the paper's: stage 1 on 4 A100-80GB in about 10 hours, stage 2 on one in 7
minutes. Not run here. Loss to expect, as users report: stage 1 from about 5 to 2.5, stage 2 (13B)
from 3.8 to 1.4-1.9. Scores, the paper's: A-OKVQA 58.2, GQA 32.2 (Table 6); COCO captions covered
66.2 % (Table 2); failed descriptions 35 % after stage 1 and 2 % after stage 2 (Table 3).

Hyper-parameters are those of the released code. The paper says 400 steps for stage 2, every public
configuration 1,000: `--set num_steps=400` is the paper's.

Paper: §3.
"""

from __future__ import annotations

from minigpt4.data.prompts import STAGE2_PROMPTS
from minigpt4.data.world import STAGE1_RATIO
from minigpt4.model.parts import ModelSettings
from minigpt4.recipes.alignment import AlignmentExperiment, data_fingerprints, run
from minigpt4.recipes.sources import SourceSettings

__all__ = [
    "data_fingerprints",
    "run",
    "vicuna_7b_stage1",
    "vicuna_7b_stage2",
    "vicuna_13b_stage1",
    "vicuna_13b_stage2",
]

EVA_VIT_G = "weights/eva_vit_g.pth"
BLIP2_QFORMER = "weights/blip2_pretrained_flant5xxl.pth"


def vicuna_7b_stage1() -> AlignmentExperiment:
    """20,000 steps of 256 web captions; paper: 10 h on 4 A100."""
    return official_stage1(official_parts("weights/vicuna-7b-v0"))


def vicuna_7b_stage2() -> AlignmentExperiment:
    """1,000 steps of 12 curated descriptions; paper (400 steps): 7 min on one A100."""
    return official_stage2("runs/vicuna_7b_stage1/model")


def vicuna_13b_stage1() -> AlignmentExperiment:
    """Stage 1 with Vicuna 13B; 64 pictures do not fit on 40 GB without `memory.micro_batch`."""
    return official_stage1(official_parts("weights/vicuna-13b-v0"))


def vicuna_13b_stage2() -> AlignmentExperiment:
    """Stage 2 with Vicuna 13B; users report losses from 3.8 to 1.4-1.9."""
    return official_stage2("runs/vicuna_13b_stage1/model")


def official_parts(llm: str, *, template: str = "vicuna_v0") -> ModelSettings:
    """Return the parts of the paper around an LLM, with a fresh projection."""
    return ModelSettings(
        vision_encoder=EVA_VIT_G, qformer=BLIP2_QFORMER, llm=llm, template=template,
        fresh_projection=True,
    )  # fmt: skip


def official_stage1(model: ModelSettings) -> AlignmentExperiment:
    """Return stage 1 with the official hyper-parameters: 4 GPUs of 64, 4 epochs of 5,000."""
    return AlignmentExperiment(
        stage=1, model=model,
        data={
            "laion": SourceSettings(
                path="data/laion/{00000..10488}.tar", ratio=STAGE1_RATIO["laion"]
            ),
            "cc_sbu": SourceSettings(
                path="data/cc_sbu/{00000..01255}.tar", ratio=STAGE1_RATIO["cc_sbu"]
            ),
        },
        num_steps=20_000, batch_size=256, batches_per_step=4,
        peak_lr=1e-4, final_lr=8e-5, warmup_lr=1e-6, warmup_steps=5_000, steps_per_epoch=5_000,
        weight_decay=0.05, clean_captions=True,
    )  # fmt: skip


def official_stage2(start: str) -> AlignmentExperiment:
    """Return stage 2 with the official hyper-parameters: one GPU of 12, 5 epochs of 200."""
    return AlignmentExperiment(
        stage=2, model=ModelSettings(start=start),
        data={"descriptions": SourceSettings(path="data/cc_sbu_align")},
        prompts=STAGE2_PROMPTS, max_text_tokens=160,
        num_steps=1_000, batch_size=12, checkpoint_every_steps=200,
        peak_lr=3e-5, final_lr=1e-5, warmup_lr=1e-6, warmup_steps=200, steps_per_epoch=200,
        weight_decay=0.05,
    )  # fmt: skip
