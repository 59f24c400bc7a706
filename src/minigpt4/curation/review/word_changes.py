"""Word-level differences between two texts, for people to read.

A difference of letters is unreadable in prose, and the plain longest common subsequence leaves
lone commas and "the"s standing between changes. So words are compared, and what is unchanged but
too small to help a reader counts as changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["same", "removed", "added"]

MAX_WORDS = 2_000
"""Longer texts are compared as one block: the comparison's time grows with the square."""

_TOKEN = re.compile(r"\s*(?:\w+(?:['’\-]\w+)*|[^\w\s])|\s+")
_TRIVIAL = re.compile(r"\W*|\W*(?:a|an|the|of|and|in|on|is|to|it)\W*", re.IGNORECASE)


@dataclass(frozen=True)
class Change:
    """A stretch of text that stayed, went or came."""

    kind: Kind
    text: str


def find_changes(before: str, after: str) -> tuple[Change, ...]:
    """Return the stretches that turn one text into the other.

    "same" and "added" together are `after`, character by character; "same" and "removed" together
    are `before` but for white space.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    if max(len(old), len(new)) > MAX_WORDS:
        return _joined([("removed", before), ("added", after)] if before != after
                       else [("same", after)])  # fmt: skip
    matcher = SequenceMatcher(None, _words(old), _words(new), autojunk=False)
    found: list[tuple[Kind, str]] = []
    blocks = _readable(matcher.get_opcodes(), new)
    for same, first_old, end_old, first_new, end_new in blocks:
        if same:
            found.append(("same", "".join(new[first_new:end_new])))
        else:
            found.append(("removed", "".join(old[first_old:end_old])))
            found.append(("added", "".join(new[first_new:end_new])))
    return _joined(found)


def changed_share(changes: Iterable[Change]) -> float:
    """Return the share of words that went or came, of all words on both sides."""
    counts = {"same": 0, "removed": 0, "added": 0}
    for change in changes:
        counts[change.kind] += len(change.text.split())
    changed = counts["removed"] + counts["added"]
    return changed / max(1, changed + 2 * counts["same"])


def _words(tokens: list[str]) -> list[str]:
    return [token.strip() for token in tokens]


_Block = tuple[bool, int, int, int, int]


def _readable(codes: Sequence[tuple[str, int, int, int, int]], new: list[str]) -> list[_Block]:
    """Return (same, old from, old to, new from, new to), joined where that reads better."""
    blocks: list[_Block] = []
    for place, (code, *where) in enumerate(codes):
        same = code == "equal"
        if same and 0 < place < len(codes) - 1:
            # Between two changes; at an end of the text even a full stop is worth keeping.
            same = _TRIVIAL.fullmatch("".join(new[where[2] : where[3]])) is None
        if blocks and not same and not blocks[-1][0]:
            _, first_old, _, first_new, _ = blocks.pop()
            where = [first_old, where[1], first_new, where[3]]
        blocks.append((same, where[0], where[1], where[2], where[3]))
    return blocks


def _joined(found: Iterable[tuple[Kind, str]]) -> tuple[Change, ...]:
    changes = [Change(kind, text) for kind, text in found if text]
    # White space stands before words, so only at the very beginning something is missing.
    if len(changes) > 1 and changes[0].kind == "removed":
        changes[0] = Change("removed", f"{changes[0].text.rstrip()} ")
    return tuple(changes)
