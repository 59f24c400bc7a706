"""ROUGE-L as the COCO caption evaluation computes it. (Lin 2004.)

The longest common subsequence over the caption's length is the precision, over the reference's the
recall. The best precision and the best recall may come from different references.
"""

from __future__ import annotations

from collections.abc import Sequence

BETA = 1.2


def rouge_l(words: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return ROUGE-L of one caption against its references."""
    # An empty text counts as one empty word, as in the evaluation: it equals only another one.
    own = list(words) or [""]
    precision = recall = 0.0
    for reference in references:
        other = list(reference) or [""]
        common = longest_common(own, other)
        precision = max(precision, common / len(own))
        recall = max(recall, common / len(other))
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence."""
    best = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for place, other in enumerate(second, start=1):
            diagonal, best[place] = (
                best[place],
                (diagonal + 1 if word == other else max(best[place], best[place - 1])),
            )
    return best[-1]
