"""Rows of different lengths through a causal LM without padding, their common beginning only once.

A training batch is ragged: captions differ in length, and what follows a row's last target is
never used. Here the tokens of all rows lie one after the other in a single sequence, so that every
matrix product of the LLM sees real tokens only; attention alone goes back to rows. Which row a
token belongs to is handed through transformers' attention interface, so nothing of the LLM is
copied or patched, and nothing changes for other callers: without rows, the attention is the one
that the LLM had before.

What all rows begin with (`<s>###Human: <Img>`) stands before the picture, so neither its keys nor
its values depend on the projection: they are computed once and kept.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import eager_mask, sdpa_mask

from minigpt4.model.attention import causal_attention

ROWS = "minigpt4_rows_"
"""What the names begin with under which transformers finds the attention of this module."""

MIN_PREFIX_TOKENS = 4
"""Shorter common beginnings cost more to join than to compute again."""

KeyValue = tuple[Tensor, Tensor]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Where the tokens of a sequence without padding lie in rows with padding."""

    padded: Int[Tensor, "batch length"]
    """For each place of the padded rows a token of the sequence; anything where padding is."""

    flat: Int[Tensor, " tokens"]
    """For each token its place in the padded rows, read row by row."""

    position_ids: Int[Tensor, "1 tokens"]
    """For each token its position in its row, the prefix counted."""

    prefix: Sequence[KeyValue] | None = None
    """Keys and values of the common beginning, layer by layer, each (1, heads, length, dim)."""


def rows_of(
    keep: Bool[Tensor, "batch length"], *, prefix: Sequence[KeyValue] | None = None
) -> Rows:
    """Return where the kept tokens lie; those of a row must be its first ones."""
    lengths = keep.sum(dim=1)
    longest = int(lengths.max())
    columns = torch.arange(longest, device=keep.device)
    starts = lengths.cumsum(0) - lengths
    inside = columns < lengths[:, None]  # (B, L)
    padded = torch.where(inside, starts[:, None] + columns, 0)
    first = 0 if prefix is None else prefix[0][0].shape[2]
    return Rows(
        padded=padded,
        flat=inside.reshape(-1).nonzero()[:, 0],
        position_ids=(columns.expand_as(padded)[inside] + first)[None],
        prefix=prefix,
    )


def takes_rows(llm: Any) -> bool:
    """Tell whether this LLM's attention can be replaced by one that knows rows.

    Its attention must go through transformers' interface, look at all that stands before, and do
    nothing to the scores but scale them.
    """
    config = llm.config
    body = getattr(llm, "base_model", None)
    layers = getattr(body, "layers", None)
    if layers is None or not getattr(llm, "_supports_attention_backend", False):
        return False
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    odd = ("attn_logit_softcapping", "attention_chunk_size", "alibi", "use_bidirectional_attention")
    sliding = getattr(config, "sliding_window", None) and getattr(
        config, "use_sliding_window", True
    )
    known = config._attn_implementation.removeprefix(ROWS) in ("sdpa", "eager")
    return (
        known
        and kinds == {"full_attention"}
        and not sliding
        and not any(getattr(config, name, None) for name in odd)
        and all(_is_plain(layer) for layer in layers)
    )


def goes_in_rows(
    llm: Any, used: Bool[Tensor, "batch length_minus_1"], inputs: Mapping[str, Any]
) -> bool:
    """Tell whether these inputs of an LLM can be computed without padding, with the same result.

    They can if each row is attended to from its first token to its last used one, and nothing
    unusual is asked for.
    """
    known = {"inputs_embeds", "attention_mask", "position_ids", "use_cache", "return_dict"}
    mask = inputs.get("attention_mask")
    return (
        not inputs.keys() - known
        and inputs.get("position_ids") is None
        and (mask is None or (mask.ndim == 2 and bool(mask[:, :-1].bool()[used].all())))
        and takes_rows(llm)
    )


def up_to_last(
    positions: Bool[Tensor, "batch length"],
) -> Bool[Tensor, "batch length"]:
    """Mark each row up to its last marked position."""
    return positions.flip(1).cummax(dim=1).values.flip(1)


def hidden_of_rows(
    llm: Any,
    inputs_embeds: Float[Tensor, "batch length dim"],
    keep: Bool[Tensor, "batch length"],
    *,
    prefix: Sequence[KeyValue] | None = None,
) -> Float[Tensor, "tokens dim"]:
    """Return the last hidden states of the kept tokens, row after row."""
    rows = rows_of(keep, prefix=prefix)
    _let_attention_know_rows(llm)
    return llm.base_model(
        inputs_embeds=inputs_embeds[keep][None],  # (1, n, D)
        # A mask of four dimensions is taken as it is; without, one of n x n would be made, for
        # nothing: our attention looks at none.
        attention_mask=inputs_embeds.new_zeros(1, 1, 1, 1),
        position_ids=rows.position_ids,
        use_cache=False,
        return_dict=True,
        rows=rows,
    ).last_hidden_state[0]  # (n, D)


