"""CIDEr-D as the COCO caption evaluation computes it. (Vedantam et al. 2015, §4.)

N-grams are weighted by how few of the run's pictures have them in a reference. Counts are clipped
by the reference's, a difference in length is penalised, and the result is times ten.

The weights come from the pictures of the run: the same caption scores differently in another set.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minigpt4.evaluation.metrics.bleu import ORDER, ngrams

SIGMA = 6.0
Words = Sequence[str]
_Gram = tuple[str, ...]


@dataclass(frozen=True)
class _Vector:
    """The weighted n-grams of a text, for each n."""

    weights: tuple[dict[_Gram, float], ...]
    norms: tuple[float, ...]
    num_bigrams: int
    """What the evaluation takes for the length."""


def cider(captions: Mapping[Any, Words], references: Mapping[Any, Sequence[Words]]) -> list[float]:
    """Return CIDEr-D of each caption, in order; the mean is the set's."""
    in_pictures: Counter[_Gram] = Counter()
    for key in captions:
        in_pictures.update({gram for reference in references[key] for gram in ngrams(reference)})
    log_count = math.log(len(captions)) if captions else 0.0
    scores = []
    for key, words in captions.items():
        own = _vector(words, in_pictures, log_count)
        others = [_vector(reference, in_pictures, log_count) for reference in references[key]]
        similarity = sum(_similarity(own, other) for other in others)
        scores.append(10 * similarity / len(others))
    return scores


def _vector(words: Words, in_pictures: Mapping[_Gram, int], log_count: float) -> _Vector:
    weights: tuple[dict[_Gram, float], ...] = tuple({} for _ in range(ORDER))
    for gram, count in ngrams(words).items():
        rarity = log_count - math.log(max(1, in_pictures.get(gram, 0)))
        weights[len(gram) - 1][gram] = count * rarity
    norms = tuple(math.sqrt(sum(w * w for w in level.values())) for level in weights)
    return _Vector(weights, norms, max(0, len(words) - 1))


def _similarity(own: _Vector, other: _Vector) -> float:
    """Return the mean over n of the clipped cosines, with the penalty for the length."""
    penalty = math.exp(-((own.num_bigrams - other.num_bigrams) ** 2) / (2 * SIGMA**2))
    total = 0.0
    for n in range(ORDER):
        shared = sum(
            min(weight, other.weights[n].get(gram, 0.0)) * other.weights[n].get(gram, 0.0)
            for gram, weight in own.weights[n].items()
        )
        if own.norms[n] and other.norms[n]:
            shared /= own.norms[n] * other.norms[n]
        total += shared * penalty
    return total / ORDER
