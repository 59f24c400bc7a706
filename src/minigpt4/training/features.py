"""What the projection sees, computed once: the frozen encoder need not run at every step.

Features are computed before training, in the order the training will first need them and in
batches of one size, so a resumed run computes the same bits again.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from minigpt4.data.mixing import Drawn, Mixture
from minigpt4.model.minigpt4 import MiniGPT4ForConditionalGeneration
from minigpt4.training.progress import progress_bar

Place = tuple[int, int]
"""Number of the source and of the example in it."""


@dataclass(frozen=True)
class Features:
    """Outputs of `encode_images`, on the CPU, by the place of their example."""

    rows: dict[Place, int]
    values: Float[Tensor, "images image_tokens feature_dim"]

    def of(self, drawn: Drawn) -> Float[Tensor, "batch image_tokens feature_dim"]:
        """Return the features of a batch's pictures, in order."""
        places = [(drawn.source, index) for index in drawn.indices]
        return self.values[[self.rows[place] for place in places]]


@torch.no_grad()
def compute_features(
    model: MiniGPT4ForConditionalGeneration,
    mixture: Mixture,
    *,
    num_batches: int,
    chunk_size: int = 32,
    dtype: torch.dtype = torch.float32,
) -> Features:
    """Encode every picture that the first `num_batches` batches of the mixture need.

    Args:
        num_batches: micro-batches of the training, over all steps and processes.
        chunk_size: pictures encoded at a time.
        dtype: of the stored features; bf16 halves their memory.
    """
    was_training = model.training
    model.eval()
    rows: dict[Place, int] = {}
    waiting: list[Tensor] = []
    chunks: list[Tensor] = []

    def encode() -> None:
        pixels = torch.cat(waiting).to(model.device)
        chunks.append(model.encode_images(pixels).to("cpu", dtype))
        waiting.clear()

    with progress_bar(num_batches, 0, label="features") as advance:
        for number in range(num_batches):
            drawn = mixture.draw(number)
            for index, example in zip(drawn.indices, drawn.examples, strict=True):
                if (drawn.source, index) in rows:
                    continue
                assert example.image is not None
                pixels = model.processor.pixel_values([example.image])
                assert pixels is not None
                rows[drawn.source, index] = len(rows)
                waiting.append(pixels)
                if len(waiting) == chunk_size:
                    encode()
            advance(number + 1, None)
    if waiting:
        encode()
    model.train(was_training)
    return Features(rows, torch.cat(chunks))
