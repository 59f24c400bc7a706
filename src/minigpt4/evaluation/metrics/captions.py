"""BLEU, ROUGE-L and CIDEr of captions, equal to the COCO caption evaluation's.

Both sides are split by the Penn Treebank rules (`penn_words.py`), which the evaluation runs in
Java; ours needs nothing. METEOR and SPICE, which need a thesaurus and a parser, are not here.

Paper: none of its tables; to compare with what others report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minigpt4.errors import DataError
from minigpt4.evaluation.metrics.bleu import NOTHING, ORDER, BleuCounts, bleu, count_bleu
from minigpt4.evaluation.metrics.cider import cider
from minigpt4.evaluation.metrics.files import read_captions, read_results
from minigpt4.evaluation.metrics.penn_words import penn_words
from minigpt4.evaluation.metrics.result import MetricResult, keep_scores
from minigpt4.evaluation.metrics.rouge import rouge_l
from minigpt4.evaluation.score import Score, bootstrap, mean_score


def score_files(answers: str | Path, *, references: str | Path) -> MetricResult:
    """Score a results list of captions against a COCO captions file.

    Raises:
        DataError: for a damaged file, or captions of pictures without references.
    """
    return score_captions(read_results(answers), read_captions(references))


def score_captions(
    captions: Mapping[Any, str], references: Mapping[Any, Sequence[str]]
) -> MetricResult:
    """Score one caption for each picture against the picture's references.

    Only the pictures that have a caption take part, also in CIDEr's weights.

    Raises:
        DataError: if a picture has no reference.
    """
    missing = [key for key in captions if not references.get(key)]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(captions)} captions are of pictures without references, the "
            f"first is {missing[0]!r}; give the references of these pictures, or leave their "
            "captions out"
        )
    words = {key: penn_words(text) for key, text in captions.items()}
    others = {key: [penn_words(text) for text in references[key]] for key in captions}
    rouge = [rouge_l(words[key], others[key]) for key in captions]
    words = {key: _at_every_blank(text) for key, text in words.items()}
    others = {key: [_at_every_blank(text) for text in texts] for key, texts in others.items()}
    counts = [count_bleu(words[key], others[key]) for key in captions]
    ciders = cider(words, others)
    items = []
    for place, (key, text) in enumerate(captions.items()):
        scores = dict(zip(_BLEU_NAMES, bleu(counts[place]), strict=True))
        items.append(
            {"image_id": key, "caption": text}
            | scores
            | {"ROUGE_L": rouge[place], "CIDEr": ciders[place]}
        )
    if not items:
        return MetricResult(items=(), totals={})
    totals = dict(zip(_BLEU_NAMES, bleu(sum(counts, NOTHING)), strict=True)) | {
        "ROUGE_L": sum(rouge) / len(rouge),
        "CIDEr": sum(ciders) / len(ciders),
    }
    scores = {name: _bleu_score(counts, n) for n, name in enumerate(_BLEU_NAMES)}
    scores |= {"ROUGE_L": mean_score(rouge, share=True), "CIDEr": mean_score(ciders)}
    return MetricResult(items=tuple(items), totals=totals, scores=keep_scores(scores))


def _at_every_blank(words: Sequence[str]) -> list[str]:
    """Split words again as BLEU and CIDEr do: "1 1/2" is one word for ROUGE, two for them."""
    return [part for word in words for part in word.split()]


_BLEU_NAMES = tuple(f"Bleu_{n + 1}" for n in range(ORDER))


def _bleu_score(counts: Sequence[BleuCounts], order: int) -> Score | None:
    """Return BLEU of a set with a bootstrap interval: it is no mean over captions."""
    table = np.array(
        [[each.length, each.reference_length, *each.matched, *each.guessed] for each in counts]
    )

    def of(chosen: np.ndarray) -> float:
        length, reference, *grams = (int(total) for total in table[chosen].sum(axis=0))
        summed = BleuCounts(length, reference, tuple(grams[:ORDER]), tuple(grams[ORDER:]))
        return bleu(summed)[order]

    return bootstrap(of, len(counts))
