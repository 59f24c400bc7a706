"""The alignment gap: what is lost when the LLM sees a scene instead of being told it.

Stage-1 loss of a caption given the picture, minus the loss of the same LLM on the same caption when
the scene in words stands in the picture's place:

    BOS picture caption "\\n"    against    BOS told scene caption "\\n"

Zero means that the projection has done all it can: what is left is what no one could predict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from minigpt4.data.example import captioned
from minigpt4.data.world import Writer, write_text
from minigpt4.evaluation.score import Score, mean_score
from minigpt4.model.loss import sum_by_example
from minigpt4.processing.batch import EncodedPrompt, collate
from minigpt4.processing.processor import STAGE1_LAYOUT
from minigpt4.world.draw.picture import draw
from minigpt4.world.language.tell import tell
from minigpt4.world.sample import Split, sample_scene

MAX_PICTURES = 200
CAPTIONS: tuple[Writer, ...] = ("clean", "web")
"""The captions of each picture: one of each source of stage 1."""


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """Mean losses of a caption token, and their difference."""

    gap: Score
    loss_shown: Score
    """Given the picture."""
    loss_told: Score
    """Given the scene in words."""


@torch.no_grad()
def alignment_gap(
    model: Any,
    *,
    split: Split,
    seed: int,
    count: int,
    batch_size: int = 32,
    report: Callable[[int], None] | None = None,
) -> Alignment:
    """Measure the gap on the first `count` pictures of a stream.

    `report` is called with the size of each batch that is done.
    """
    shown: list[float] = []
    told: list[float] = []
    num_tokens: list[float] = []
    for start in range(0, count, batch_size):
        indices = range(start, min(start + batch_size, count))
        for losses, counted in _losses_of(model, split, seed, indices):
            shown.append(losses[0])
            told.append(losses[1])
            num_tokens.append(counted)
        if report is not None:
            report(len(indices))
    gaps = [a - b for a, b in zip(shown, told, strict=True)]
    scores = [mean_score(sums, num_tokens) for sums in (gaps, shown, told)]
    gap, loss_shown, loss_told = (score for score in scores if score is not None)
    return Alignment(gap=gap, loss_shown=loss_shown, loss_told=loss_told)


def _losses_of(
    model: Any, split: Split, seed: int, indices: Sequence[int]
) -> list[tuple[tuple[float, float], int]]:
    """Return for each picture the summed losses (shown, told) and the number of caption tokens."""
    processor = model.processor
    pictures, shown_rows, told_rows = [], [], []
    for index in indices:
        scene = sample_scene(split, seed, index)
        pictures.append(draw(scene))
        words = processor.encode(tell(scene))
        for write in CAPTIONS:
            text = write_text(scene, write, seed=seed, index=index)
            example = captioned(pictures[-1], text, key=str(index))
            row = processor.encode_example(example, layout=STAGE1_LAYOUT)
            shown_rows.append(row)
            told_rows.append(_with_words(row, words))
    pixels = processor.pixel_values(pictures).to(model.device)
    features = model.encode_images(pixels).repeat_interleave(len(CAPTIONS), dim=0)  # (B, Q, H)
    shown = _caption_losses(model, shown_rows, features)
    told = _caption_losses(model, told_rows, None)
    counts = [sum(label >= 0 for label in row.labels) for row in shown_rows]
    per_picture = len(CAPTIONS)
    return [
        (
            (sum(shown[first : first + per_picture]), sum(told[first : first + per_picture])),
            sum(counts[first : first + per_picture]),
        )
        for first in range(0, len(counts), per_picture)
    ]


def _with_words(row: EncodedPrompt, words: list[int]) -> EncodedPrompt:
    """Put words where the picture is; the caption and its labels stay the same."""
    first = row.image_mask.index(True)
    last = len(row) - row.image_mask[::-1].index(True)
    ids = [*row.input_ids[:first], *words, *row.input_ids[last:]]
    labels = row.labels or []
    labels = [*labels[:first], *[-100] * len(words), *labels[last:]]
    return EncodedPrompt(input_ids=ids, image_mask=[False] * len(ids), labels=labels)


def _caption_losses(
    model: Any, rows: Sequence[EncodedPrompt], image_features: Tensor | None
) -> list[float]:
    """Return the summed loss of each row's caption."""
    batch = collate(rows, pad_token_id=0, padding="right").to(model.device)
    batch = replace(batch, image_features=image_features)
    assert batch.labels is not None
    losses = model(**batch.model_inputs()).token_losses
    return sum_by_example(losses, batch.labels).tolist()
