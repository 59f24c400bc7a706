"""The miniature: a whole MiniGPT-4 at a thousandth of the size, trained on drawn pictures.

    minigpt4 train miniature_llm        the LLM, on text alone                      ~ 3 h
    minigpt4 train miniature_vision     eyes, Q-Former and the BLIP-2 baseline      ~ 150 min
    minigpt4 train miniature_stage1     the projection, on short web captions       ~ 15 min
    minigpt4 train miniature_stage2     the projection, on detailed descriptions    ~ 6 min

Machine and time: two CPU cores; the times are of one core, added up from runs that were resumed.
The first two make the frozen parts, which are shipped; the last two are the two stages of the paper
(§3.1, §3.2) and start from the shipped parts unless told otherwise.
Expected numbers: `README.md`, which prints the command that measures them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from minigpt4.config import config
from minigpt4.recipes.miniature_frozen import run_llm, run_vision
from minigpt4.recipes.miniature_llm import LLMSettings
from minigpt4.recipes.miniature_qformer import QFormerSettings
from minigpt4.recipes.miniature_stages import run_stage
from minigpt4.recipes.miniature_vision import VisionSettings
from minigpt4.training.settings import DistributionSettings, MemorySettings

WEAK_LLM = LLMSettings(
    hidden_size=160, num_layers=3, num_heads=5, intermediate_size=432, small_corpus=True,
)  # fmt: skip


@config
class LLMExperiment:
    """Tokenizer and LLM of the miniature."""

    num_steps: int = 6_000
    """Optimizer steps; every fourth retells."""
    batch_size: int = 4_096
    """Tokens of a batch, padding included."""
    checkpoint_every_steps: int = 100
    """Steps between checkpoints."""
    seed: int = 0
    """Seed of weights and documents."""
    peak_lr: float = 1.5e-3
    """Learning rate after the warm-up."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """What moves the weights."""
    start: str = ""
    """Folder of an earlier LLM that goes on to learn, its tokenizer kept; "": from nothing."""
    llm: LLMSettings = LLMSettings()
    """Size and diet."""


@config
class VisionExperiment:
    """Weak LLM, eyes and Q-Former, one after the other."""

    num_steps: int = 3_600
    """Steps of the Q-Former, the last part."""
    batch_size: int = 64
    """Pictures of a batch, in all parts."""
    checkpoint_every_steps: int = 100
    """Steps between checkpoints."""
    seed: int = 0
    """Seed of weights, pictures and captions."""
    num_pictures: int = 49_152
    """Drawn pictures of the training split."""
    num_validation_pictures: int = 512
    """Drawn pictures that are never trained on."""
    weak_llm_steps: int = 1_900
    """Steps of the weak LLM."""
    teacher_steps: int = 1_400
    """Steps of the convolutional teacher."""
    vision_encoder: Literal["vit", "teacher"] = "vit"
    """What the miniature looks with: a ViT that regresses the convolutional teacher's features,
    or that teacher itself."""
    vision_encoder_steps: int = 2_200
    """Steps in which the ViT regresses the teacher."""
    vision_encoder_finish_steps: int = 3_300
    """Steps in which the ViT then learns the tags alone."""
    tokenizer: str = ""
    """Directory of the tokenizer; "": the LLM's of `runs/miniature_llm` or the shipped one."""
    start: str = ""
    """Model directory (an earlier baseline) whose weak LLM and Q-Former go on to learn; "": from
    nothing."""
    weak_llm: LLMSettings = WEAK_LLM
    """Size and diet of the weak LLM."""
    vision: VisionSettings = VisionSettings()
    """Sizes of teacher and ViT."""
    qformer: QFormerSettings = QFormerSettings()
    """Sizes of the Q-Former."""


@config
class StageExperiment:
    """One stage of aligning: only the projection learns."""

    stage: int
    """1: web captions without a prompt; 2: detailed descriptions as answers."""
    num_steps: int
    """Optimizer steps."""
    batch_size: int
    """Pictures of a batch."""
    num_pictures: int
    """Drawn pictures of the training split."""
    num_validation_pictures: int = 512
    """Drawn pictures that are never trained on."""
    pictures_seed: int
    """Stream of pictures; no two parts of the miniature share one."""
    peak_lr: float
    """Learning rate after the warm-up."""
    final_lr: float
    """Learning rate at the end."""
    warmup_steps: int
    """Steps of linear warm-up."""
    checkpoint_every_steps: int = 100
    """Steps between checkpoints."""
    seed: int = 42
    """Seed of prompts, order and the projection's first weights."""
    data: str = ""
    """A data set to train on instead of the drawn pictures and their texts: what `curate export`
    wrote, or drawn pictures with other texts (`world:clean?split=train&seed=20&count=3500`);
    "": the world's own descriptions."""
    features: str = ""
    """Folder of `minigpt4 cache build`; "": encode the pictures before the first step."""
    num_workers: int = 0
    """Processes that prepare batches ahead; 0: one thread."""
    max_bad_share: float = 0.1
    """Largest share of bad examples before the run stops."""
    distribution: DistributionSettings = DistributionSettings()
    """Several processes."""
    memory: MemorySettings = MemorySettings()
    """Less memory."""
    start: str = ""
    """Model directory to start from; "": the shipped frozen parts (stage 1), or what
    `miniature_stage1` left in `runs/`, else the shipped stage 1 (stage 2)."""


def miniature_llm() -> LLMExperiment:
    """The LLM, on text alone."""
    return LLMExperiment()


def miniature_vision() -> VisionExperiment:
    """The vision side, pretrained as BLIP-2 was."""
    return VisionExperiment()


def miniature_stage1() -> StageExperiment:
    """Paper §3.1 at a thousandth: short web captions, no prompt."""
    return StageExperiment(
        stage=1, num_steps=1_000, batch_size=64, num_pictures=12_288, pictures_seed=10,
        peak_lr=4e-3, final_lr=1e-4, warmup_steps=80,
    )  # fmt: skip


def miniature_stage2() -> StageExperiment:
    """Paper §3.2 at a thousandth: few detailed descriptions, four prompts, batches of 12."""
    return StageExperiment(
        stage=2, num_steps=1_000, batch_size=12, num_pictures=3_500, pictures_seed=20,
        peak_lr=1e-3, final_lr=5e-5, warmup_steps=40,
    )  # fmt: skip


def run(experiment: Any, *, out: Path, resume: bool, device: str) -> Any:
    """Run one of the four experiments; its model ends in `out/model`."""
    if isinstance(experiment, LLMExperiment):
        return run_llm(experiment, out=out, resume=resume, device=device)
    if isinstance(experiment, VisionExperiment):
        return run_vision(experiment, out=out, resume=resume, device=device)
    return run_stage(experiment, out=out, resume=resume, device=device)
