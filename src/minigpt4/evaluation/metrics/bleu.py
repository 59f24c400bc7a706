"""BLEU-1 to BLEU-4 as the COCO caption evaluation computes it. (Papineni et al. 2002.)

Counts are clipped by the reference that has most of an n-gram; the reference length is the closest
one, of two equally close the shorter. Two tiny numbers keep an empty precision from being exactly
zero; they are part of the published numbers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

ORDER = 4
_TINY = 1e-15
_SMALL = 1e-9


@dataclass(frozen=True)
class BleuCounts:
    """What BLEU needs of one caption, or summed over many."""

    length: int
    reference_length: int
    matched: tuple[int, ...]
    """N-grams that a reference has too, for n = 1 to 4."""
    guessed: tuple[int, ...]
    """All n-grams."""

    def __add__(self, other: BleuCounts) -> BleuCounts:
        return BleuCounts(
            self.length + other.length,
            self.reference_length + other.reference_length,
            tuple(a + b for a, b in zip(self.matched, other.matched, strict=True)),
            tuple(a + b for a, b in zip(self.guessed, other.guessed, strict=True)),
        )


NOTHING = BleuCounts(0, 0, (0,) * ORDER, (0,) * ORDER)


def count_bleu(words: Sequence[str], references: Sequence[Sequence[str]]) -> BleuCounts:
    """Count one caption against its references."""
    most: Counter[tuple[str, ...]] = Counter()
    for reference in references:
        most |= ngrams(reference)
    own = ngrams(words)
    matched = [0] * ORDER
    for gram, count in own.items():
        matched[len(gram) - 1] += min(count, most[gram])
    lengths = [len(reference) for reference in references]
    closest = min(lengths, key=lambda length: (abs(length - len(words)), length))
    guessed = tuple(max(0, len(words) - n) for n in range(ORDER))
    return BleuCounts(len(words), closest, tuple(matched), guessed)


def bleu(counts: BleuCounts) -> list[float]:
    """Return BLEU-1 to BLEU-4 of counts: of one caption, or of the sum over a whole set."""
    product, scores = 1.0, []
    ratio = (counts.length + _TINY) / (counts.reference_length + _SMALL)
    penalty = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
    for n in range(ORDER):
        product *= (counts.matched[n] + _TINY) / (counts.guessed[n] + _SMALL)
        scores.append(product ** (1 / (n + 1)) * penalty)
    return scores


def ngrams(words: Sequence[str]) -> Counter[tuple[str, ...]]:
    """Count the n-grams of length 1 to 4."""
    return Counter(
        tuple(words[start : start + n])
        for n in range(1, ORDER + 1)
        for start in range(len(words) - n + 1)
    )
