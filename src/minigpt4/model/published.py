"""Published sizes of the parts that recipes name, for plans made before anything is downloaded.

Only the sizes that decide parameters and memory; weights always come with a configuration of their
own, which is then the one that counts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import (
    Blip2VisionConfig,
    LlamaConfig,
    OPTConfig,
    PreTrainedConfig,
    Qwen3Config,
    SiglipVisionConfig,
)

_LLAMA: dict[str, Any] = {"vocab_size": 32_000, "bos_token_id": 1, "eos_token_id": 2}


def published_config(name: str) -> PreTrainedConfig | None:
    """Return the published sizes behind a path or `org/name`, by its last part; None if unknown."""
    last = Path(name.partition("@")[0]).name.lower()
    for known, build in _KNOWN.items():
        if last.startswith(known):
            return build()
    return None


def _llama_7b() -> PreTrainedConfig:
    return LlamaConfig(
        hidden_size=4096, intermediate_size=11_008, num_hidden_layers=32, num_attention_heads=32,
        **_LLAMA,
    )  # fmt: skip


def _llama_13b() -> PreTrainedConfig:
    return LlamaConfig(
        hidden_size=5120, intermediate_size=13_824, num_hidden_layers=40, num_attention_heads=40,
        **_LLAMA,
    )  # fmt: skip


def _opt_6_7b() -> PreTrainedConfig:
    return OPTConfig(
        hidden_size=4096, ffn_dim=16_384, num_hidden_layers=32, num_attention_heads=32,
        word_embed_proj_dim=4096, vocab_size=50_272, max_position_embeddings=2048,
    )  # fmt: skip


def _qwen3_0_6b() -> PreTrainedConfig:
    return Qwen3Config(
        hidden_size=1024, intermediate_size=3072, num_hidden_layers=28, num_attention_heads=16,
        num_key_value_heads=8, head_dim=128, vocab_size=151_936, tie_word_embeddings=True,
    )  # fmt: skip


def _siglip2_base_256() -> PreTrainedConfig:
    return SiglipVisionConfig(
        hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
        image_size=256, patch_size=16,
    )  # fmt: skip


# Read by the first name that fits, so longer names of a family stand first.
_KNOWN = {
    "eva_vit_g": Blip2VisionConfig,
    "blip2-": Blip2VisionConfig,
    "vicuna-13b": _llama_13b,
    "vicuna-7b": _llama_7b,
    "llama-2-13b": _llama_13b,
    "llama-2-7b": _llama_7b,
    "opt-6.7b": _opt_6_7b,
    "qwen3-0.6b": _qwen3_0_6b,
    "siglip2-base-patch16-256": _siglip2_base_256,
}
