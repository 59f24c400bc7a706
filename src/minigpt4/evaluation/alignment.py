"""The alignment gap: what is lost when the LLM sees a scene instead of being told it.

Stage-1 loss of a caption given the picture, minus the loss of the same LLM on the same caption when
the scene in words stands in the picture's place:

    BOS picture caption "\\n"    against    BOS told scene caption "\\n"

Zero means that the projection has done all it can: what is left is what no one could predict. A
projection that only says "here comes a caption" would lower the first loss, too; so the loss given
another picture, the next one's, is measured as well: it must be higher.
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
    loss_another: Score
    """Given the next picture of the stream instead."""
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
    losses: list[tuple[float, float, float]] = []
    num_tokens: list[float] = []
    for start in range(0, count, batch_size):
        indices = range(start, min(start + batch_size, count))
        for row, counted in _losses_of(model, split, seed, indices):
            losses.append(row)
            num_tokens.append(counted)
        if report is not None:
            report(len(indices))
    shown, another, told = zip(*losses, strict=True)
    gaps = [a - b for a, b in zip(shown, told, strict=True)]
    scores = [mean_score(sums, num_tokens) for sums in (gaps, shown, another, told)]
    gap, *of_captions = (score for score in scores if score is not None)
    loss_shown, loss_another, loss_told = of_captions
    return Alignment(gap=gap, loss_shown=loss_shown, loss_another=loss_another, loss_told=loss_told)


def _losses_of(
    model: Any, split: Split, seed: int, indices: Sequence[int]
) -> list[tuple[tuple[float, float, float], int]]:
    """Return of each picture the summed losses (shown, another, told) and how many tokens."""
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
    # One more, so that the last picture has a next one, too, whatever the batch size.
    pictures.append(draw(sample_scene(split, seed, indices[-1] + 1)))
    pixels = processor.pixel_values(pictures).to(model.device)
    features = model.encode_images(pixels)  # (B+1, Q, H)
    by_source = [
        _caption_losses(model, shown_rows, features[:-1].repeat_interleave(len(CAPTIONS), dim=0)),
        _caption_losses(model, shown_rows, features[1:].repeat_interleave(len(CAPTIONS), dim=0)),
        _caption_losses(model, told_rows, None),
    ]
    counts = [sum(label >= 0 for label in row.labels) for row in shown_rows]
    found = []
    for first in range(0, len(counts), len(CAPTIONS)):
        rows = slice(first, first + len(CAPTIONS))
        shown, another, told = (sum(losses[rows]) for losses in by_source)
        found.append(((shown, another, told), sum(counts[rows])))
    return found


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
