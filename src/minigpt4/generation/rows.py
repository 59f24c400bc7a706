"""The rows of a batch inside the LLM, with their key-value cache.

Rows are padded on the left, so that all of them end at the same column and every step adds one
token to each. Masks and positions follow from the padding alone: a row's logits are those that it
would have alone. So rows may join and leave between any two steps: joining concatenates caches,
the shorter one padded on the left; leaving selects rows and drops columns that are padding to all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer


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
        """Keep these rows, in this order; a row may be kept more than once.

        When it fails, the rows are of no use any more: some layers have chosen, some have not.
        """
        assert self._attention_mask is not None, "prefill before select"
        chosen = torch.tensor(indices, device=self.device)
        self._attention_mask = self._attention_mask[chosen]
        self.cache.batch_select_indices(chosen)

    @property
    def can_join(self) -> bool:
        """Whether the cache keeps plain keys and values; recurrent layers keep a state instead."""
        return all(
            type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in self.cache.layers
        )

    def join(self, other: Rows) -> None:
        """Take over the rows of another batch, behind the own; `other` is used up.

        When it fails, as when there is no memory, the own rows are as before and can go on.
        """
        mine, theirs = self._attention_mask, other._attention_mask
        assert mine is not None, "prefill before join"
        assert theirs is not None, "prefill the joining rows before join"
        length = max(mine.shape[1], theirs.shape[1])
        mask = torch.cat(
            [_pad_left(mine[..., None], length), _pad_left(theirs[..., None], length)]
        )[..., 0]  # (B+b, T)
        layers: list[Any] = self.cache.layers  # of the classes that `can_join` names
        joined: list[tuple[Any, int, int]] = []
        try:
            # One layer after the other: all new layers beside the old would take twice the memory.
            for layer, joining in zip(layers, other.cache.layers, strict=True):
                num_columns = layer.keys.shape[-2]
                _join_layer(layer, joining, length=length)
                joined.append((layer, mine.shape[0], num_columns))
        except BaseException:
            for layer, num_rows, num_columns in joined:
                # The old states are a part of the new ones, so going back takes no memory.
                layer.keys = layer.keys[:num_rows, ..., -num_columns:, :]
                layer.values = layer.values[:num_rows, ..., -num_columns:, :]
                _note_length(layer, mine.shape[1])
            raise
        self._attention_mask = mask

    def trim(self) -> None:
        """Drop the columns that are padding in every row, as when the longest row has left."""
        assert self._attention_mask is not None, "prefill before trim"
        length = int(self._attention_mask.sum(dim=1).max())
        if length == self._attention_mask.shape[1]:
            return
        self._attention_mask = self._attention_mask[:, -length:]
        layers: list[Any] = self.cache.layers
        for layer in layers:
            layer.keys, layer.values = layer.keys[..., -length:, :], layer.values[..., -length:, :]
            _note_length(layer, length)

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


def _join_layer(layer: Any, joining: Any, *, length: int) -> None:
    # A layer with a window keeps the last columns only, and knows how many there were.
    both = (layer, joining)
    kept = max(each.keys.shape[-2] for each in both)
    keys = torch.cat([_pad_left(each.keys, kept) for each in both])  # (B+b, heads, T, D)
    values = torch.cat([_pad_left(each.values, kept) for each in both])
    layer.keys, layer.values = keys, values
    _note_length(layer, length)


def _note_length(layer: Any, length: int) -> None:
    if isinstance(layer, DynamicSlidingWindowLayer):
        layer.cumulative_length = length


def _pad_left(states: Tensor, length: int) -> Tensor:
    """Put zeros before the columns, which are the dimension before the last."""
    missing = length - states.shape[-2]
    return functional.pad(states, (0, 0, missing, 0)) if missing else states
