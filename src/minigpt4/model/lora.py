"""LoRA on the LLM: a low-rank update beside each chosen matrix, the matrices themselves frozen.

The update lives inside the LLM's modules, so generation needs nothing to know of it; its weights
are saved with the projection, never with the frozen LLM. Needs the extra `lora` (peft).

Paper: Table 6 (MiniGPT-4 with more capacity); rank, scale and places are those of the official
code's later model, for the paper names none.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from minigpt4.config import build_config, config, dump_config
from minigpt4.errors import SettingsError

_MARK = ".lora_"


@config
class LoraSettings:
    """Size and places of the low-rank updates."""

    rank: int = 64
    """Columns of each update's factors."""
    alpha: float = 16.0
    """The update is multiplied by alpha / rank."""
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    """Names (their last part) of the linear layers that get an update."""
    dropout: float = 0.05
    """Share of an update's inputs that is dropped while training."""

    def __post_init__(self) -> None:
        if self.rank < 1 or not self.targets or not 0 <= self.dropout < 1:
            raise SettingsError(
                f"LoRA of rank {self.rank} at {self.targets} with dropout {self.dropout}: wanted "
                "a rank of 1 or more, at least one target and a dropout below 1"
            )


def lora_settings(values: Any) -> LoraSettings | None:
    """Read the settings as a model's configuration holds them: a mapping, or nothing."""
    if values is None or isinstance(values, LoraSettings):
        return values
    return build_config(LoraSettings, values, where="lora")


def lora_values(settings: LoraSettings | None) -> dict[str, Any] | None:
    """Return the settings as a model's configuration holds them."""
    return None if settings is None else dump_config(settings)


def add_lora(llm: nn.Module, settings: LoraSettings) -> None:
    """Put updates into the LLM in place, in fp32; they change nothing until they are trained.

    Raises:
        SettingsError: if peft is missing, or the LLM has no layer of the given names.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise SettingsError(
            "LoRA needs the package peft; install it: pip install 'minigpt4[lora]'"
        ) from error
    linear = {
        name.rpartition(".")[2] for name, m in llm.named_modules() if isinstance(m, nn.Linear)
    }
    missing = sorted(set(settings.targets) - linear)
    if missing:
        raise SettingsError(
            f"a {type(llm).__name__} has no linear layer named {', '.join(missing)}; "
            f"choose LoRA targets among {', '.join(sorted(linear - {'lm_head'}))}"
        )
    inject_adapter_in_model(
        LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,  # type: ignore[arg-type] # peft divides whatever it is
            target_modules=list(settings.targets),
            lora_dropout=settings.dropout,
            bias="none",
        ),
        llm,
    )
    for name, parameter in llm.named_parameters():
        if is_lora(name):
            parameter.data = parameter.data.float()  # small, and what the optimizer sees


def is_lora(name: str) -> bool:
    """Tell whether a parameter of this name belongs to an update."""
    return _MARK in name


def lora_modules(llm: nn.Module) -> list[nn.Module]:
    """Return the modules of the updates (factors and dropout), to switch their mode."""
    return [m for name, m in llm.named_modules() if name.rpartition(".")[2].startswith("lora_")]


def base_tensors(part: nn.Module, *, parameters_only: bool = False) -> dict[str, Tensor]:
    """Return a frozen part's own tensors under their own names, as if it had no updates."""
    named = dict(part.named_parameters()) if parameters_only else part.state_dict()
    return {
        name.replace(".base_layer.", "."): tensor
        for name, tensor in named.items()
        if not is_lora(name)
    }


@torch.no_grad()
def merged_tensors(llm: nn.Module) -> dict[str, Tensor]:
    """Return the LLM's tensors with the updates added to them, for programs without LoRA."""
    tensors = base_tensors(llm)
    for name, module in llm.named_modules():
        if hasattr(module, "get_delta_weight") and hasattr(module, "base_layer"):
            layer: Any = module
            weight = tensors[f"{name}.weight"]
            tensors[f"{name}.weight"] = weight + layer.get_delta_weight("default").to(weight.dtype)
    return tensors