@torch.no_grad()
def keys_and_values(llm: Any, inputs_embeds: Float[Tensor, "1 length dim"]) -> list[KeyValue]:
    """Return the keys and values of a text in every layer."""
    cache = llm.base_model(
        inputs_embeds=inputs_embeds, use_cache=True, return_dict=True
    ).past_key_values
    return [(layer.keys, layer.values) for layer in cache.layers]


def rows_attention(  # noqa: PLR0913 - the arguments are those of transformers' interface
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    rows: Rows | None = None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """Let each token look at those before it in its own row; without rows, do as before."""
    if rows is None:
        config: Any = module.config
        attention = _plain_attention(module, config._attn_implementation.removeprefix(ROWS))
        options = {"scaling": scaling, "dropout": dropout, **kwargs}
        return attention(module, query, key, value, attention_mask, **options)
    groups = query.shape[1] // key.shape[1]
    queries, keys, values = (_Pad.apply(each, rows) for each in (query, key, value))
    if rows.prefix is not None:
        earlier = rows.prefix[module.layer_idx]  # type: ignore[index]
        keys, values = (
            torch.cat([old.to(new.dtype).expand(new.shape[0], -1, -1, -1), new], dim=2)
            for old, new in zip(earlier, (keys, values), strict=True)
        )  # (B, H, P+L, d)
    out = causal_attention(
        queries,
        repeat_kv(keys, groups),
        repeat_kv(values, groups),
        scale=query.shape[-1] ** -0.5 if scaling is None else scaling,
        dropout=dropout,
    )  # (B, H, L, d)
    return _Unpad.apply(out, rows), None


class _Pad(torch.autograd.Function):
    """(1, heads, tokens, dim) -> (batch, heads, length, dim).

    Both directions are look-ups; autograd's own would be a sum over places that never meet.
    """

    @staticmethod
    def forward(ctx: Any, states: Tensor, rows: Rows) -> Tensor:
        ctx.rows = rows
        tokens = states[0].transpose(0, 1)  # (n, H, d)
        return (
            F.embedding(rows.padded, tokens.flatten(1))
            .unflatten(-1, tokens.shape[1:])
            .transpose(1, 2)
        )  # (B, H, L, d)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _gather(gradient, ctx.rows), None


class _Unpad(torch.autograd.Function):
    """(batch, heads, length, dim) -> (1, tokens, heads, dim)."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, rows: Rows) -> Tensor:
        ctx.rows, ctx.shape = rows, states.shape
        return _gather(states, rows).transpose(1, 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        batch, heads, length, dim = ctx.shape
        # Zeros where padding is: nothing may flow back from there.
        padded = gradient.new_zeros(batch * length, heads * dim)
        padded[ctx.rows.flat] = gradient.reshape(-1, heads * dim)
        return padded.view(batch, length, heads, dim).transpose(1, 2), None


def _gather(states: Tensor, rows: Rows) -> Tensor:
    """(batch, heads, length, dim) -> (1, heads, tokens, dim)."""
    places = states.transpose(1, 2).reshape(-1, states.shape[1], states.shape[3])  # (B*L, H, d)
    return places.index_select(0, rows.flat).transpose(0, 1)[None]


def _let_attention_know_rows(llm: Any) -> None:
    """Put our attention in front of the LLM's own, for good.

    For good, because a layer that is computed again in the backward pass must find it too.
    """
    own = llm.config._attn_implementation
    if own.startswith(ROWS):
        return
    AttentionInterface.register(f"{ROWS}{own}", rows_attention)
    AttentionMaskInterface.register(f"{ROWS}{own}", {"sdpa": sdpa_mask, "eager": eager_mask}[own])
    llm.config._attn_implementation = f"{ROWS}{own}"


def _plain_attention(module: nn.Module, name: str) -> Any:
    """Return the attention a module had; the eager one stands beside the module itself."""
    if name == "sdpa":
        return sdpa_attention_forward
    return sys.modules[type(module).__module__].eager_attention_forward  # type: ignore[attr-defined]


def _is_plain(layer: Any) -> bool:
    """Tell whether a layer has one causal self-attention and nothing that mixes tokens beside."""
    attention = getattr(layer, "self_attn", None)
    return (
        attention is not None
        and hasattr(attention, "layer_idx")
        and not hasattr(attention, "sinks")
        and getattr(attention, "is_causal", False)
        and hasattr(sys.modules[type(attention).__module__], "eager_attention_forward")
    )
