"""Which examples make up which batch: a pure function of (seed, step).

Official mixing: each batch comes from one source, drawn by ratio. Within a source every epoch is
a seeded permutation, so each example is seen once before any is seen twice (the official
resampled shards draw with replacement). A source smaller than a batch simply goes round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from minigpt4.data.example import Example, Source
from minigpt4.data.pictures import decode_picture
from minigpt4.errors import DataError, ImageError, SettingsError

MAX_REPLACEMENTS = 20
"""Bad examples in a row after which the data, not chance, is to blame."""

_STEPS_PER_BLOCK = 4096


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """The examples of one batch, and the bad ones replaced on the way, by reason."""

    examples: tuple[Example, ...]
    source: int
    indices: tuple[int, ...]
    """Where in the source each example lies."""

    skipped: Counter[str]


class Mixture:
    """Sources mixed by ratio, one source for each batch."""

    def __init__(self, sources: Sequence[tuple[Source, float]], *, batch_size: int, seed: int):
        if not sources or batch_size < 1:
            raise SettingsError(
                f"{len(sources)} sources, batch_size {batch_size}: wanted 1 or more"
            )
        for number, (source, ratio) in enumerate(sources):
            if len(source) == 0 or not ratio > 0:
                raise DataError(
                    f"source {number} ({type(source).__name__}) has {len(source)} examples and "
                    f"ratio {ratio}; wanted at least one example and a ratio above 0"
                )
        self.sources = [source for source, _ in sources]
        ratios = np.array([ratio for _, ratio in sources], dtype=np.float64)
        self.bounds = np.cumsum(ratios / ratios.sum())
        self.batch_size, self.seed = batch_size, seed
        self._counts = [np.zeros(len(sources), dtype=np.int64)]

    def draw(self, step: int) -> Drawn:
        """Return the batch of this step; bad examples are replaced and counted."""
        number, earlier_batches = self.place(step)
        source = self.sources[number]
        skipped: Counter[str] = Counter()
        examples, indices = [], []
        for offset in range(self.batch_size):
            index = epoch_order(
                earlier_batches * self.batch_size + offset, len(source), seed=(self.seed, number)
            )
            example, index = self._read(source, index, skipped)
            examples.append(example)
            indices.append(index)
        return Drawn(
            examples=tuple(examples), source=number, indices=tuple(indices), skipped=skipped
        )

    def place(self, step: int) -> tuple[int, int]:
        """Return the source of a step and how many earlier steps drew from it."""
        block, offset = divmod(step, _STEPS_PER_BLOCK)
        while len(self._counts) <= block:
            chosen = self._block(len(self._counts) - 1)
            counts = np.bincount(chosen, minlength=len(self.sources))
            self._counts.append(self._counts[-1] + counts)
        chosen = self._block(block)
        number = int(chosen[offset])
        return number, int(self._counts[block][number] + (chosen[:offset] == number).sum())

    def _block(self, block: int) -> np.ndarray:
        dice = np.random.default_rng([self.seed, block, 1]).random(_STEPS_PER_BLOCK)
        # The last bound may fall a rounding error short of 1.
        return np.minimum(np.searchsorted(self.bounds, dice, side="right"), len(self.sources) - 1)

    def _read(self, source: Source, index: int, skipped: Counter[str]) -> tuple[Example, int]:
        """Read an example; in place of a bad one take another, the same in every run."""
        dice = np.random.default_rng([self.seed, index, 3])
        for _ in range(MAX_REPLACEMENTS):
            try:
                return _with_picture(source[index]), index
            except (DataError, ImageError) as error:
                last = error
                skipped[str(error).partition(":")[0]] += 1
                index = int(dice.integers(len(source)))
        raise DataError(
            f"{MAX_REPLACEMENTS} bad examples in a row in a {type(source).__name__} of "
            f"{len(source)} ({dict(skipped)}); last: {last}"
        )


def _with_picture(example: Example) -> Example:
    """Decode a picture given as a path, so that a bad one is met here."""
    if isinstance(example.image, Path):
        picture = decode_picture(example.image, where=str(example.image))
        return replace(example, image=picture)
    return example


def epoch_order(position: int, size: int, *, seed: tuple[int, ...]) -> int:
    """Return which example is the `position`-th seen, counted over all epochs."""
    epoch, offset = divmod(position, size)
    return int(_permutation(size, seed, epoch)[offset])


@lru_cache(maxsize=8)
def _permutation(size: int, seed: tuple[int, ...], epoch: int) -> np.ndarray:
    return np.random.default_rng([*seed, epoch]).permutation(size)
