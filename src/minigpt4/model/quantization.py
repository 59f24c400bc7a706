"""A frozen LLM in less memory: its matrices in 8 or 4 bits, everything else as it was.

Gradients pass through such matrices to what lies before them, so a projection trains through them;
they themselves cannot be trained. The embedding table and the head stay whole: their errors would
meet every token.

| storage    | bytes a weight | by           | on           |
|------------|----------------|--------------|--------------|
| `int8`     | 1              | torchao      | CPU, CUDA    |
| `int8_bnb` | 1              | bitsandbytes | CPU, CUDA    |
| `nf4`      | 0.56           | bitsandbytes | CPU, CUDA    |
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from minigpt4.errors import SettingsError

QuantizedStorage = Literal["int8", "int8_bnb", "nf4"]

_PACKAGES = {"int8": "torchao.quantization", "int8_bnb": "bitsandbytes", "nf4": "bitsandbytes"}


def quantize_llm(llm: nn.Module, storage: QuantizedStorage, *, device: torch.device) -> int:
    """Store the frozen matrices of an LLM in 8 or 4 bits; return how many were converted.

    They are taken to `device` one by one, so an LLM in the machine's memory never needs more there
    than it has in the end.

    Raises:
        SettingsError: if the package that does it is not installed, or the device cannot do it.
    """
    package = _import(storage)
    if device.type not in ("cpu", "cuda"):
        raise SettingsError(f"{storage} runs on cpu and cuda, not on {device.type}; use bf16 there")
    found = list(frozen_matrices(llm))
    for name, linear in found:
        linear.to(device)
        if storage == "int8":
            package.quantize_(linear, package.Int8WeightOnlyConfig())
        else:
            llm.set_submodule(name, _bitsandbytes_matrix(package, linear, storage, device))
    return len(found)


def frozen_matrices(llm: Any) -> Iterator[tuple[str, nn.Linear]]:
    """Yield the LLM's linear layers that are frozen and not stored in fewer bits yet."""
    head = llm.get_output_embeddings()
    for name, module in llm.named_modules():
        # Subclasses belong to somebody else: another package's quantised layers, for one.
        if type(module) is not nn.Linear or module is head or module.weight.requires_grad:
            continue
        if type(module.weight.data) is Tensor and module.weight.is_floating_point():
            yield name, module


def _import(storage: str) -> ModuleType:
    name = _PACKAGES[storage]
    try:
        return import_module(name)
    except ImportError as error:
        raise SettingsError(
            f"{storage} needs the package {name.partition('.')[0]}, which cannot be imported "
            f"({error}); pip install 'minigpt4[quantization]'"
        ) from error


def _bitsandbytes_matrix(
    bnb: Any, linear: nn.Linear, storage: str, device: torch.device
) -> nn.Module:
    weight, bias = linear.weight.data, linear.bias
    size = (linear.in_features, linear.out_features)
    if storage == "nf4":
        matrix = bnb.nn.Linear4bit(
            *size, bias=bias is not None, compute_dtype=weight.dtype, quant_type="nf4"
        )
        matrix.weight = bnb.nn.Params4bit(weight, requires_grad=False, quant_type="nf4")
    else:
        matrix = bnb.nn.Linear8bitLt(*size, bias=bias is not None, has_fp16_weights=False)
        matrix.weight = bnb.nn.Int8Params(weight, requires_grad=False, has_fp16_weights=False)
    matrix.bias = bias
    # The conversion happens on the way to the device, the CPU included.
    return matrix.to(device).requires_grad_(False)
