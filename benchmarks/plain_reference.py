"""MiniGPT-4 as one writes it down first, in the manner of the official code: what we compare with.

Everything is transformers': the vision encoder and the Q-Former run at every step, captions are
padded to the longest, embeddings are put together row by row, and the LLM computes logits at every
position. The frozen parts have no `requires_grad`, as officially, so no gradient of a frozen weight
is computed here either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    Blip2QFormerConfig,
    Blip2QFormerModel,
    Blip2VisionConfig,
    Blip2VisionModel,
    LlamaConfig,
    LlamaForCausalLM,
)

NUM_QUERIES = 32


@dataclass(frozen=True, kw_only=True)
class Size:
    """Widths and depths of the three parts."""

    vision: dict[str, int]
    qformer: dict[str, int]
    llm: dict[str, int]

    def __str__(self) -> str:
        return ", ".join(
            f"{name} {part['hidden_size']}x{part['num_hidden_layers']}"
            for name, part in vars(self).items()
        )


def _part(width: int, layers: int, heads: int, inner: int) -> dict[str, int]:
    return {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
    }


SIZES = {
    "tiny": Size(
        vision=_part(64, 2, 2, 128), qformer=_part(64, 2, 2, 128), llm=_part(64, 2, 2, 172)
    ),
    "medium": Size(
        vision=_part(384, 12, 6, 1536), qformer=_part(384, 6, 6, 1536), llm=_part(512, 8, 8, 1376)
    ),
    # EVA-CLIP ViT-g/14 without its last block, the Q-Former of BLIP-2, LLaMA 7B.
    "7b": Size(
        vision=_part(1408, 39, 16, 6144),
        qformer=_part(768, 12, 12, 3072),
        llm=_part(4096, 32, 32, 11008),
    ),
}


def build_parts(
    size: Size, *, device: str, dtype: torch.dtype, attention: str, vision: bool = True
) -> dict[str, Any]:
    """Return vision encoder, Q-Former and LLM with random weights: the same in fp32 for all."""
    options: dict[str, Any] = {"attn_implementation": attention}
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            parts = {
                "llm": LlamaForCausalLM(LlamaConfig(**size.llm, vocab_size=32_000, **options)),
            }
            if vision:
                config = Blip2VisionConfig(**size.vision, image_size=224, patch_size=14, **options)
                parts["vision_encoder"] = Blip2VisionModel(config)
                width = size.vision["hidden_size"]
                parts["qformer"] = Blip2QFormerModel(
                    Blip2QFormerConfig(**size.qformer, encoder_hidden_size=width, **options)
                )
    finally:
        torch.set_default_dtype(before)
    for part in parts.values():
        part.eval().requires_grad_(False)
    return parts


class PlainMiniGPT4(nn.Module):
    """The frozen parts and the projection."""

    def __init__(self, parts: dict[str, Any], queries: Tensor, projection: nn.Linear) -> None:
        super().__init__()
        self.visual_encoder, self.qformer = parts["vision_encoder"], parts["qformer"]
        self.llm, self.queries, self.projection = parts["llm"], queries, projection

    def forward(
        self, images: Tensor, before: Sequence[int], after: Sequence[int], captions: list[list[int]]
    ) -> Tensor:
        """Return the loss of captions; `before` and `after` are the prompt around the picture."""
        table = self.llm.get_input_embeddings()
        batch, device = len(captions), images.device

        patches = self.visual_encoder(pixel_values=images).last_hidden_state
        seen = self.qformer(
            query_embeds=self.queries.expand(batch, -1, -1), encoder_hidden_states=patches
        ).last_hidden_state
        image_embeds = self.projection(seen)

        def embed(ids: Sequence[int]) -> Tensor:
            return table(torch.tensor([list(ids)] * batch, dtype=torch.long, device=device))

        longest = max(map(len, captions))
        padded = [caption + [0] * (longest - len(caption)) for caption in captions]
        targets = [caption + [-100] * (longest - len(caption)) for caption in captions]
        text = table(torch.tensor(padded, device=device))
        embeds = torch.cat([embed(before), image_embeds, embed(after), text], dim=1)
        prompt = embeds.shape[1] - longest
        mask = [[1] * (prompt + len(caption)) + [0] * (longest - len(caption))
                for caption in captions]  # fmt: skip
        labels = torch.tensor([[-100] * prompt + row for row in targets], device=device)
        return self.llm(
            inputs_embeds=embeds, attention_mask=torch.tensor(mask, device=device), labels=labels
        ).loss
