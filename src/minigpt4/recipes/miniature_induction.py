"""First weights of a small LLaMA that can copy before it has read a word.

Whatever the miniature is asked for, it must say what its context says. A transformer finds the
circuit for that by itself, an induction head, but late: a model of this size spent 800 steps on
nothing but repeated random tokens and had not found it. So it is put there: a head of the first
layer passes each token on to the next place, and heads of the second layer look for the place that
follows an earlier copy of the present token. Nothing is fixed; training goes on from there.

Source: Olsson et al. 2022 (induction heads) for the circuit; the construction is ours.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from minigpt4.errors import SettingsError

CONSTANT = 0.1
"""Value of the last channel of every embedding: what a head of the first layer can rely on."""
TOKEN_STD = 0.028
"""Standard deviation of the channels that tell tokens apart."""
PREVIOUS_LOGIT = 10.0
"""How far the score of the place before exceeds its neighbours'."""
NUM_FAST = 6
"""Rotary frequencies that find the place before; slow ones would only add a large constant."""
MATCH_SCALE = 3.0
COPY_SCALE = 4.0
SLOWEST_MATCHED = 0.013
"""Radians a place: faster channels turn too much between a token and its earlier copy."""
QUIETENED = 0.1
"""Factor on the random outputs of all layers, which would drown the circuit."""


@torch.no_grad()
def give_induction(llm: Any, *, seed: int) -> None:
    """Write an induction circuit into the first two layers of an untrained `LlamaForCausalLM`.

    The embeddings use the first half of the channels for the token and the last one as a constant;
    two heads' worth of channels in between receive the token before.

    Raises:
        SettingsError: if the LLM is too small to hold the circuit.
    """
    config = llm.config
    if config.num_attention_heads < 5 or config.num_hidden_layers < 2:
        raise SettingsError(
            f"{config.num_hidden_layers} layers of {config.num_attention_heads} heads: wanted at "
            "least 2 layers (one passes tokens on, one copies) of 5 heads (more would leave no "
            "channels between the token's and the constant one)"
        )
    generator = torch.Generator().manual_seed(seed)
    for layer in llm.model.layers:
        layer.self_attn.o_proj.weight *= QUIETENED
        layer.mlp.down_proj.weight *= QUIETENED
    num_token = config.hidden_size // 2
    embeddings = llm.get_input_embeddings().weight
    tokens = torch.randn(config.vocab_size, num_token, generator=generator)
    # Equal norms: otherwise a token's own size would enter every score.
    tokens *= TOKEN_STD * math.sqrt(num_token) / tokens.norm(dim=1, keepdim=True)
    embeddings.zero_()
    embeddings[:, :num_token] = tokens
    embeddings[:, -1] = CONSTANT
    basis = _orthogonal(num_token, generator)
    _pass_on_tokens(llm, basis)
    _match_and_copy(llm, basis, generator)


def _pass_on_tokens(llm: Any, basis: Tensor) -> None:
    """Two heads of the first layer write the token before into channels of their own."""
    config = llm.config
    size, num_token = _head_size(config), config.hidden_size // 2
    norm = _embedding_norm(config)
    frequencies = _frequencies(config)[:NUM_FAST]
    gain = PREVIOUS_LOGIT * math.sqrt(size) / float((1 - torch.cos(frequencies)).sum())
    scale = math.sqrt(gain) / (CONSTANT / norm)
    attention = llm.model.layers[0].self_attn
    for head in range(2):
        first = head * size
        rows = slice(first, first + size)
        for part in (attention.q_proj, attention.k_proj, attention.v_proj):
            part.weight[rows] = 0
        # Turned by one place, the key meets the query of the next place exactly.
        half = first + size // 2
        attention.q_proj.weight[first : first + NUM_FAST, -1] = scale
        attention.k_proj.weight[first : first + NUM_FAST, -1] = scale * torch.cos(frequencies)
        attention.k_proj.weight[half : half + NUM_FAST, -1] = scale * torch.sin(frequencies)
        attention.v_proj.weight[rows, :num_token] = basis[rows]
        written = slice(num_token + first, num_token + first + size)
        attention.o_proj.weight[:, rows] = 0
        attention.o_proj.weight[written, rows] = torch.eye(size) * norm


def _match_and_copy(llm: Any, basis: Tensor, generator: torch.Generator) -> None:
    """Heads of the second layer find the present token further back and copy what followed it."""
    config = llm.config
    size, num_token = _head_size(config), config.hidden_size // 2
    slow = torch.nonzero(_frequencies(config) < SLOWEST_MATCHED).flatten().tolist()
    channels = [*slow, *(index + size // 2 for index in slow)]
    attention = llm.model.layers[1].self_attn
    copied = _orthogonal(num_token, generator)
    received = slice(num_token, num_token + 2 * size)
    for first in range(0, num_token, size):
        last = min(first + size, num_token)
        rows = slice(first, first + size)
        for part in (attention.q_proj, attention.k_proj, attention.v_proj):
            part.weight[rows] = 0
        attention.o_proj.weight[:, rows] = 0
        match = MATCH_SCALE * _orthogonal(2 * size, generator)[: len(channels)]
        for row, channel in zip(match, channels, strict=True):
            attention.q_proj.weight[first + channel, :num_token] = row @ basis[: 2 * size]
            attention.k_proj.weight[first + channel, received] = row
        attention.v_proj.weight[first:last, :num_token] = copied[first:last]
        gain = COPY_SCALE * TOKEN_STD / math.sqrt(2)
        attention.o_proj.weight[:num_token, first:last] = gain * copied[first:last].T


def _orthogonal(size: int, generator: torch.Generator) -> Tensor:
    return torch.linalg.qr(torch.randn(size, size, generator=generator)).Q


def _head_size(config: Any) -> int:
    return config.hidden_size // config.num_attention_heads


def _embedding_norm(config: Any) -> float:
    """Return the root mean square of an embedding, by which the first layer divides."""
    num_token = config.hidden_size // 2
    return math.sqrt((num_token * TOKEN_STD**2 + CONSTANT**2) / config.hidden_size)


def _frequencies(config: Any) -> Tensor:
    """Return the rotary frequencies of a head, in radians a place."""
    half = _head_size(config) // 2
    return config.rope_parameters["rope_theta"] ** (-torch.arange(half) / half)
