"""One directory is one model.

    config.json          what the model is made of
    model.safetensors    what was trained: the projection, the queries, the Q-Former if it was
    frozen.json          where the frozen parts are, with their fingerprints
    vision_encoder/ qformer/ llm/      the frozen parts, if they are copies
    tokenizer.json, processor_config.json, chat_template.jinja ...     the processor
    experiment.json, README.md         how it was made

`load` gives the model or says in one sentence what does not fit and what would. `save` writes the
directory whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from minigpt4.errors import SettingsError, WeightsError, WrongLLMError
from minigpt4.model.configuration import MiniGPT4Config
from minigpt4.model.devices import available_device
from minigpt4.model.fingerprint import fingerprint_tensors
from minigpt4.model.frozen import (
    ASSETS,
    CONFIG_ERRORS,
    FROZEN_FILE,
    FrozenSource,
    copy_part,
    load_part,
    quiet_transformers,
    read_sources,
    refer_to,
    short_reason,
    write_sources,
)
from minigpt4.model.health import find_fault
from minigpt4.model.hub import fetch, is_hub_name
from minigpt4.model.lora import base_tensors, is_lora
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
from minigpt4.model.storage import whole_directory
from minigpt4.model.vision import LeftOut, is_left_out
from minigpt4.processing.conversation import template_by_name
from minigpt4.processing.processor import MiniGPT4Processor

MINIATURE = ASSETS / "miniature"
PACKAGED = {name: ASSETS / name for name in ("miniature", "miniature_stage1", "miniature_blip2")}
WEIGHTS_FILE = "model.safetensors"
CARD_FILE = "README.md"
EXPERIMENT_FILE = "experiment.json"

PART_CONFIGS = {"vision_encoder": "vision_config", "qformer": "qformer_config"}

# What `save` writes and so may replace; anything else in a directory is kept.
OWNED_FILES = frozenset(
    {
        "config.json",
        "generation_config.json",
        WEIGHTS_FILE,
        FROZEN_FILE,
        "vision_encoder",
        "qformer",
        "llm",
        "chat_template.jinja",
        "processor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
    }
)

# How a model was made: `save` keeps it where it writes over the very model it has.
MADE_BY_FILES = frozenset({CARD_FILE, EXPERIMENT_FILE})


def load(
    path: str | Path = "miniature",
    *,
    device: str = "auto",
    dtype: str | torch.dtype = "auto",
    encoder: bool = True,
) -> MiniGPT4ForConditionalGeneration:
    """Load a model directory, a shipped model by its name, or `org/name` of the hub.

    The processor is attached as `.processor`.

    `device="auto"` takes a CUDA GPU if there is one, else the CPU. `dtype="auto"` computes the
    frozen parts in fp32 on a CPU and in bf16 elsewhere; the projection is always fp32.
    `encoder=False` leaves the frozen encoder out: such a model takes features computed before, and
    no pictures.

    Raises:
        WeightsError: if anything is missing, damaged or belongs to another model.
        SettingsError: if the device is unknown or not there.
    """
    directory = find_directory(path)
    config = read_config(directory)
    where = available_device(device)
    sources = read_sources(directory)
    parts = {
        name: load_part(
            name,
            source,
            directory=directory,
            config=config,
            dtype=choose_dtype(dtype, where),
            device=where,
        )
        if encoder or name == "llm"
        else LeftOut(name, getattr(config, PART_CONFIGS[name]))
        for name, source in sources.items()
    }
    _check_llm(config, parts.get("llm"), directory)
    _check_parts(config, set(parts), directory)
    with quiet_transformers():
        model = MiniGPT4ForConditionalGeneration(config, **parts)
    _load_trained(model, directory / WEIGHTS_FILE)
    model.frozen_sources = {name: (source, directory) for name, source in sources.items()}
    model.directory = directory
    model.processor = load_processor(directory)
    template = template_by_name(config.template, model.processor.tokenizer)
    model.generation_config.stop_strings = list(template.stop_strings) or None
    model.to(device=where)  # type: ignore[call-arg]
    return model.eval()


def save(
    model: MiniGPT4ForConditionalGeneration,
    path: str | Path,
    *,
    frozen: Literal["copy", "reference", "auto"] = "copy",
    frozen_dtype: torch.dtype | None = None,
    experiment: Mapping[str, Any] | None = None,
    card: str | None = None,
) -> Path:
    """Write a model directory; it replaces an older one only when it is complete.

    Args:
        model: a model with its `.processor`.
        path: the directory to write.
        frozen: "copy" puts the frozen parts into the directory, "reference" names where the model
            was loaded from, "auto" does so for those that have a place and copies the others.
        frozen_dtype: the type of copied frozen weights on disk; None: as they are.
        experiment: all that is needed to repeat the training, for `experiment.json`; None: the
            one in `path` stays if the model was loaded from there or saved there before.
        card: text of the model card; None: as with `experiment`.

    Raises:
        WeightsError: if the disk is full, or a reference is asked for parts that have no place.
    """
    target = Path(path).resolve()
    # Over another model its card and experiment would describe what is no longer there.
    is_its_own = model.directory == target
    owned = OWNED_FILES if is_its_own else OWNED_FILES | MADE_BY_FILES
    with whole_directory(target, owned=owned) as draft:
        model.config.architectures = [type(model).__name__]
        _forget_places(model.config)
        with quiet_transformers():
            model.config.save_pretrained(draft)
            model.processor.save_pretrained(draft)
        save_file(_trained_tensors(model), draft / WEIGHTS_FILE, metadata={"format": "pt"})
        sources = {}
        for name in model.frozen_parts:
            if frozen == "reference" or (frozen == "auto" and name in model.frozen_sources):
                sources[name] = _referred(model, name, target)
            if name not in sources or sources[name].kind == "copy":
                sources[name] = _copied(model, name, draft / name, frozen_dtype)
        write_sources(sources, draft)
        if experiment is not None:
            text = json.dumps(experiment, indent=2, ensure_ascii=False)
            (draft / EXPERIMENT_FILE).write_text(text + "\n", encoding="utf-8")
        if card is not None:
            (draft / CARD_FILE).write_text(card, encoding="utf-8")
    model.directory = target
    return target


def load_processor(path: str | Path) -> MiniGPT4Processor:
    """Load the processor of a model directory."""
    directory = find_directory(path)
    try:
        with quiet_transformers():
            return MiniGPT4Processor.from_pretrained(directory, local_files_only=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(
            f"the processor files in {directory} are missing or damaged ({error}); "
            "save the model again"
        ) from error


def find_directory(path: str | Path) -> Path:
    """Return the directory of a model: its path, a shipped name, or `org/name` of the hub."""
    directory = PACKAGED.get(str(path), Path(path))
    if directory.is_dir():
        return directory.resolve()
    if is_hub_name(path):
        return fetch(str(path)).resolve()
    shipped = [name for name, place in PACKAGED.items() if place.is_dir()]
    known = f"the shipped models are {', '.join(shipped)}" if shipped else "none is shipped"
    raise WeightsError(f"no model at {path}; give a model directory or org/name ({known})")


def read_config(directory: Path) -> MiniGPT4Config:
    """Read `config.json` of a model directory.

    Raises:
        WeightsError: if it is missing, damaged, of another kind of model, or of no model at all.
    """
    path = directory / "config.json"
    if not path.is_file():
        raise WeightsError(
            f"{directory} has no config.json, so it is no model directory; name one, or build one "
            "with `minigpt4 import`"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        kind = values["model_type"]
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} is damaged ({error!r}); save the model again") from error
    if kind != MiniGPT4Config.model_type:
        raise WeightsError(
            f"{directory} holds a {kind}, not a MiniGPT-4; "
            "build one around it with `minigpt4 import`"
        )
    for part in ("vision_config", "text_config"):
        if not isinstance(values.get(part), dict):
            # transformers would put sizes of its own in its place.
            raise WeightsError(
                f"{path} is damaged: {part} is {values.get(part)!r}, wanted an object; "
                "save the model again"
            )
    try:
        with quiet_transformers():
            return MiniGPT4Config.from_dict(values)
    except (*CONFIG_ERRORS, SettingsError) as error:
        raise WeightsError(
            f"{path} is of no model of transformers, or damaged ({short_reason(error)}); "
            "save the model again"
        ) from error


def choose_dtype(dtype: str | torch.dtype, device: torch.device) -> torch.dtype:
    """Return the type the frozen parts are computed in."""
    if isinstance(dtype, torch.dtype):
        return dtype
    if dtype == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    found = getattr(torch, dtype, None)
    if not isinstance(found, torch.dtype):
        raise WeightsError(f"dtype {dtype!r} is unknown; use auto, float32 or bfloat16")
    return found


def _forget_places(config: MiniGPT4Config) -> None:
    """Clear where the parts were loaded from: `frozen.json` says it, without a user's paths."""
    for part in (config.vision_config, config.qformer_config, config.text_config):
        if part is not None:
            part._name_or_path = ""  # type: ignore[union-attr]


