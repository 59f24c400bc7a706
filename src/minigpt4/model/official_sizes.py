"""The sizes of the official parts: those published, those of a file, those of a hub directory.

Paper: §3 (EVA-CLIP ViT-g/14 and the Q-Former of BLIP-2 FlanT5-XXL).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import Blip2QFormerConfig, Blip2VisionConfig

from minigpt4.errors import SettingsError
from minigpt4.model.configuration import OFFICIAL_VISION_NORM_EPS
from minigpt4.model.frozen import CONFIG_ERRORS, short_reason
from minigpt4.model.official_files import read_json

OFFICIAL_PAD_TOKEN = "$$"

PUBLISHED_LLMS = {
    (5120, 768): "Vicuna v0 13B",
    (4096, 768): "Vicuna v0 7B",
    (4096, 5632): "Llama-2 7B chat, without Q-Former",
}
"""The LLM each published projection belongs to, by the shape of its weight."""


SIZES_FORM = (
    '{"vit": {embed_dim, mlp_ratio, depth, num_heads, img_size, patch_size, layer_norm_eps, '
    'qkv_bias}, "qformer": {vocab_size, hidden_size, num_hidden_layers, num_attention_heads, '
    "intermediate_size, hidden_act, max_position_embeddings, layer_norm_eps, hidden_dropout_prob, "
    'attention_probs_dropout_prob, cross_attention_freq, num_query_token}, "ln_vision": {eps}} '
    'and, if they differ from the published, "image": {size} and "pad_token"'
)
"""What a `--sizes` file holds, as an error says it."""


@dataclass(frozen=True)
class OfficialSizes:
    """What the official files do not say about themselves. The defaults are the published sizes."""

    vision: Blip2VisionConfig
    qformer: Blip2QFormerConfig
    num_query_tokens: int = 32
    norm_eps: float = OFFICIAL_VISION_NORM_EPS
    pad_token: str = OFFICIAL_PAD_TOKEN


def read_sizes(sizes: Path | None, *, directory: Path | None = None) -> OfficialSizes:
    """Return the sizes of a `--sizes` file, else of a hub directory, else the published ones.

    A `--sizes` file is a JSON object of the form `SIZES_FORM`; the names are those of the official
    code. Other keys in it are not read.

    Raises:
        SettingsError: if a file lacks a size, or one of them is of the wrong kind.
        WeightsError: if a file cannot be read as a JSON object.
    """
    if sizes is not None:
        return _read(sizes, _from_file, form=SIZES_FORM)
    if directory is not None:
        return _read(
            directory / "config.json",
            _from_hub,
            form="that of a blip2-* model as it was downloaded",
        )
    return OfficialSizes(vision=Blip2VisionConfig(), qformer=Blip2QFormerConfig())


def _read(
    path: Path, build: Callable[[dict[str, Any]], OfficialSizes], *, form: str
) -> OfficialSizes:
    values = read_json(path)
    try:
        return build(values)
    except KeyError as error:
        raise SettingsError(f"{path} lacks the size {error}; wanted {form}") from error
    except (*CONFIG_ERRORS, ArithmeticError) as error:
        raise SettingsError(
            f"{path} holds what is no size ({short_reason(error)}); wanted {form}"
        ) from error


def _part(values: dict[str, Any], name: str) -> dict[str, Any]:
    part = values[name]
    if not isinstance(part, dict):
        raise TypeError(f"{name} is {part!r}, wanted an object")
    return part


def _count(value: Any, name: str) -> int:
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} is {value!r}, wanted a whole number of at least 1")
    return value


def _from_hub(values: dict[str, Any]) -> OfficialSizes:
    values = {"vision_config": {}, "qformer_config": {}, "num_query_tokens": 32, **values}
    return OfficialSizes(
        vision=Blip2VisionConfig(**_part(values, "vision_config")),
        qformer=Blip2QFormerConfig(**_part(values, "qformer_config")),
        num_query_tokens=_count(values["num_query_tokens"], "num_query_tokens"),
    )


def _from_file(values: dict[str, Any]) -> OfficialSizes:
    vit, qformer = _part(values, "vit"), _part(values, "qformer")
    width = _count(vit["embed_dim"], "embed_dim")
    image = _part(values, "image") if "image" in values else {}
    return OfficialSizes(
        vision=Blip2VisionConfig(
            hidden_size=width,
            intermediate_size=int(width * vit["mlp_ratio"]),
            num_hidden_layers=vit["depth"],
            num_attention_heads=vit["num_heads"],
            image_size=image.get("size", vit["img_size"]),
            patch_size=vit["patch_size"],
            layer_norm_eps=vit["layer_norm_eps"],
            qkv_bias=vit["qkv_bias"],
        ),
        qformer=Blip2QFormerConfig(
            vocab_size=qformer["vocab_size"],
            hidden_size=qformer["hidden_size"],
            num_hidden_layers=qformer["num_hidden_layers"],
            num_attention_heads=qformer["num_attention_heads"],
            intermediate_size=qformer["intermediate_size"],
            hidden_act=qformer["hidden_act"],
            max_position_embeddings=qformer["max_position_embeddings"],
            layer_norm_eps=qformer["layer_norm_eps"],
            hidden_dropout_prob=qformer["hidden_dropout_prob"],
            attention_probs_dropout_prob=qformer["attention_probs_dropout_prob"],
            cross_attention_frequency=qformer["cross_attention_freq"],
            encoder_hidden_size=width,
        ),
        num_query_tokens=_count(qformer["num_query_token"], "num_query_token"),
        norm_eps=float(_part(values, "ln_vision")["eps"]),
        pad_token=str(values.get("pad_token", OFFICIAL_PAD_TOKEN)),
    )
