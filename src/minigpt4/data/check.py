"""Look at every example of a data set once: how many, how large, and what is wrong where.

Examples are decoded by several processes; what is kept of each is a row of numbers, so that five
million of them fit into memory. Equal pictures are found by their size and a small copy of them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from minigpt4.data.example import Example, OpenedSource
from minigpt4.data.mixing import with_picture
from minigpt4.data.suspicion import suspicions
from minigpt4.data.troubles import Troubles, reason_of
from minigpt4.errors import DataError, ImageError

Report = Callable[[int, int], None]
"""Called with (done, all) examples, for a progress bar."""

_ROW = np.dtype(
    [
        ("index", "<i8"),
        ("width", "<u4"),
        ("height", "<u4"),
        ("words", "<u4"),
        ("turns", "<u2"),
        ("picture", "<u8"),
        ("text", "<u8"),
        ("has_prompt", "?"),
    ]
)
_PER_JOB = 64
_MIN_FOR_PROCESSES = 256
_REPEATS = 10
"""A caption of more pictures than this, and of more than a thousandth of all, is repeated."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a check has found."""

    num_samples: int
    """All there is: usable, unusable, and unusable already when the source was opened."""

    num_looked_at: int
    rows: np.ndarray
    """A row of numbers for each usable example."""

    unusable: Troubles
    """Examples that training would skip."""

    suspicious: Troubles
    """Examples that can be used but look wrong."""

    @property
    def num_usable(self) -> int:
        """Examples that training can use, of those looked at."""
        return len(self.rows)

    def as_json(self) -> dict[str, Any]:
        """Return plain values for a report."""
        rows = self.rows
        return {
            "samples": self.num_samples,
            "looked_at": self.num_looked_at,
            "usable": self.num_usable,
            "distinct_pictures": len(np.unique(rows["picture"])),
            "distinct_texts": len(np.unique(rows["text"])),
            "with_prompt": int(rows["has_prompt"].sum()),
            "width_px": _spread(rows["width"]),
            "height_px": _spread(rows["height"]),
            "answer_words": _spread(rows["words"]),
            "turns": _spread(rows["turns"]),
            "unusable": self.unusable.as_json(),
            "suspicious": self.suspicious.as_json(),
        }


def check_source(
    source: OpenedSource,
    *,
    limit: int | None = None,
    num_processes: int | None = None,
    report: Report | None = None,
) -> Checked:
    """Look at all examples, or at `limit` of them spread evenly.

    Args:
        num_processes: decode with this many; default: one for each core.
    """
    num = len(source) if limit is None else min(limit, len(source))
    indices = np.linspace(0, len(source) - 1, num).astype(np.int64) if num else np.zeros(0, int)
    unusable, suspicious = Troubles(), Troubles()
    unusable.merge(source.troubles)
    parts, done = [np.zeros(0, _ROW)], 0
    for rows, bad, odd in _look_at_all(source, indices, num_processes or os.cpu_count() or 1):
        parts.append(rows)
        for index, reason, rest in bad:
            place = source.place(index)
            unusable.add(reason, rest if place in rest else f"{place}: {rest}")
        for index, reason in odd:
            suspicious.add(reason, source.place(index))
        done += len(rows) + len(bad)
        if report is not None:
            report(done, num)
    rows = np.concatenate(parts)
    _add_duplicates(rows, source, suspicious)
    return Checked(
        num_samples=len(source) + sum(source.troubles.counts.values()),
        num_looked_at=num,
        rows=rows,
        unusable=unusable,
        suspicious=suspicious,
    )


_Looked = tuple[np.ndarray, list[tuple[int, str, str]], list[tuple[int, str]]]
_source: OpenedSource | None = None  # of a worker process


def _look_at_all(
    source: OpenedSource, indices: np.ndarray, num_processes: int
) -> Iterator[_Looked]:
    jobs = [indices[start : start + _PER_JOB] for start in range(0, len(indices), _PER_JOB)]
    if len(indices) < _MIN_FOR_PROCESSES or num_processes < 2:
        for job in jobs:
            yield _look_at(source, job)
        return
    with ProcessPoolExecutor(num_processes, initializer=_begin, initargs=(source,)) as pool:
        yield from pool.map(_look_at_own, jobs)


def _begin(source: OpenedSource) -> None:
    global _source
    _source = source


def _look_at_own(indices: np.ndarray) -> _Looked:
    assert _source is not None
    return _look_at(_source, indices)


def _look_at(source: OpenedSource, indices: np.ndarray) -> _Looked:
    rows, bad, odd = [], [], []
    for index in map(int, indices):
        try:
            example = with_picture(source[index])
        except (DataError, ImageError) as error:
            bad.append((index, *reason_of(error)))
            continue
        assert isinstance(example.image, Image.Image)
        width, height = example.image.size
        odd += [(index, reason) for reason in suspicions(example, width=width, height=height)]
        rows.append(_row(index, example, example.image))
    return np.array(rows, dtype=_ROW), bad, odd


def _row(index: int, example: Example, image: Image.Image) -> tuple[Any, ...]:
    answers = [turn.answer for turn in example.turns]
    words = sum(len(answer.split()) for answer in answers)
    said = "\n".join(f"{turn.prompt}\t{turn.answer}" for turn in example.turns)
    small = image.convert("RGB").resize((16, 16), Image.Resampling.BOX).tobytes()
    return (
        index,
        *image.size,
        words,
        len(answers),
        _hash(f"{image.size}".encode() + small),
        _hash(said.encode("utf-8", "replace")),
        any(turn.prompt for turn in example.turns),
    )


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _add_duplicates(rows: np.ndarray, source: OpenedSource, suspicious: Troubles) -> None:
    """Note the same picture with the same text, and captions that many pictures share."""
    _, first, which = np.unique(rows[["picture", "text"]], return_index=True, return_inverse=True)
    for number in np.flatnonzero(first[which] != np.arange(len(rows))):
        earlier = source.place(int(rows["index"][first[which[number]]]))
        place = source.place(int(rows["index"][number]))
        suspicious.add("duplicate of picture and text", f"{place}, as {earlier}")
    captions = rows[~rows["has_prompt"]]
    _, first, counts = np.unique(captions["text"], return_index=True, return_counts=True)
    for number in np.flatnonzero(counts > max(_REPEATS, len(rows) / 1000)):
        place = source.place(int(captions["index"][first[number]]))
        times = int(counts[number])
        suspicious.add("caption of many pictures", f"{place}, {times} times", count=times)


def _spread(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return {}
    low, middle, high = np.percentile(values, [5, 50, 95])
    return {
        "min": int(values.min()),
        "p5": round(float(low), 1),
        "median": round(float(middle), 1),
        "mean": round(float(values.mean()), 1),
        "p95": round(float(high), 1),
        "max": int(values.max()),
    }