def _trained_tensors(model: MiniGPT4ForConditionalGeneration) -> dict[str, Tensor]:
    """Return what is saved as trained, by name; the queries belong to no frozen part's files."""
    frozen = tuple(f"{name}." for name in model.frozen_parts)
    return {
        name: tensor.detach().contiguous()
        for name, tensor in model.state_dict().items()
        if is_lora(name) or not name.startswith(frozen)
    }


def _load_trained(model: MiniGPT4ForConditionalGeneration, path: Path) -> None:
    if not path.is_file():
        raise WeightsError(f"{path} is missing: the projection is in it; save the model again")
    fault = find_fault(path)
    if fault is not None:
        raise WeightsError(f"{fault.detail}; {fault.remedy}")
    wanted = _trained_tensors(model)
    with safe_open(path, framework="pt") as file:
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    missing, unknown = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    if missing or unknown:
        raise WeightsError(
            f"{path} does not fit config.json: missing {missing}, unknown {unknown}; "
            "save the model again"
        )
    for name, tensor in wanted.items():
        if found[name].shape != tensor.shape:
            raise WeightsError(
                f"{path}: {name} is {tuple(found[name].shape)}, config.json asks for "
                f"{tuple(tensor.shape)}; they are of different models"
            )
        with torch.no_grad():
            tensor.copy_(found[name])


