"""Batches arrive in order, whoever prepares them, and their errors arrive too."""

from __future__ import annotations

import pytest
import torch

from minigpt4.errors import DataError
from minigpt4.training.prefetch import prefetched


def _make(index: int) -> dict[str, int]:
    if index == 7:
        raise DataError("bad batch")
    return {"index": index}


def _divide(index: int) -> float:
    return 1 / index


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_order_is_that_of_the_indices(num_workers: int) -> None:
    batches = prefetched(_make, range(8, 20, 2), num_workers=num_workers)
    assert [batch["index"] for batch in batches] == [8, 10, 12, 14, 16, 18]


@pytest.mark.parametrize("num_workers", [0, 1])
def test_an_error_reaches_the_loop(num_workers: int) -> None:
    with pytest.raises(DataError, match="bad batch"):
        list(prefetched(_make, range(9), num_workers=num_workers))


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_users_error_says_no_more_than_it_was_raised_with(num_workers: int) -> None:
    with pytest.raises(DataError) as caught:
        list(prefetched(_make, range(9), num_workers=num_workers))
    assert str(caught.value) == "bad batch"


def test_a_fault_of_ours_shows_where_it_happened() -> None:
    with pytest.raises(ZeroDivisionError, match="in _divide"):
        list(prefetched(_divide, range(1), num_workers=1))


def test_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    list(prefetched(_make, range(3), num_workers=1))
    assert torch.equal(torch.rand(1), expected)
