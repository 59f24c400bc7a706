"""Near-duplicate pictures, told by a perceptual hash: one picture in two sizes, crops, encodings.

The hash keeps the signs of the 63 lowest frequencies of a small grey copy, so it hardly changes
where the eye sees no change. Two pictures within a few bits are flagged, not removed: a person
decides which one stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from jaxtyping import UInt64
from PIL import Image

from minigpt4.curation.draft import CHECKER, Verdict, utc_now
from minigpt4.curation.store import DraftStore
from minigpt4.data.pictures import decode_picture
from minigpt4.errors import DataError

JUDGE = f"{CHECKER}near-duplicate"
MAX_DISTANCE = 4
"""Bits of 63 by which two hashes of the same picture may differ."""

_SIDE_PX, _LOW = 32, 8
_ROWS_AT_ONCE = 256
_COSINES = np.cos(np.pi / _SIDE_PX * np.outer(np.arange(_LOW), np.arange(_SIDE_PX) + 0.5))


def perceptual_hash(image: Image.Image) -> int:
    """Return 63 bits that similar pictures share almost all of."""
    grey = image.convert("L").resize((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)
    low = _COSINES @ np.asarray(grey, dtype=np.float64) @ _COSINES.T  # (8, 8)
    values = low.reshape(-1)[1:]  # the first one is the brightness alone
    return int("".join("1" if value > np.median(values) else "0" for value in values), 2)


def near_pairs(
    hashes: UInt64[np.ndarray, " pictures"], *, max_distance: int = MAX_DISTANCE
) -> Iterator[tuple[int, int, int]]:
    """Yield (earlier, later, distance) of each picture that is near an earlier one, the nearest."""
    for start in range(0, len(hashes), _ROWS_AT_ONCE):
        block = hashes[start : start + _ROWS_AT_ONCE]
        distances = np.bitwise_count(block[:, None] ^ hashes[None, :])  # (block, pictures)
        for row, each in enumerate(distances):
            before = each[: start + row]
            if len(before) and before.min() <= max_distance:
                earlier = int(before.argmin())
                yield earlier, start + row, int(before[earlier])


def flag_near_duplicates(
    store: DraftStore,
    *,
    max_distance: int = MAX_DISTANCE,
    report: Callable[[int, int], object] = lambda done, total: None,
) -> int:
    """Flag pictures that look like an earlier one; return how many. Earlier flags are replaced."""
    drafts = [draft for draft in store.drafts() if draft.picture and not draft.fault]
    hashes, numbers = [], []
    for done, draft in enumerate(drafts, start=1):
        try:
            image = decode_picture(store.picture_path(draft), where=draft.picture)
        except DataError:
            continue  # a picture that has vanished is counted by the export
        hashes.append(perceptual_hash(image))
        numbers.append(draft.number)
        report(done, len(drafts))
    found = list(near_pairs(np.array(hashes, dtype=np.uint64), max_distance=max_distance))
    flags = [
        (
            numbers[later],
            f"looks like number {numbers[earlier]}: {distance} of 63 bits differ",
        )
        for earlier, later, distance in found
    ]
    replace_flags(store, JUDGE, flags)
    return len(flags)


def replace_flags(store: DraftStore, judge: str, flags: Iterable[tuple[int, str]]) -> None:
    """Take a checker's flags back and set new ones, all at once."""
    with store.transaction():
        for number in store.numbers():
            store.withdraw_kind(number, judge)
        for number, reason in flags:
            store.record(number, Verdict(decision="flag", reason=reason, judge=judge, at=utc_now()))
