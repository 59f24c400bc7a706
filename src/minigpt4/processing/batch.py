"""A batch: the tensors one call of the model takes, and how rows of ids become one.

Masks are made from positions, never from token ids: a pad id is an ordinary id that happens not to
be attended to, and an answer that contains it is learned like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

IGNORED_LABEL = -100


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What the model takes. Pictures are in the order of their placeholders, row by row."""

    input_ids: Int[Tensor, "batch length"]
    attention_mask: Int[Tensor, "batch length"]
    image_mask: Bool[Tensor, "batch length"]
    labels: Int[Tensor, "batch length"] | None = None
    pixel_values: Float[Tensor, "images 3 height width"] | None = None
    image_features: Float[Tensor, "images image_tokens feature_dim"] | None = None
    """What `encode_images` made of the pictures, if they were encoded before."""

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Batch:
        """Return the batch on another device."""
        moved = {
            name: value.to(device, non_blocking=non_blocking)
            for name, value in self.model_inputs().items()
        }
        return replace(self, **moved)

    def model_inputs(self) -> dict[str, Any]:
        """Return the tensors there are, by the names of the model's arguments."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in named.items() if value is not None}

    def __len__(self) -> int:
        return self.input_ids.shape[0]

    @property
    def num_targets(self) -> int:
        """Answer tokens that carry loss; micro-batches are weighted by it."""
        if self.labels is None:
            return 0
        return int((self.labels[:, 1:] != IGNORED_LABEL).sum())


@dataclass(frozen=True)
class EncodedPrompt:
    """One row before padding."""

    input_ids: list[int]
    image_mask: list[bool]
    labels: list[int] | None = None

    def __len__(self) -> int:
        return len(self.input_ids)


def collate(
    rows: Sequence[EncodedPrompt],
    *,
    pad_token_id: int,
    padding: Literal["left", "right"],
    pixel_values: Tensor | None = None,
) -> Batch:
    """Pad rows to one length: on the right to train, on the left to generate."""
    length = max(len(row) for row in rows)

    def stack(values: Sequence[Sequence[Any]], fill: Any, dtype: torch.dtype) -> Tensor:
        out = torch.full((len(rows), length), fill, dtype=dtype)
        for index, row in enumerate(values):
            start = length - len(row) if padding == "left" else 0
            out[index, start : start + len(row)] = torch.tensor(row, dtype=dtype)
        return out

    labels = [row.labels for row in rows if row.labels is not None]
    return Batch(
        input_ids=stack([row.input_ids for row in rows], pad_token_id, torch.long),
        attention_mask=stack([[1] * len(row) for row in rows], 0, torch.long),
        image_mask=stack([row.image_mask for row in rows], False, torch.bool),
        labels=stack(labels, IGNORED_LABEL, torch.long) if labels else None,
        pixel_values=pixel_values,
    )
