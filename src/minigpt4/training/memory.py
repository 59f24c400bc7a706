"""Make a training fit: the frozen LLM in fewer bits, in pieces, or computed twice.

The LLM is frozen, but gradients must pass through it to the projection, so its activations are
kept. Its weights are the largest part of the memory, its activations the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import distributed, nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from minigpt4.errors import SettingsError
from minigpt4.model.quantization import quantize_llm
from minigpt4.training.devices import local_device
from minigpt4.training.division import Division
from minigpt4.training.settings import MemorySettings, TrainSettings
from minigpt4.training.task import LLMTask, Task

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_RECOMPUTED = "_is_recomputed"


def fit_into_memory(
    task: Task, settings: TrainSettings, *, division: Division, device: torch.device
) -> None:
    """Store, recompute and shard the task's frozen LLM as the settings say.

    Raises:
        SettingsError: if the task has no LLM, a package is missing, or settings exclude each other.
    """
    memory, shard = settings.memory, settings.distribution.shard_llm
    if memory.micro_batch is not None and division.batch_size is None:
        raise SettingsError(
            f"micro_batch is {memory.micro_batch}, but batches of {type(task).__name__} cannot be "
            "divided; leave it out"
        )
    if not shard and memory == MemorySettings(micro_batch=memory.micro_batch):
        return
    if not isinstance(task, LLMTask):
        raise SettingsError(
            f"{type(task).__name__} trains through no frozen LLM; leave memory.llm_storage, "
            "memory.gradient_checkpointing and distribution.shard_llm as they are"
        )
    if shard:
        _check_shardable(task.llm, settings, division)
    if memory.llm_storage in _DTYPES:
        convert_frozen(task.llm, _DTYPES[memory.llm_storage])
    elif memory.llm_storage != "as_loaded":
        quantize_llm(task.llm, memory.llm_storage, device=device)  # type: ignore[arg-type]
    if memory.gradient_checkpointing:
        recompute_layers(task.llm)
    if shard:
        shard_layers(task.llm, device=device)


def loading_options(settings: TrainSettings, device: str) -> dict[str, Any]:
    """Return device and type with which to `load` a model that `fit` is going to train.

    An LLM that will be quantised or sharded waits in the machine's memory, so that the device
    never has to hold it whole.
    """
    target = local_device(device)
    waits = settings.distribution.shard_llm or settings.memory.llm_storage.startswith(("int", "nf"))
    dtype = torch.float32 if target.type == "cpu" else torch.bfloat16
    return {"device": "cpu" if waits else str(target), "dtype": dtype}


def decoder_layers(llm: nn.Module) -> list[nn.Module]:
    """Return the LLM's layers, in order.

    Raises:
        SettingsError: if its family does not mark them as transformers does.
    """
    layers: list[nn.Module] = [
        m for m in llm.modules() if isinstance(m, GradientCheckpointingLayer)
    ]
    if not layers:
        raise SettingsError(
            f"{type(llm).__name__} has no layers that can be recomputed or sharded one by one; "
            "leave memory.gradient_checkpointing and distribution.shard_llm as they are"
        )
    return layers


def convert_frozen(llm: nn.Module, dtype: torch.dtype) -> None:
    """Convert the frozen weights; LoRA beside them stays fp32, and so do buffers."""
    for parameter in llm.parameters():
        if not parameter.requires_grad and parameter.is_floating_point():
            parameter.data = parameter.data.to(dtype)


def recompute_layers(llm: nn.Module) -> None:
    """Keep only each layer's input; the backward pass computes the layer again.

    Transformers' own switch works in training mode alone, and a frozen LLM stays in eval mode.
    """
    for layer in decoder_layers(llm):
        if not hasattr(layer, _RECOMPUTED):
            layer.forward = _recomputed(layer.forward)
            setattr(layer, _RECOMPUTED, True)


def shard_layers(llm: Any, *, device: torch.device) -> None:
    """Spread the frozen layers over all processes (FSDP2); embedding table and head stay whole.

    A layer is put together for the moment it is computed. What is not in a layer is looked up from
    outside the LLM's own forward (the embedding table, the head) and is small.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (distributed.get_world_size(),))
    layers = decoder_layers(llm)
    in_layers = {parameter for layer in layers for parameter in layer.parameters()}
    whole = set(llm.base_model.parameters()) - in_layers
    for layer in layers:
        fully_shard(layer, mesh=mesh, reshard_after_forward=True)
    fully_shard(llm.base_model, mesh=mesh, ignored_params=whole)


def _check_shardable(llm: nn.Module, settings: TrainSettings, division: Division) -> None:
    if not distributed.is_available() or not distributed.is_initialized():
        raise SettingsError(
            "distribution.shard_llm needs several processes; start them with "
            "`torchrun --nproc-per-node N -m minigpt4 train ...`"
        )
    if settings.memory.llm_storage not in ("as_loaded", *_DTYPES):
        raise SettingsError(
            f"distribution.shard_llm and llm_storage {settings.memory.llm_storage} exclude each "
            "other: shard the LLM in bf16, or quantise it without sharding"
        )
    if settings.memory.micro_batch == "auto":
        raise SettingsError(
            "micro_batch auto cannot be tried with distribution.shard_llm, where all processes "
            "must do the same; give a number"
        )
    if any(parameter.requires_grad for parameter in llm.parameters()):
        raise SettingsError("distribution.shard_llm is for a frozen LLM; this one has LoRA")
    if not division.of_size(settings.memory.micro_batch).is_even:
        raise SettingsError(
            "with distribution.shard_llm every process needs the same number of micro-batches; "
            "give a batch size that the number of processes divides"
        )


def _recomputed(forward: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*args, **kwargs)
        return checkpoint(forward, *args, use_reentrant=False, **kwargs)

    return run
