"""The names of tensors in the official files, and what they are called in transformers.

    eva_vit_g.pth                    flat EVA names: `blocks.0.attn.qkv.weight` ...
    blip2_pretrained_flant5xxl.pth   `Qformer.bert.*`, `query_tokens`, `ln_vision.*` under "model"
    pretrained_minigpt4_7b.pth       `llama_proj.*` under "model", and buffers nobody needs
    blip2-* of the Hugging Face hub  `vision_model.*`, `qformer.*`, `query_tokens`

Names are asked for, one by one, by the modules of transformers that need them, so a missing one
cannot go unnoticed. What is left over in a file is either known to be of no use or reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from minigpt4.errors import WeightsError

NORM = "post_layernorm."
"""transformers' name of `ln_vision`, which stands in the Q-Former's file."""

_EVA_NAMES = (
    (r"embeddings\.class_embedding", "cls_token"),
    (r"embeddings\.position_embedding", "pos_embed"),
    (r"embeddings\.patch_embedding\.", "patch_embed.proj."),
    (r"encoder\.layers\.(\d+)\.layer_norm", r"blocks.\1.norm"),
    (r"encoder\.layers\.(\d+)\.self_attn\.projection\.", r"blocks.\1.attn.proj."),
    (r"encoder\.layers\.(\d+)\.self_attn\.qkv\.", r"blocks.\1.attn.qkv."),
    (r"encoder\.layers\.(\d+)\.mlp\.", r"blocks.\1.mlp."),
)

_QFORMER_NAMES = (
    (r"^layernorm\.", "Qformer.bert.embeddings.LayerNorm."),
    (r"^encoder\.", "Qformer.bert.encoder."),
    (r"attention\.attention\.", "attention.self."),
)

# The text side of BLIP-2's Q-Former, its head and its own projection have no use here.
_QFORMER_LEFTOVERS = re.compile(
    r"Qformer\.cls\.|t5_proj\.|opt_proj\.|vision_proj\.|text_proj\.|itm_head\.|temp$"
    r"|Qformer\.bert\.embeddings\.(word_embeddings|position_embeddings|position_ids|token_type)"
    r"|Qformer\.bert\.encoder\.layer\.\d+\.(intermediate|output)\."
    r"|visual_encoder\."
)
_EVA_LEFTOVERS = re.compile(r"norm\.|fc_norm\.|head\.|mask_token$|blocks\.(?P<block>\d+)\.")
# The LLM of BLIP-2 with its own projection, and the text side of its Q-Former.
_HUB_LEFTOVERS = re.compile(
    r"language_(model|projection)\.|(vision|text)_projection\.|itm_head\.|embeddings\."
    r"|qformer\.encoder\.layer\.\d+\.(intermediate|output)\.|.*\.position_ids$"
)
# Official checkpoints strip frozen parameters but keep buffers.
_PROJECTION_LEFTOVERS = re.compile(r".*\.position_ids$|.*\.rotary_emb\.inv_freq$")


def eva_tensor(name: str, tensors: Mapping[str, Tensor]) -> Tensor:
    """Return the tensor of `Blip2VisionModel` called `name` from an EVA file."""
    official = _rename(name, _EVA_NAMES)
    if official.endswith("attn.qkv.bias"):
        # EVA has no bias for keys; transformers has one fused bias for all three.
        query, value = (
            need(official.replace("qkv.bias", part), tensors) for part in ("q_bias", "v_bias")
        )
        return torch.cat([query, torch.zeros_like(query), value])
    return need(official, tensors)


def qformer_name(name: str) -> str:
    """Return the official name of the tensor of `Blip2QFormerModel` called `name`."""
    return _rename(name, _QFORMER_NAMES)


def need(name: str, tensors: Mapping[str, Tensor]) -> Tensor:
    """Return a tensor that must be there.

    Raises:
        WeightsError: if it is not.
    """
    if name not in tensors:
        raise WeightsError(
            f"{name} is missing among {len(tensors)} tensors; this is not the file that was asked "
            "for, or its sizes are others (see --sizes)"
        )
    return tensors[name]


def eva_unknown(names: Iterable[str], *, depth: int) -> list[str]:
    """Return the names of an EVA file that are neither needed nor known to be of no use."""
    needed = re.compile(r"cls_token$|pos_embed$|patch_embed\.proj\.")
    per_block = r"\.(norm[12]|attn\.(q_bias|v_bias|qkv|proj)|mlp\.fc[12])(\.(weight|bias))?$"

    def known(name: str) -> bool:
        leftover = _EVA_LEFTOVERS.match(name)
        if leftover and leftover["block"] is not None:
            return int(leftover["block"]) >= depth or bool(re.search(per_block, name))
        return bool(leftover or needed.match(name))

    return sorted(name for name in names if not known(name))


def qformer_unknown(names: Iterable[str], *, used: Iterable[str]) -> list[str]:
    """Return the names of a BLIP-2 file that are neither used nor known to be of no use."""
    needed = {qformer_name(name) for name in used}
    needed |= {"query_tokens", "ln_vision.weight", "ln_vision.bias"}
    return sorted(set(names) - needed - {n for n in names if _QFORMER_LEFTOVERS.match(n)})


def hub_unknown(
    names: Iterable[str], *, vision: Iterable[str], qformer: Iterable[str]
) -> list[str]:
    """Return the names of a `blip2-*` directory that none of its known parts has.

    `vision` and `qformer` are the names of their tensors in transformers.
    """
    needed = {f"vision_model.{name}" for name in vision} | {"query_tokens"}
    needed |= {f"qformer.{name}" for name in qformer}
    return sorted(n for n in names if n not in needed and not _HUB_LEFTOVERS.match(n))


def projection_unknown(names: Iterable[str]) -> list[str]:
    """Return the names of a MiniGPT-4 checkpoint that are of unknown use."""
    used = re.compile(r"llama_proj\.(weight|bias)$|Qformer\.|query_tokens$|ln_vision\.")
    return sorted(n for n in names if not used.match(n) and not _PROJECTION_LEFTOVERS.match(n))


def trained_qformer(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what a MiniGPT-4 checkpoint holds of a Q-Former that was trained with it."""
    prefixes = ("Qformer.", "query_tokens", "ln_vision.")
    return {
        name: tensors[name]
        for name in tensors
        if name.startswith(prefixes) and not _PROJECTION_LEFTOVERS.match(name)
    }


def _rename(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name
