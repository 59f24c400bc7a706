"""Build a model directory from the weights that were published with the paper.

Four sources become one directory: the ViT (`eva_vit_g.pth`), the Q-Former with its queries and
`ln_vision` (`blip2_pretrained_flant5xxl.pth`; no T5 is loaded), the LLM, and the projection. The
ViT and the Q-Former may also come from a `blip2-*` directory of the Hugging Face hub.

Every tensor is written as it is read: nothing is built in memory but the LLM, once, to take its
fingerprint.

Paper: §3; the variant without a Q-Former is Table 4 (a) and the Llama-2 release.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, Blip2VisionModel
from transformers.models.blip_2.modeling_blip_2 import Blip2QFormerModel

from minigpt4.errors import WeightsError, WrongLLMError
from minigpt4.model.build import build_processor
from minigpt4.model.configuration import MiniGPT4Config
from minigpt4.model.fingerprint import fingerprint, fingerprint_tensors
from minigpt4.model.frozen import (
    FrozenSource,
    check_files,
    copy_part,
    load_part,
    quiet_transformers,
    refer_to,
    write_sources,
)
from minigpt4.model.loading import OWNED_FILES, WEIGHTS_FILE
from minigpt4.model.official_files import open_tensors
from minigpt4.model.official_keys import (
    NORM,
    eva_tensor,
    eva_unknown,
    need,
    projection_unknown,
    qformer_tensor,
    qformer_unknown,
    trained_qformer,
)
from minigpt4.model.official_sizes import PUBLISHED_LLMS, OfficialSizes, read_sizes
from minigpt4.model.storage import whole_directory
from minigpt4.processing.tokenizer import load_tokenizer

_log = logging.getLogger(__name__)


def import_official(  # noqa: PLR0913 - four files in, one directory out
    *,
    vision: Path,
    llm: Path,
    projection: Path,
    out: Path,
    qformer: Path | None = None,
    sizes: Path | None = None,
    copy_llm: bool = False,
) -> Path:
    """Build the model directory `out`; without `qformer`, the variant without one.

    Leftovers of unknown use in the files are named in a warning.

    Raises:
        WrongLLMError: if the projection belongs to another LLM; it says to which.
        WeightsError: for a tensor that is missing or has another shape.
    """
    vision, llm, projection, out = Path(vision), Path(llm), Path(projection), Path(out)
    qformer = None if qformer is None else Path(qformer)
    hub = next((path for path in (vision, qformer) if path is not None and path.is_dir()), None)
    known = read_sizes(sizes, directory=hub)
    check_files("llm", llm)
    with quiet_transformers():
        text_config = AutoConfig.from_pretrained(llm, local_files_only=True)
    checkpoint = open_tensors(projection)
    _name_unknown(projection, projection_unknown(checkpoint))
    config = MiniGPT4Config(
        vision_config=known.vision,
        qformer_config=None if qformer is None else known.qformer,
        text_config=text_config,
        num_query_tokens=known.num_query_tokens,
        vision_norm_eps=known.norm_eps,
        template="vicuna_v0" if qformer is not None else "llama2",
    )
    trained = _projection_tensors(checkpoint, config, projection=projection, llm=llm)
    with whole_directory(out, owned=OWNED_FILES) as draft:
        sources = {}
        norm: dict[str, Tensor] | None = None
        if qformer is not None:
            tensors = {**open_tensors(qformer), **trained_qformer(checkpoint)}
            part, queries, norm = qformer_tensors(tensors, known, qformer)
            trained["query_tokens"] = queries
            sources["qformer"] = _write_part("qformer", part, config.qformer_config, draft)
        part = vision_tensors(open_tensors(vision), known, norm, vision)
        sources["vision_encoder"] = _write_part("vision_encoder", part, known.vision, draft)
        sources["llm"] = _llm_source(llm, config, draft if copy_llm else None, out)
        write_sources(sources, draft)
        save_file(trained, draft / WEIGHTS_FILE, metadata={"format": "pt"})
        config.architectures = ["MiniGPT4ForConditionalGeneration"]
        with quiet_transformers():
            tokenizer = load_tokenizer(llm)
            config.save_pretrained(draft)
            has_pad = known.pad_token in tokenizer.get_vocab()
            pad_token = known.pad_token if has_pad else None
            build_processor(config, tokenizer, pad_token=pad_token).save_pretrained(draft)
    return out


def _projection_tensors(
    checkpoint: Mapping[str, Tensor], config: MiniGPT4Config, *, projection: Path, llm: Path
) -> dict[str, Tensor]:
    """Return the projection, if it fits the LLM and the variant.

    Raises:
        WrongLLMError: with the LLM it needs.
    """
    weight, bias = (need(f"llama_proj.{part}", checkpoint) for part in ("weight", "bias"))
    out_features, in_features = weight.shape
    wanted = config.projection_in_features
    if out_features != config.text_config.hidden_size:
        known = PUBLISHED_LLMS.get((out_features, in_features))
        needed = f"{known} (hidden size {out_features})" if known else f"hidden size {out_features}"
        raise WrongLLMError(
            f"{projection} needs an LLM of {needed}; the one in {llm} has hidden size "
            f"{config.text_config.hidden_size}; give the LLM it was trained with"
        )
    if in_features != wanted:
        variant = "a Q-Former" if config.qformer_config is not None else "no Q-Former"
        remedy = (
            "it was trained without one: import with --no-qformer"
            if config.qformer_config is not None
            else "give the Q-Former it was trained with (--qformer)"
        )
        raise WrongLLMError(
            f"{projection} takes features of width {in_features}, a model with {variant} makes "
            f"{wanted}; {remedy}"
        )
    return {
        "projection.weight": weight.to(torch.float32).contiguous(),
        "projection.bias": bias.to(torch.float32).contiguous(),
    }


def vision_tensors(
    tensors: Mapping[str, Tensor],
    sizes: OfficialSizes,
    norm: dict[str, Tensor] | None,
    path: Path,
) -> dict[str, Tensor]:
    """Return the ViT's tensors; `ln_vision` is the identity where no Q-Former brings its own.

    The official variant without a Q-Former never loads `ln_vision`, and its projection was trained
    behind an untouched one.
    """
    width = sizes.vision.hidden_size
    if norm is None:
        norm = {"weight": torch.ones(width), "bias": torch.zeros(width)}
    if path.is_dir():
        find: Callable[[str], Tensor] = lambda name: need(f"vision_model.{name}", tensors)  # noqa: E731
    else:
        find = lambda name: eva_tensor(name, tensors)  # noqa: E731
        depth = sizes.vision.num_hidden_layers
        _name_unknown(path, eva_unknown(tensors, depth=depth))
    found = {}
    for name, shape in _shapes(Blip2VisionModel, sizes.vision).items():
        tensor = norm[name.removeprefix(NORM)] if name.startswith(NORM) else find(name)
        if name.endswith("position_embedding"):
            tensor = interpolate_positions(tensor, num_positions=shape[1])
        found[name] = _checked(name, tensor, shape, path)
    return found


def qformer_tensors(
    tensors: Mapping[str, Tensor], sizes: OfficialSizes, path: Path
) -> tuple[dict[str, Tensor], Tensor, dict[str, Tensor]]:
    """Return the Q-Former's tensors, its queries and `ln_vision`."""
    shapes = _shapes(Blip2QFormerModel, sizes.qformer)
    width = sizes.vision.hidden_size
    if path.is_dir():
        part = {name: need(f"qformer.{name}", tensors) for name in shapes}
        prefix = f"vision_model.{NORM}"
    else:
        part = {name: qformer_tensor(name, tensors) for name in shapes}
        prefix = "ln_vision."
        _name_unknown(path, qformer_unknown(tensors, used=shapes))
    norm = {
        name: _checked(f"{prefix}{name}", need(f"{prefix}{name}", tensors), (width,), path)
        for name in ("weight", "bias")
    }
    wanted = (1, sizes.num_query_tokens, sizes.qformer.hidden_size)
    queries = _checked("query_tokens", need("query_tokens", tensors), wanted, path)
    part = {name: _checked(name, part[name], shape, path) for name, shape in shapes.items()}
    return part, queries.to(torch.float32), norm


