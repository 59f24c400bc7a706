"""What is wrong with a data set: a count for each reason and the places of the first cases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

MAX_PLACES = 5
"""Places remembered for each reason."""


@dataclass
class Troubles:
    """Counts by reason; a reason is a few words, such as "no caption"."""

    counts: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[str]] = field(default_factory=dict)
    """Where the first `MAX_PLACES` cases of each reason are: shard and member, file and line."""

    def __bool__(self) -> bool:
        return bool(self.counts)

    def add(self, reason: str, place: str, *, count: int = 1) -> None:
        """Count a case (or several, of which the first is at `place`)."""
        self.counts[reason] += count
        known = self.places.setdefault(reason, [])
        if len(known) < MAX_PLACES:
            known.append(place)

    def merge(self, other: Troubles) -> None:
        """Take over what another part of the data set has found, behind what is known."""
        self.counts.update(other.counts)
        for reason, places in other.places.items():
            known = self.places.setdefault(reason, [])
            known += places[: MAX_PLACES - len(known)]

    def as_json(self) -> dict[str, Any]:
        """Return plain values, the most frequent reason first."""
        return {
            reason: {"count": count, "first": self.places.get(reason, [])}
            for reason, count in self.counts.most_common()
        }


def reason_of(error: Exception) -> tuple[str, str]:
    """Split the message of a bad example into its reason and the rest, which names the place."""
    reason, _, rest = str(error).partition(": ")
    return reason, rest
