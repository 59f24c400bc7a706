"""Which examples make up which batch: a pure function of (seed, step).

Official mixing: each batch comes from one source, drawn by ratio; micro-batches are numbered over
all processes, so each process draws its own source. `mix="sample"` draws the source of each example
instead. Within a source every epoch is a seeded permutation, so each example is seen once before
any is seen twice (the official resampled shards draw with replacement). A source smaller than a
batch simply goes round.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from minigpt4.data.example import Example, Source
from minigpt4.data.pictures import decode_picture
from minigpt4.data.troubles import reason_of
from minigpt4.errors import DataError, ImageError, SettingsError

MIN_REPLACEMENTS = 20
"""Bad examples in a row for which chance may always be to blame."""

_UNLIKELY = 1e-12
_LARGEST_SHARE = 0.999

Mix: TypeAlias = Literal["batch", "sample"]

_DRAWS_PER_BLOCK = 4096


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """The examples of one batch, and the bad ones replaced on the way, by reason."""

    examples: tuple[Example, ...]
    sources: tuple[int, ...]
    """The number of the source of each example."""

    indices: tuple[int, ...]
    """Where in its source each example lies."""

    skipped: Counter[str]

    @property
    def source(self) -> int | None:
        """The source of the whole batch; None if it comes from several."""
        return self.sources[0] if len(set(self.sources)) == 1 else None

    @property
    def places(self) -> list[tuple[int, int]]:
        """(source, index) of each example."""
        return list(zip(self.sources, self.indices, strict=True))


class Mixture:
    """Sources mixed by ratio, one source for each batch or for each sample.

    `max_bad_share` is the share of bad examples that a run allows: by it one example's search for a
    good one is given up.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Source, float]],
        *,
        batch_size: int,
        seed: int,
        mix: Mix = "batch",
        max_bad_share: float = 0.1,
    ):
        if mix not in ("batch", "sample"):
            raise SettingsError(f"mix is {mix!r}; wanted batch (official) or sample")
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
        self.batch_size, self.seed, self.mix = batch_size, seed, mix
        self.max_replacements = max_replacements(max_bad_share)
        self._counts = [np.zeros(len(sources), dtype=np.int64)]
        self._last_block = (-1, np.zeros(0, dtype=np.int64))

    def draw(self, step: int, rows: range | None = None) -> Drawn:
        """Return the batch of this step, or these rows of it; bad examples are replaced, counted.

        Rows are the same whether they are drawn alone or with the others.
        """
        skipped: Counter[str] = Counter()
        examples, sources, indices = [], [], []
        places = self.places(step)
        for number, wanted in places if rows is None else places[rows.start : rows.stop]:
            example, index = self._read(self.sources[number], wanted, skipped)
            examples.append(example)
            sources.append(number)
            indices.append(index)
        return Drawn(
            examples=tuple(examples),
            sources=tuple(sources),
            indices=tuple(indices),
            skipped=skipped,
        )

    def places(self, step: int) -> list[tuple[int, int]]:
        """Return source and index of each example of a step's batch, before any is replaced."""
        return [
            (number, epoch_order(position, len(self.sources[number]), seed=(self.seed, number)))
            for number, position in self._positions(step)
        ]

    def place(self, draw: int) -> tuple[int, int]:
        """Return the source of a draw and how many earlier draws were from it.

        A draw is a step, or with `mix="sample"` a sample.
        """
        block, offset = divmod(draw, _DRAWS_PER_BLOCK)
        while len(self._counts) <= block:
            chosen = self._block(len(self._counts) - 1)
            counts = np.bincount(chosen, minlength=len(self.sources))
            self._counts.append(self._counts[-1] + counts)
        chosen = self._block(block)
        number = int(chosen[offset])
        return number, int(self._counts[block][number] + (chosen[:offset] == number).sum())

    def _positions(self, step: int) -> Iterator[tuple[int, int]]:
        """Yield for each example of a step its source, and how many came from there before."""
        if self.mix == "sample":
            first = step * self.batch_size
            yield from map(self.place, range(first, first + self.batch_size))
            return
        number, earlier_batches = self.place(step)
        first = earlier_batches * self.batch_size
        yield from ((number, first + offset) for offset in range(self.batch_size))

    def _block(self, block: int) -> np.ndarray:
        """Return the sources of so many draws at once; the last ones asked for are kept."""
        number, chosen = self._last_block  # one read: another thread may replace it
        if number != block:
            dice = np.random.default_rng([self.seed, block, 1]).random(_DRAWS_PER_BLOCK)
            # The last bound may fall a rounding error short of 1.
            chosen = np.minimum(
                np.searchsorted(self.bounds, dice, side="right"), len(self.sources) - 1
            )
            self._last_block = (block, chosen)
        return chosen

    def _read(self, source: Source, index: int, skipped: Counter[str]) -> tuple[Example, int]:
        """Read an example; in place of a bad one take another, the same in every run."""
        dice = np.random.default_rng([self.seed, index, 3])
        for _ in range(self.max_replacements):
            try:
                return with_picture(source[index]), index
            except (DataError, ImageError) as error:
                last = error
                skipped[reason_of(error)[0]] += 1
                index = int(dice.integers(len(source)))
        raise DataError(
            f"{self.max_replacements} bad examples in a row in a {type(source).__name__} of "
            f"{len(source)} ({dict(skipped)}), too many for chance; look at it with `minigpt4 data "
            f"check`, or allow a larger max_bad_share. Last: {last}"
        )


def max_replacements(max_bad_share: float) -> int:
    """Return the number of bad examples in a row after which the data, not chance, is to blame.

    With just the share that is allowed, so many in a row come once in 10**12 examples. Nobody waits
    for more than some 28,000: a larger share than 0.999 counts as that.

    Raises:
        SettingsError: for what is no share.
    """
    if not 0 <= max_bad_share <= 1:
        raise SettingsError(f"max_bad_share is {max_bad_share}; wanted a share, 0 to 1")
    share = min(max_bad_share, _LARGEST_SHARE)
    chance = math.ceil(math.log(_UNLIKELY) / math.log(share)) if share > 0 else 0
    return max(MIN_REPLACEMENTS, chance)


def with_picture(example: Example) -> Example:
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
    order = np.random.default_rng([*seed, epoch]).permutation(size)
    # Half the memory; each loader worker holds its own.
    return order.astype(np.uint32) if size < 2**32 else order
