"""The frozen parts of a model directory: where they are, and proof that they are the right ones.

Beside a model's trained weights stands `frozen.json`: for each frozen part its place and its
fingerprint. A place is a folder of the model directory itself ("copy"), a directory elsewhere, a
part of one of the shipped models ("packaged"), or a model of the Hugging Face hub.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import nn
from transformers import (
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    Blip2VisionModel,
)
from transformers.models.blip_2.modeling_blip_2 import Blip2QFormerModel
from transformers.utils import logging as transformers_logging

from minigpt4.errors import WeightsError
from minigpt4.model.configuration import QFORMER_MODEL_TYPE, VISION_MODEL_TYPE
from minigpt4.model.fingerprint import fingerprint
from minigpt4.model.health import find_fault
from minigpt4.model.lora import base_tensors

ASSETS = Path(__file__).resolve().parent.parent / "assets"
FROZEN_FILE = "frozen.json"

LONGEST_REASON = 200
"""Characters of another library's message that one of ours quotes."""

CONFIG_ERRORS = (
    OSError, ValueError, TypeError, AttributeError, KeyError, StrictDataclassError,
)  # fmt: skip
"""What transformers raises for a configuration it cannot read, or of values that fit no model."""

Kind = Literal["copy", "directory", "packaged", "hub"]


@dataclass(frozen=True, kw_only=True)
class FrozenSource:
    """Where the weights of a frozen part are."""

    kind: Kind
    path: str
    """A folder's name ("copy"), a path (relative ones start at the model directory), or an id."""
    revision: str | None = None
    """Commit of a hub model."""
    fingerprint: str | None = None
    """Fingerprint of the weights the projection was trained with; None: not checked."""
    num_parameters: int | None = None

    def locate(self, directory: Path) -> str:
        """Return the directory (or hub id) this source means, seen from a model directory."""
        if self.kind == "hub":
            return self.path
        base = ASSETS if self.kind == "packaged" else directory
        return os.path.normpath(base / self.path)


def read_sources(directory: Path) -> dict[str, FrozenSource]:
    """Read `frozen.json` of a model directory."""
    path = directory / FROZEN_FILE
    if not path.is_file():
        raise WeightsError(
            f"{directory} has no {FROZEN_FILE}, so its frozen parts are unknown; "
            "save the model again with this package"
        )
    try:
        return {
            name: FrozenSource(**values)
            for name, values in json.loads(path.read_text(encoding="utf-8")).items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} is damaged ({error}); save the model again") from error


def write_sources(sources: dict[str, FrozenSource], directory: Path) -> None:
    """Write `frozen.json`."""
    values = {name: asdict(source) for name, source in sources.items()}
    (directory / FROZEN_FILE).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def load_part(
    name: str,
    source: FrozenSource,
    *,
    directory: Path,
    config: Any,
    dtype: torch.dtype,
    device: torch.device,
) -> nn.Module:
    """Load one frozen part and check that it is whole and the one recorded.

    Raises:
        WeightsError: for files that are missing, cut, damaged, or of another model.
    """
    place = source.locate(directory)
    if source.kind != "hub":
        check_files(name, Path(place))
    options: dict[str, Any] = {
        "dtype": dtype,
        "output_loading_info": True,
        "local_files_only": source.kind != "hub",
    }
    if source.revision is not None:
        options["revision"] = source.revision
    if device.type != "cpu":
        options["device_map"] = {"": device}  # straight to the device, no second copy in memory
    try:
        with quiet_transformers():
            part, report = part_class(name, config).from_pretrained(place, **options)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(
            f"cannot load the {name} from {place}: {reason}; copy or download it again"
        ) from error
    faults = [*report["missing_keys"], *report["mismatched_keys"]]
    if faults:
        raise WeightsError(
            f"the {name} in {place} lacks {len(faults)} tensors or has them in another shape, "
            f"first {faults[0]}; get its complete weights"
        )
    if source.fingerprint is not None and fingerprint(part) != source.fingerprint:
        raise WeightsError(
            f"the {name} in {place} is not the one this projection was trained with: its "
            f"fingerprint is {fingerprint(part)}, recorded is {source.fingerprint}; "
            "give back the original weights or train the projection for these"
        )
    return part.eval()