def interpolate_positions(positions: Tensor, *, num_positions: int) -> Tensor:
    """Resize a square grid of position embeddings for pictures of another size.

    As officially: bicubic, in fp32, once; the class token keeps its own.
    """
    if positions.shape[1] == num_positions:
        return positions
    old, new = (round((count - 1) ** 0.5) for count in (positions.shape[1], num_positions))
    cls, grid = positions[:, :1].float(), positions[:, 1:].float()
    grid = grid.reshape(1, old, old, -1).permute(0, 3, 1, 2)  # (1, C, old, old)
    grid = F.interpolate(grid, size=(new, new), mode="bicubic", align_corners=False)
    return torch.cat([cls, grid.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)  # (1, 1+new*new, C)


def _write_part(name: str, tensors: dict[str, Tensor], config: Any, draft: Path) -> FrozenSource:
    folder = draft / name
    folder.mkdir()
    config.save_pretrained(folder)
    save_file(tensors, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    return FrozenSource(
        kind="copy",
        path=name,
        fingerprint=fingerprint_tensors(tensors),
        num_parameters=sum(tensor.numel() for tensor in tensors.values()),
    )


def _llm_source(llm: Path, config: MiniGPT4Config, copy_to: Path | None, out: Path) -> FrozenSource:
    """Check the LLM by loading it once, then copy its files or name its place."""
    source = FrozenSource(kind="directory", path=str(llm.resolve()))
    stored = config.text_config.dtype or torch.float32
    part = load_part(
        "llm", source, directory=out, config=config, dtype=stored, device=torch.device("cpu")
    )
    source = replace(
        source,
        fingerprint=fingerprint(part),
        num_parameters=sum(parameter.numel() for parameter in part.parameters()),
    )
    if copy_to is None:
        return refer_to(source, directory=out, target=out)
    copy_part(part, source=str(llm), target=copy_to / "llm", dtype=None)
    return replace(source, kind="copy", path="llm")


def _shapes(module: type[nn.Module], config: Any) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of a module's weights without making them."""
    with torch.device("meta"):
        return {name: tuple(value.shape) for name, value in module(config).state_dict().items()}


def _checked(name: str, tensor: Tensor, shape: tuple[int, ...], path: Path) -> Tensor:
    if tuple(tensor.shape) != shape:
        raise WeightsError(
            f"{path}: {name} is {tuple(tensor.shape)}, wanted {shape}; "
            "this is another model's file, or its sizes are others (see --sizes)"
        )
    return tensor.contiguous()


def _name_unknown(path: Path, names: list[str]) -> None:
    if names:
        _log.warning("%s holds tensors of unknown use, ignored: %s", path, ", ".join(names))
