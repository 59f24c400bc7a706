"""Find the parts of a new MiniGPT-4 anywhere and join them with a fresh projection.

Each part is named by where it is: a vision encoder may be any vision model of transformers (a
directory or `org/name` of the hub, two-tower models such as CLIP and SigLIP included), a `blip2-*`
model, or the official `eva_vit_g.pth`; a Q-Former comes from a `blip2-*` model or the official
file; the LLM is a directory or a name. All may also come from one of our model directories, with
some of them replaced.

Paper: §3 (what is pretrained), Table 4 (variants of what joins them).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Blip2QFormerModel, Blip2VisionModel, PreTrainedConfig

from minigpt4.config import config
from minigpt4.errors import SettingsError, WeightsError
from minigpt4.model.build import build_model
from minigpt4.model.configuration import MiniGPT4Config
from minigpt4.model.frozen import FrozenSource, load_part
from minigpt4.model.loading import find_directory, load, read_config
from minigpt4.model.lora import LoraSettings, lora_values
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
from minigpt4.model.official_files import open_tensors
from minigpt4.model.official_sizes import OfficialSizes, read_sizes
from minigpt4.model.official_tensors import qformer_tensors, vision_tensors
from minigpt4.model.places import ImageNorm, Place, image_norm, sizes_of
from minigpt4.processing.images import CLIP_MEAN, CLIP_STD
from minigpt4.processing.tokenizer import load_tokenizer

_OF_START = ("template", "vision_norm_eps", "projection_num_layers", "patches_per_token",
             "train_qformer")  # fmt: skip


@config
class ModelSettings:
    """Where the parts of a model come from, and what is built of them."""

    start: str = ""
    """Model directory, shipped name or `org/name` that gives every part not named below."""
    vision_encoder: str = ""
    """Directory or `org/name` of a vision model or a BLIP-2, or `eva_vit_g.pth`."""
    qformer: str = ""
    """Directory or `org/name` of a BLIP-2, or `blip2_pretrained_flant5xxl.pth`."""
    use_qformer: bool | None = None
    """False: patches go straight to the projection (Table 4 a). None: as `start`, else True."""
    llm: str = ""
    """Directory or `org/name` of a causal LM."""
    projection: str = ""
    """Official checkpoint or BLIP-2 whose projection is taken; "": that of `start`."""
    sizes: str = ""
    """JSON file of sizes for official files that do not have the published ones."""
    fresh_projection: bool = False
    """Begin with a random projection, whatever `start` has (stage 1)."""
    projection_num_layers: int | None = None
    """Linear layers of the projection; Table 4 (b) has three. None: as `start`, else 1."""
    patches_per_token: int | None = None
    """Neighbouring patches joined into one without a Q-Former. None: as `start`, else 4."""
    train_qformer: bool | None = None
    """Train the Q-Former with the projection (Table 4 c). None: as `start`, else False."""
    lora: LoraSettings | None = None
    """Low-rank updates of the LLM that are trained too. Paper: Table 6."""
    template: str = ""
    """Conversation template; "": that of `start`, else the LLM's own, else Vicuna's."""
    dtype: str = "auto"
    """Type of the frozen parts: auto (fp32 on a CPU, else bf16), float32 or bfloat16."""


@dataclass(kw_only=True)
class Parts:
    """Loaded parts, and where they were found."""

    vision_encoder: nn.Module | None = None
    qformer: nn.Module | None = None
    query_tokens: Tensor | None = None
    llm: nn.Module | None = None
    tokenizer: Any = None
    projection: Mapping[str, Tensor] | None = None
    image_norm: ImageNorm = (CLIP_MEAN, CLIP_STD)
    sources: dict[str, tuple[FrozenSource, Path]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    """Fields of `MiniGPT4Config` that come with the parts."""


def assemble(
    settings: ModelSettings, *, device: torch.device, dtype: torch.dtype, seed: int
) -> MiniGPT4ForConditionalGeneration:
    """Build the model that the settings describe; its processor is attached.

    Raises:
        SettingsError: if a part is missing from the settings, or they contradict each other.
        WeightsError: if a part is not where it should be, or does not fit.
    """
    parts = _parts_of_start(settings, device, dtype) if settings.start else Parts()
    if settings.vision_encoder:
        _take_vision(parts, settings, device, dtype)
    if settings.qformer and settings.use_qformer is not False:
        _take_qformer(parts, settings, device, dtype)
    if settings.llm:
        _take_llm(parts, settings, device, dtype)
    if settings.projection:
        parts.projection = _projection_of(settings.projection)
    if settings.use_qformer is False:
        parts.qformer = parts.query_tokens = None
        parts.sources.pop("qformer", None)
    _check_complete(parts, settings)
    return _join(parts, settings, device=device, seed=seed)


def describe(settings: ModelSettings) -> MiniGPT4Config:
    """Return the configuration `assemble` would build, reading no weights."""
    known: dict[str, Any] = {"vision_config": None, "qformer_config": None, "text_config": None}
    if settings.start:
        start = read_config(find_directory(settings.start))
        known = {name: getattr(start, name) for name in (*known, *_OF_START, "num_query_tokens")}
    if settings.vision_encoder:
        known["vision_config"] = sizes_of(
            settings.vision_encoder, lambda place: _vision_config(place, settings)
        )
    if settings.qformer:
        here = Path(settings.qformer).exists()
        sizes = _sizes(Place(settings.qformer), settings) if here else read_sizes(None)
        known |= {"qformer_config": sizes.qformer, "num_query_tokens": sizes.num_query_tokens}
    if settings.llm:
        known["text_config"] = sizes_of(settings.llm, Place.config)
    if settings.use_qformer is False:
        known["qformer_config"] = None
    for name, key in (("vision_encoder", "vision_config"), ("llm", "text_config")):
        if known[key] is None:
            raise SettingsError(f"model.{name} is not named; set its place, or model.start")
    return MiniGPT4Config(**(known | _variant(settings, known["qformer_config"] is not None)))


def _parts_of_start(settings: ModelSettings, device: torch.device, dtype: torch.dtype) -> Parts:
    model = load(settings.start, device=str(device), dtype=dtype)
    known = model.config
    if known.lora is not None:
        raise SettingsError(
            f"{settings.start} has LoRA already; start from a model without it"
        )  # its updates are part of what the projection was trained with
    images = model.processor.image_processor
    same_parts = not (settings.vision_encoder or settings.llm or settings.qformer)
    options = {name: getattr(known, name) for name in _OF_START}
    sources = dict(model.frozen_sources)
    if _variant(settings, True).get("train_qformer", known.train_qformer):
        sources.pop("qformer", None)
    return Parts(
        vision_encoder=model.vision_encoder,
        qformer=model.qformer,
        query_tokens=model.query_tokens,
        llm=model.llm,
        tokenizer=model.processor.tokenizer,
        projection=model.projection.state_dict() if same_parts else None,
        image_norm=(tuple(images.image_mean), tuple(images.image_std)),
        sources=sources,
        options=options,
    )


def _take_vision(
    parts: Parts, settings: ModelSettings, device: torch.device, dtype: torch.dtype
) -> None:
    place = Place(settings.vision_encoder)
    parts.sources.pop("vision_encoder", None)
    parts.image_norm = image_norm(place.path)
    parts.options["vision_norm_eps"] = None
    if place.is_official_form:
        sizes = _sizes(place, settings)
        qformer = settings.qformer if settings.use_qformer is not False else ""
        norm = _official_norm(Place(qformer), sizes) if qformer else None
        tensors = vision_tensors(open_tensors(place.path), sizes, norm, place.path)
        parts.vision_encoder = _module(Blip2VisionModel, sizes.vision, tensors, device, dtype)
        parts.options["vision_norm_eps"] = sizes.norm_eps
        return
    known = SimpleNamespace(vision_config=_vision_config(place, settings), qformer_config=None)
    source = FrozenSource(kind="directory", path=str(place.path.resolve()))
    parts.vision_encoder = load_part(
        "vision_encoder", source, directory=place.path, config=known, dtype=dtype, device=device
    )
    parts.sources["vision_encoder"] = place.source(parts.vision_encoder)


def _take_qformer(
    parts: Parts, settings: ModelSettings, device: torch.device, dtype: torch.dtype
) -> None:
    place = Place(settings.qformer)
    if not place.is_official_form:
        raise SettingsError(
            f"{settings.qformer} is no BLIP-2; a Q-Former comes from a blip2-* model or from "
            "blip2_pretrained_flant5xxl.pth. Set model.use_qformer=false to do without"
        )
    sizes = _sizes(place, settings)
    tensors, parts.query_tokens, _ = qformer_tensors(open_tensors(place.path), sizes, place.path)
    parts.qformer = _module(Blip2QFormerModel, sizes.qformer, tensors, device, dtype)
    parts.sources.pop("qformer", None)


def _take_llm(
    parts: Parts, settings: ModelSettings, device: torch.device, dtype: torch.dtype
) -> None:
    place = Place(settings.llm)
    source = FrozenSource(kind="directory", path=str(place.path.resolve()))
    parts.llm = load_part(
        "llm", source, directory=place.path, config=None, dtype=dtype, device=device
    )
    parts.tokenizer = load_tokenizer(place.path)
    parts.sources["llm"] = place.source(parts.llm)
    parts.options.pop("template", None)


def _projection_of(text: str) -> Mapping[str, Tensor]:
    """Return the projection of an official checkpoint or of a BLIP-2."""
    tensors = open_tensors(Place(text).path)
    for prefix in ("llama_proj.", "language_projection."):
        found = {key: tensors[f"{prefix}{key}"].float() for key in ("weight", "bias")
                 if f"{prefix}{key}" in tensors}  # fmt: skip
        if len(found) == 2:
            return found
    raise WeightsError(f"{text} holds no projection (llama_proj or language_projection)")


def _check_complete(parts: Parts, settings: ModelSettings) -> None:
    wanted = {"vision_encoder": parts.vision_encoder, "llm": parts.llm}
    if settings.use_qformer or (settings.use_qformer is None and not settings.start):
        wanted["qformer"] = parts.qformer
    missing = [f"model.{name}" for name, part in wanted.items() if part is None]
    if missing:
        raise SettingsError(
            f"{', '.join(missing)} is not named: set its path or org/name, or model.start"
            + ("; model.use_qformer=false does without a Q-Former" if "qformer" in wanted else "")
        )
    if settings.train_qformer and parts.qformer is None:
        raise SettingsError("model.train_qformer=true, but there is no Q-Former; name one")


def _join(
    parts: Parts, settings: ModelSettings, *, device: torch.device, seed: int
) -> MiniGPT4ForConditionalGeneration:
    torch.manual_seed(seed)
    own = "tokenizer" if getattr(parts.tokenizer, "chat_template", None) else "vicuna_v0_training"
    options = {"template": own} | parts.options | _variant(settings, parts.qformer is not None)
    if options.get("train_qformer") and parts.qformer is not None:
        parts.qformer = parts.qformer.float()  # what trains is kept in fp32
    model = build_model(
        vision_encoder=parts.vision_encoder,  # type: ignore[arg-type]
        qformer=parts.qformer,
        query_tokens=parts.query_tokens,
        llm=parts.llm,  # type: ignore[arg-type]
        tokenizer=parts.tokenizer,
        image_norm=parts.image_norm,
        **options,
    )
    if parts.projection is not None and not settings.fresh_projection:
        _load_projection(model, parts.projection, settings)
    model.frozen_sources = parts.sources
    return model.to(device)  # type: ignore[arg-type]


def _load_projection(
    model: MiniGPT4ForConditionalGeneration, tensors: Mapping[str, Tensor], settings: ModelSettings
) -> None:
    wanted = {name: tuple(value.shape) for name, value in model.projection.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    if wanted != found:
        raise SettingsError(
            f"the projection of {settings.projection or settings.start} has {found}, this variant "
            f"needs {wanted}; start from a stage 1 of the same variant, or set "
            "model.fresh_projection=true"
        )
    model.projection.load_state_dict(tensors)


def _variant(settings: ModelSettings, has_qformer: bool) -> dict[str, Any]:
    """Return the fields of the configuration that the settings decide."""
    values: dict[str, Any] = {
        "projection_num_layers": settings.projection_num_layers,
        "patches_per_token": settings.patches_per_token,
        "train_qformer": settings.train_qformer if has_qformer else False,
        "lora": lora_values(settings.lora),
        "template": settings.template or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _vision_config(place: Place, settings: ModelSettings) -> PreTrainedConfig:
    if place.is_official_form:
        return _sizes(place, settings).vision
    found = place.config()
    nested = getattr(found, "vision_config", None)
    return nested if isinstance(nested, PreTrainedConfig) else found


def _sizes(place: Place, settings: ModelSettings) -> OfficialSizes:
    file = Path(settings.sizes) if settings.sizes else None
    return read_sizes(file, directory=place.path if place.path.is_dir() else None)


def _official_norm(place: Place, sizes: OfficialSizes) -> dict[str, Tensor]:
    """Return `ln_vision`, which the official code keeps with the Q-Former."""
    return qformer_tensors(open_tensors(place.path), sizes, place.path)[2]


def _module(
    cls: Any, known: Any, tensors: dict[str, Tensor], device: torch.device, dtype: torch.dtype
) -> nn.Module:
    """Build a part around its tensors, with no random weights made first."""
    with torch.device("meta"):
        part = cls(known)
    assert not list(part.buffers()), "a buffer would be left without values"
    moved = {name: tensor.to(device, dtype) for name, tensor in tensors.items()}
    part.load_state_dict(moved, assign=True)
    return part.eval()
