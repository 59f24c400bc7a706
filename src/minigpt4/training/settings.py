"""The settings of a training run, each with its unit.

Paper: §3 (two-stage training). The official values of both stages are in `recipes/`.
"""

from __future__ import annotations

from typing import Literal

from minigpt4.config import config
from minigpt4.errors import SettingsError

LLMStorage = Literal["as_loaded", "fp32", "bf16", "int8", "int8_bnb", "nf4"]

_AT_LEAST_ONE = ("num_steps", "batches_per_step", "checkpoint_every_steps", "keep_checkpoints")


@config
class DistributionSettings:
    """How several processes (`torchrun`) share a training."""

    shard_llm: bool = False
    """Each process keeps its share of the frozen LLM's layers and borrows the others' (FSDP2)."""


@config
class MemorySettings:
    """What is paid with time to need less memory."""

    llm_storage: LLMStorage = "as_loaded"
    """How the frozen LLM's matrices are kept: "bf16" and "fp32" convert it; "int8" (torchao, weight
    only), "int8_bnb" and "nf4" (bitsandbytes) take a half and a quarter of bf16."""

    gradient_checkpointing: bool = False
    """Compute each layer of the LLM again in the backward pass instead of keeping its insides."""

    micro_batch: int | Literal["auto"] | None = None
    """Most rows in one forward pass of a process; the step's batch stays the same. "auto": as many
    as fit; it starts with all and is halved when memory runs out. None: all."""

    def __post_init__(self) -> None:
        if isinstance(self.micro_batch, int) and self.micro_batch < 1:
            raise SettingsError(f"micro_batch is {self.micro_batch}; wanted at least 1, or auto")


@config
class TrainSettings:
    """Everything `fit` needs to know that is not the task itself."""

    num_steps: int
    """Optimizer steps of the whole run; micro-batches do not count."""

    peak_lr: float
    """Learning rate at the end of the warm-up."""

    final_lr: float = 0.0
    """Learning rate at the end of the cosine."""

    warmup_lr: float = 1e-6
    """Learning rate of the very first step."""

    warmup_steps: int = 0
    """Optimizer steps of linear warm-up."""

    schedule: Literal["official", "cosine"] = "cosine"
    """"official": the cosine is not shifted by the warm-up, so there is a drop at the join."""

    steps_per_epoch: int | None = None
    """Steps of an official "epoch", after which its warm-up starts anew; None: one epoch."""

    optimizer: Literal["adamw", "muon"] = "adamw"
    """"muon" updates hidden matrices by Muon and the rest by AdamW, at the same learning rate; for
    whole networks that learn from nothing. A projection is one matrix: "adamw", as officially."""

    weight_decay: float = 0.05
    """Decay of weight matrices; biases and norms are never decayed."""

    betas: tuple[float, float] = (0.9, 0.999)
    """AdamW's moment decays."""

    adam_eps: float = 1e-8
    """AdamW's denominator floor."""

    grad_clip: float | None = None
    """Largest global gradient norm; None: no clipping, as in the official code."""

    batches_per_step: int = 1
    """Batches of the task in one optimizer step, over all processes. Each batch comes from one
    source, so this is how many sources a step may see: officially one for each of 4 GPUs. How the
    rows are divided among processes and micro-batches changes the result by rounding only."""

    precision: Literal["bf16", "fp32"] = "fp32"
    """"bf16" runs the model under autocast; trained weights and the loss stay fp32."""

    checkpoint_every_steps: int = 500
    """Optimizer steps between checkpoints; one is always written at the end."""

    keep_checkpoints: int = 2
    """Newest checkpoints that are kept; a damaged one falls back to the one before."""

    max_bad_share: float = 0.1
    """Largest share of bad examples (missing, truncated ...) before the run stops."""

    validate_every_steps: int | None = None
    """Optimizer steps between validations; None: only at the end."""

    log_every_steps: int = 10
    """Optimizer steps between two lines of `metrics.jsonl`."""

    num_workers: int = 0
    """Processes that prepare batches ahead; 0: one background thread."""

    seed: int = 42
    """Seed of the dice thrown while training (dropout); data has its own seed."""

    distribution: DistributionSettings = DistributionSettings()
    """Several processes."""

    memory: MemorySettings = MemorySettings()
    """Less memory."""

    def __post_init__(self) -> None:
        # A warm-up longer than the run is allowed: a run cut short keeps its first learning rates.
        if self.warmup_steps < 0:
            raise SettingsError(f"warmup_steps is {self.warmup_steps}; wanted 0 or more")
        for name in _AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; wanted at least 1")
        if not 0 <= self.max_bad_share <= 1:
            raise SettingsError(f"max_bad_share is {self.max_bad_share}; wanted a share, 0 to 1")
        for name in ("validate_every_steps", "log_every_steps", "steps_per_epoch"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingsError(f"{name} is {value}; wanted at least 1")
