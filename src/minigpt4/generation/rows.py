"""The rows of a batch inside the LLM, with their key-value cache.

Rows are padded on the left, so that all of them end at the same column and every step adds one
token to each. Masks and positions follow from the padding alone: a row's logits are those that it
would have alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import DynamicCache


class Rows:
    """Rows in flight. `prefill` once, then `step` with each row's next token."""

    def __init__(self, llm: Any, *, cache: DynamicCache | None = None) -> None:
        """Start with no rows, or behind a cache of one row without padding."""
        self._llm = llm
        self.device = llm.get_input_embeddings().weight.device
        self.cache = DynamicCache(config=llm.config) if cache is None else cache
        self._attention_mask: Tensor | None = None

    @torch.no_grad()
    def prefill(
        self,
        inputs_embeds: Float[Tensor, "batch length llm_dim"],
        attention_mask: Int[Tensor, "batch length"],
    ) -> Float[Tensor, "batch vocab"]:
        """Read the prompts and return the logits of each row's first new token, in fp32."""
        past = self.cache.get_seq_length()
        seen = attention_mask.new_ones(attention_mask.shape[0], past)
        mask = torch.cat([seen, attention_mask], dim=1).to(self.device)  # (B, P+T)
        self._attention_mask = mask
        # Padding has positions too; they are masked, so any will do.
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, past:]  # (B, T)
        return self._run(positions, inputs_embeds=inputs_embeds.to(self.device))

    @torch.no_grad()
    def step(self, token_ids: Sequence[int]) -> Float[Tensor, "batch vocab"]:
        """Add one token to each row and return the logits of the next, in fp32."""
        assert self._attention_mask is not None, "prefill before the first step"
        mask = self._attention_mask
        self._attention_mask = torch.cat([mask, mask.new_ones(mask.shape[0], 1)], dim=1)
        positions = self._attention_mask.sum(dim=1, keepdim=True) - 1  # (B, 1)
        input_ids = torch.tensor(token_ids, device=self.device)[:, None]  # (B, 1)
        return self._run(positions, input_ids=input_ids)

    def select(self, indices: Sequence[int]) -> None:
        """Keep these rows, in this order; a row may be kept more than once."""
        assert self._attention_mask is not None, "prefill before select"
        chosen = torch.tensor(indices, device=self.device)
        self._attention_mask = self._attention_mask[chosen]
        self.cache.batch_select_indices(chosen)

    def _run(self, positions: Tensor, **inputs: Tensor) -> Tensor:
        outputs = self._llm(
            **inputs,
            attention_mask=self._attention_mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return outputs.logits[:, -1].float()  # (B, V)
