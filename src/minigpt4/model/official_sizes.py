"""The sizes of the official parts: those published, those of a file, those of a hub directory.

Paper: §3 (EVA-CLIP ViT-g/14 and the Q-Former of BLIP-2 FlanT5-XXL).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import Blip2QFormerConfig, Blip2VisionConfig

from minigpt4.errors import SettingsError
from minigpt4.model.configuration import OFFICIAL_VISION_NORM_EPS
from minigpt4.model.official_files import read_json

OFFICIAL_PAD_TOKEN = "$$"

PUBLISHED_LLMS = {
    (5120, 768): "Vicuna v0 13B",
    (4096, 768): "Vicuna v0 7B",
    (4096, 5632): "Llama-2 7B chat, without Q-Former",
}
"""The LLM each published projection belongs to, by the shape of its weight."""


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

    Raises:
        SettingsError: if the file lacks a size.
    """
    if sizes is not None:
        try:
            return _from_file(read_json(sizes))
        except (KeyError, TypeError) as error:
            raise SettingsError(f"{sizes} lacks the size {error}; see docs for its form") from error
    if directory is not None:
        values = read_json(directory / "config.json")
        return OfficialSizes(
            vision=Blip2VisionConfig(**values.get("vision_config", {})),
            qformer=Blip2QFormerConfig(**values.get("qformer_config", {})),
            num_query_tokens=values.get("num_query_tokens", 32),
        )
    return OfficialSizes(vision=Blip2VisionConfig(), qformer=Blip2QFormerConfig())


def _from_file(values: dict[str, Any]) -> OfficialSizes:
    vit, qformer = values["vit"], values["qformer"]
    width = vit["embed_dim"]
    return OfficialSizes(
        vision=Blip2VisionConfig(
            hidden_size=width,
            intermediate_size=int(width * vit["mlp_ratio"]),
            num_hidden_layers=vit["depth"],
            num_attention_heads=vit["num_heads"],
            image_size=values.get("image", {}).get("size", vit["img_size"]),
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
        num_query_tokens=qformer["num_query_token"],
        norm_eps=values["ln_vision"]["eps"],
        pad_token=values.get("pad_token", OFFICIAL_PAD_TOKEN),
    )
