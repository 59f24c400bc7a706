"""Fingerprints of frozen weights: proof that they are the ones a projection was trained with.

A fingerprint is taken of values, not of files, so it is the same for one file or ten shards and
for fp32 or bf16 (values are rounded to bf16 first). Large parts are sampled, so that a 13B LLM
takes seconds. For the proof that training changed nothing, `exact` hashes every bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

HASHED_WHOLE_PARAMETERS = 64_000_000
"""Parts of at most so many parameters are hashed whole, larger ones are sampled."""

SAMPLES_PER_TENSOR = 4096


@torch.no_grad()
def fingerprint(part: nn.Module, *, exact: bool = False) -> str:
    """Return the fingerprint of a part's parameters.

    `exact` tells any change of any bit, but also fp32 from bf16.
    """
    return fingerprint_tensors(dict(part.named_parameters()), exact=exact)


def fingerprint_tensors(tensors: Mapping[str, Tensor], *, exact: bool = False) -> str:
    """Return the fingerprint of the part whose parameters these are."""
    parameters = sorted(tensors.items())
    sampled = sum(tensor.numel() for _, tensor in parameters) > HASHED_WHOLE_PARAMETERS
    digest = hashlib.sha256()
    for name, tensor in parameters:
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        values = _sample(tensor) if sampled and not exact else tensor
        digest.update(_bytes(values if exact else values.to(torch.bfloat16)))
    return digest.hexdigest()[:32]


def _sample(tensor: Tensor) -> Tensor:
    flat = tensor.reshape(-1)
    return flat[:: max(1, flat.numel() // SAMPLES_PER_TENSOR)]


def _bytes(values: Tensor) -> memoryview:
    # NumPy knows no bf16; the bits are what counts.
    return values.contiguous().cpu().reshape(-1).view(torch.uint8).numpy().data