def check_files(name: str, directory: Path) -> None:
    """Look for missing, cut and stand-in files before anything is loaded."""
    if not directory.is_dir():
        raise WeightsError(
            f"no {name} at {directory}; put it back there, or save the model with its frozen "
            "parts copied"
        )
    if not (directory / "config.json").is_file():
        raise WeightsError(f"the {name} in {directory} has no config.json; copy or download it")
    weights = [
        path for path in sorted(directory.iterdir()) if path.suffix in (".safetensors", ".bin")
    ]
    if not weights:
        raise WeightsError(f"no weights of the {name} in {directory}; copy or download them")
    for path in weights:
        fault = find_fault(path)
        if fault is not None:
            raise WeightsError(f"{fault.detail}; {fault.remedy}")


def read_llm_config(directory: Path) -> Any:
    """Return the configuration of an LLM's directory.

    Raises:
        WeightsError: if a file is missing, or the configuration is of no model of transformers.
    """
    check_files("llm", directory)
    try:
        with quiet_transformers():
            return AutoConfig.from_pretrained(directory, local_files_only=True)
    except CONFIG_ERRORS as error:
        raise WeightsError(
            f"{directory / 'config.json'} is damaged or of no model of transformers "
            f"({short_reason(error)}); copy or download it again"
        ) from error


def short_reason(error: Exception) -> str:
    """Return an error's first words in one line; transformers lists all models it knows."""
    text = " ".join(str(error).split())
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]} ..."


def copy_part(
    part: nn.Module, *, source: str | None, target: Path, dtype: torch.dtype | None
) -> None:
    """Write a frozen part into a model directory, from its files if they are at hand."""
    if source is not None and dtype is None and Path(source).is_dir():
        shutil.copytree(source, target, ignore=_only_model_files)
        return
    model: Any = part
    state = base_tensors(part)
    config = deepcopy(model.config)
    if dtype is not None:
        state = {
            key: value.to(dtype) if value.is_floating_point() else value
            for key, value in state.items()
        }
        config.dtype = dtype
    with quiet_transformers():
        model.save_pretrained(target, state_dict=state)
        config.architectures = [type(model).__name__]
        config.save_pretrained(target)


def refer_to(source: FrozenSource, *, directory: Path, target: Path) -> FrozenSource:
    """Rewrite a source for a model directory at another place.

    Shipped parts are named by the package, neighbours by a relative path (both may then move
    together), everything else by an absolute path.
    """
    if source.kind == "hub":
        return source
    place = Path(source.locate(directory)).resolve()
    target = target.resolve()
    if place.is_relative_to(target):
        return replace(source, kind="copy", path=str(place.relative_to(target)))
    if place.is_relative_to(target.parent):
        return replace(source, kind="directory", path=os.path.relpath(place, target))
    if place.is_relative_to(ASSETS):
        return replace(source, kind="packaged", path=str(place.relative_to(ASSETS)))
    return replace(source, kind="directory", path=str(place))


def part_class(name: str, config: Any) -> Any:
    """Return the class that loads a part."""
    if name == "llm":
        return AutoModelForCausalLM
    kind = (
        config.qformer_config.model_type if name == "qformer" else config.vision_config.model_type
    )
    # AutoModel does not know BLIP-2's parts on their own.
    known = {QFORMER_MODEL_TYPE: Blip2QFormerModel, VISION_MODEL_TYPE: Blip2VisionModel}
    if kind not in known and name == "vision_encoder":
        # The model of the configuration itself, not the two-tower model whose files these may be.
        return MODEL_MAPPING.get(type(config.vision_config), AutoModel)
    return known.get(kind, AutoModel)


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' progress bars and reports to itself; faults are raised here anyway."""
    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


def _only_model_files(_: str, names: list[str]) -> set[str]:
    """Leave out what else lies in an LLM's directory: caches, pickles beside safetensors."""
    has_safetensors = any(name.endswith(".safetensors") for name in names)
    return {
        name
        for name in names
        if name.startswith(".") or (has_safetensors and name.endswith((".bin", ".pth", ".pt")))
    }
