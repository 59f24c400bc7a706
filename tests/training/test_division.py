"""The rows of a step are the same ones, in order, however they are divided."""

from __future__ import annotations

from itertools import product

import pytest

from minigpt4.errors import SettingsError
from minigpt4.training.division import Division, Part


def _rows(division: Division, step: int) -> list[tuple[int, int]]:
    return [(part.index, row) for part in division.parts(step) for row in (part.rows or range(1))]


@pytest.mark.parametrize(
    ("batches", "size", "num_processes", "micro_batch"),
    list(product([1, 3, 4], [5, 8], [1, 2, 3, 5], [None, 1, 3])),
)
def test_processes_together_see_each_row_once_and_in_order(
    batches: int, size: int, num_processes: int, micro_batch: int | None
) -> None:
    seen = []
    for process in range(num_processes):
        division = Division(
            batches_per_step=batches,
            batch_size=size,
            num_processes=num_processes,
            process=process,
            micro_batch=micro_batch,
        )
        seen += _rows(division, 7)
        sizes = [len(part.rows or ()) for part in division.parts(7)]
        assert max(sizes) <= min(micro_batch or size, size)
        assert sum(sizes) <= division.rows_per_process
    assert seen == [(7 * batches + batch, row) for batch in range(batches) for row in range(size)]


def test_as_many_processes_as_batches_take_one_each() -> None:
    for process in range(4):
        division = Division(batches_per_step=4, batch_size=64, num_processes=4, process=process)
        assert list(division.parts(2)) == [Part(8 + process, range(64))]
        assert division.is_even


def test_uneven_shares_are_noticed() -> None:
    assert not Division(batches_per_step=1, batch_size=5, num_processes=2, micro_batch=2).is_even
    assert Division(batches_per_step=1, batch_size=6, num_processes=2, micro_batch=2).is_even


def test_batches_that_cannot_be_divided_go_whole_to_a_process() -> None:
    division = Division(batches_per_step=2, batch_size=None, num_processes=2, process=1)
    assert list(division.parts(3)) == [Part(7, None)]


@pytest.mark.parametrize(("size", "what"), [(None, "cannot be divided"), (2, "2 examples")])
def test_a_process_without_work_is_refused(size: int | None, what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        Division(batches_per_step=1, batch_size=size, num_processes=3)


def test_halving_ends_at_one_row() -> None:
    half = Division(batches_per_step=2, batch_size=6).halved()
    assert (half.micro_batch, half.halved().micro_batch) == (3, 1)
    with pytest.raises(SettingsError, match="not even one example"):
        half.halved().halved()