def _check_llm(config: MiniGPT4Config, llm: Any, directory: Path) -> None:
    if llm is None:
        raise WeightsError(f"{directory / FROZEN_FILE} names no llm; save the model again")
    wanted, got = config.text_config, llm.config
    for field in ("hidden_size", "vocab_size"):
        if getattr(wanted, field) != getattr(got, field):
            raise WrongLLMError(
                f"the model in {directory} needs an LLM of {field} {getattr(wanted, field)}, "
                f"the one given has {getattr(got, field)}; give the LLM it was trained with"
            )


def _check_parts(config: MiniGPT4Config, names: set[str], directory: Path) -> None:
    wanted = {"vision_encoder", "llm"}
    if config.qformer_config is not None and not config.train_qformer:
        wanted.add("qformer")
    if names != wanted:
        raise WeightsError(
            f"{directory / FROZEN_FILE} names {sorted(names)}, config.json asks for "
            f"{sorted(wanted)}; save the model again"
        )


def _referred(model: Any, name: str, target: Path) -> FrozenSource:
    known = getattr(model, "frozen_sources", {})
    if name not in known:
        raise WeightsError(
            f"the {name} was not loaded from anywhere, so it cannot be saved by reference; "
            'save with frozen="copy"'
        )
    source, directory = known[name]
    return refer_to(source, directory=directory, target=target)


def _copied(model: Any, name: str, folder: Path, dtype: torch.dtype | None) -> FrozenSource:
    part = model.frozen_parts[name]
    known = getattr(model, "frozen_sources", {}).get(name)
    place = None if known is None else known[0].locate(known[1])
    if is_left_out(part):
        if known is None or place is None or dtype is not None or not Path(place).is_dir():
            raise WeightsError(
                f"the {name} was left out when the model was loaded, so it cannot be copied; "
                'load the whole model, or save with frozen="reference"'
            )
        copy_part(part, source=place, target=folder, dtype=None)
        return replace(known[0], kind="copy", path=name, revision=None)
    copy_part(part, source=place, target=folder, dtype=dtype)
    own = base_tensors(part, parameters_only=True)
    return FrozenSource(
        kind="copy",
        path=name,
        fingerprint=fingerprint_tensors(own),
        num_parameters=sum(parameter.numel() for parameter in own.values()),
    )
