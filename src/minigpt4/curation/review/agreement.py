"""Agreement between judges: Cohen's kappa.

Two judges who say "good" of nine in ten items agree on four in five by chance alone; kappa is the
share of the agreement that chance left open: (observed - expected) / (1 - expected).
Cohen 1960; several pairs are pooled by their numbers of items as in de Vries et al. 2008.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

_Z_95 = 1.959964


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far judges agree on the items that several of them judged."""

    num_pairs: int
    """Pairs of judgements that were compared; items, where no item has more than two."""
    num_agreed: int
    kappa: float | None
    """None where it is not defined: nothing compared, or all said the same thing of everything."""
    interval: tuple[float, float] | None
    """95 %, by the usual large-sample formula; wide where little was compared."""

    @property
    def observed(self) -> float | None:
        """The plain share of agreement."""
        return self.num_agreed / self.num_pairs if self.num_pairs else None


def cohens_kappa(pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Return the agreement of two judges from the (first, second) labels of each item."""
    return _pooled([pairs])


def agreement(judgements: Iterable[tuple[object, str, str]]) -> Agreement:
    """Return the agreement of any number of judges from (item, judge, label).

    Each pair of judges is compared on the items that both judged; observed and expected agreement
    are averaged over the pairs, weighted by their items. With two judges this is Cohen's kappa.
    """
    by_item: dict[object, dict[str, str]] = defaultdict(dict)
    for item, judge, label in judgements:
        by_item[item][judge] = label
    tables: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for labels in by_item.values():
        for one, other in combinations(sorted(labels), 2):
            tables[one, other].append((labels[one], labels[other]))
    return _pooled(list(tables.values()))


def _pooled(tables: Sequence[Sequence[tuple[str, str]]]) -> Agreement:
    count = sum(map(len, tables))
    agreed = sum(one == other for table in tables for one, other in table)
    if not count:
        return Agreement(num_pairs=0, num_agreed=0, kappa=None, interval=None)
    observed = agreed / count
    expected = sum(_expected(table) * len(table) for table in tables if table) / count
    if math.isclose(expected, 1.0):
        return Agreement(num_pairs=count, num_agreed=agreed, kappa=None, interval=None)
    kappa = (observed - expected) / (1 - expected)
    half = _Z_95 * math.sqrt(observed * (1 - observed) / count) / (1 - expected)
    interval = (max(-1.0, kappa - half), min(1.0, kappa + half))
    return Agreement(num_pairs=count, num_agreed=agreed, kappa=kappa, interval=interval)


def _expected(table: Sequence[tuple[str, str]]) -> float:
    """Return how often two judges would agree who draw labels at random, each at his own rates."""
    first, second = (Counter(pair[side] for pair in table) for side in (0, 1))
    return sum(first[label] * second[label] for label in first) / len(table) ** 2
