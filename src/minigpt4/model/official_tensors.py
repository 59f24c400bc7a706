"""The ViT's and the Q-Former's tensors out of files in the official formats, checked one by one.

Each shape that transformers' modules ask for must be there; what is left over in a file is either
known to be of no use or named in a warning.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import Blip2VisionModel
from transformers.models.blip_2.modeling_blip_2 import Blip2QFormerModel

from minigpt4.errors import SettingsError, WeightsError
from minigpt4.model.frozen import CONFIG_ERRORS
from minigpt4.model.official_keys import (
    NORM,
    eva_tensor,
    eva_unknown,
    hub_unknown,
    need,
    qformer_name,
    qformer_unknown,
)
from minigpt4.model.official_sizes import OfficialSizes

_log = logging.getLogger(__name__)


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
        name_unknown(path, eva_unknown(tensors, depth=depth))
    found = {}
    for name, shape in _shapes(Blip2VisionModel, sizes.vision).items():
        tensor = norm[name.removeprefix(NORM)] if name.startswith(NORM) else find(name)
        if name.endswith("position_embedding"):
            _check_grid(tensor, shape, path)
            tensor = interpolate_positions(tensor, num_positions=shape[1])
        found[name] = checked(name, tensor, shape, path)
    return found


def qformer_tensors(
    tensors: Mapping[str, Tensor],
    sizes: OfficialSizes,
    path: Path,
    *,
    trained: Mapping[str, Tensor] | None = None,
) -> tuple[dict[str, Tensor], Tensor, dict[str, Tensor]]:
    """Return the Q-Former's tensors, its queries and `ln_vision`.

    `trained`, by official names, was trained with a projection and goes before `tensors`, which
    are those of `path`.
    """
    trained = trained or {}
    shapes = _shapes(Blip2QFormerModel, sizes.qformer)
    is_hub = path.is_dir()
    if not is_hub:
        name_unknown(path, qformer_unknown(tensors, used=shapes))

    def find(official: str, hub: str, shape: tuple[int, ...]) -> Tensor:
        if official in trained:
            return checked(official, trained[official], shape, "the projection's checkpoint")
        name = hub if is_hub else official
        return checked(name, need(name, tensors), shape, path)

    norm_shape = (sizes.vision.hidden_size,)
    norm = {
        name: find(f"ln_vision.{name}", f"vision_model.{NORM}{name}", norm_shape)
        for name in ("weight", "bias")
    }
    queries_shape = (1, sizes.num_query_tokens, sizes.qformer.hidden_size)
    queries = find("query_tokens", "query_tokens", queries_shape)
    part = {
        name: find(qformer_name(name), f"qformer.{name}", shape) for name, shape in shapes.items()
    }
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


def checked(name: str, tensor: Tensor, shape: tuple[int, ...], path: Path | str) -> Tensor:
    """Return a tensor that must have this shape, contiguous.

    Raises:
        WeightsError: if it has another one.
    """
    if tuple(tensor.shape) != shape:
        raise WeightsError(
            f"{path}: {name} is {tuple(tensor.shape)}, wanted {shape}; "
            "this is another model's file, or its sizes are others (see --sizes)"
        )
    return tensor.contiguous()


def unknown_trained(trained: Mapping[str, Tensor], sizes: OfficialSizes) -> list[str]:
    """Return what is of unknown use among the parts that were trained with a projection."""
    return qformer_unknown(trained, used=_shapes(Blip2QFormerModel, sizes.qformer))


def unknown_of_hub(names: Iterable[str], sizes: OfficialSizes) -> list[str]:
    """Return what is of unknown use in a `blip2-*` directory."""
    vision = _shapes(Blip2VisionModel, sizes.vision)
    return hub_unknown(names, vision=vision, qformer=_shapes(Blip2QFormerModel, sizes.qformer))


def name_unknown(path: Path, names: list[str]) -> None:
    """Warn of tensors that are not used."""
    if names:
        _log.warning("%s holds tensors of unknown use, ignored: %s", path, ", ".join(names))


def _shapes(module: type[nn.Module], config: Any) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of a module's weights without making them.

    Raises:
        SettingsError: if there can be no module of these sizes.
    """
    try:
        with torch.device("meta"):
            return {name: tuple(v.shape) for name, v in module(config).state_dict().items()}
    except (*CONFIG_ERRORS, RuntimeError, ArithmeticError) as error:
        raise SettingsError(
            f"no {module.__name__} has these sizes ({error}); correct the file of --sizes, or the "
            "config.json of the blip2-* directory"
        ) from error


def _check_grid(positions: Tensor, shape: tuple[int, ...], path: Path) -> None:
    """Make sure that position embeddings are a class token and a square grid of any size."""
    side = math.isqrt(max(positions.shape[1] - 1, 0)) if positions.ndim == 3 else 0
    if not side or tuple(positions.shape) != (1, 1 + side * side, shape[2]):
        raise WeightsError(
            f"{path}: the position embeddings are {tuple(positions.shape)}, wanted {shape} or "
            f"another square grid, (1, n*n + 1, {shape[2]}); this is another model's file, or its "
            "sizes are others (see --sizes)"
        )
