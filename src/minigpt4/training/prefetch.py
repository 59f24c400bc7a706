"""Prepare the next batches while the model works, in the exact order of their indices."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from minigpt4.errors import MiniGPT4Error

MakeBatch = Callable[[Any], Any]


def prefetched(make_batch: MakeBatch, indices: Iterable[Any], *, num_workers: int) -> Iterator[Any]:
    """Yield `make_batch(index)` for each index (a number, a part of a batch) in order.

    With `num_workers` 0 one thread works one batch ahead; else that many processes do.
    """
    if num_workers == 0:
        return _from_thread(make_batch, indices)
    return _from_processes(make_batch, indices, num_workers)


def _from_thread(make_batch: MakeBatch, indices: Iterable[Any]) -> Iterator[Any]:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches") as pool:
        coming = None
        for index in indices:
            following = pool.submit(make_batch, index)
            if coming is not None:
                yield coming.result()
            coming = following
        if coming is not None:
            yield coming.result()


def _from_processes(
    make_batch: MakeBatch, indices: Iterable[Any], num_workers: int
) -> Iterator[Any]:
    loader = DataLoader(
        _Batches(make_batch),
        batch_size=None,
        sampler=indices,  # type: ignore[arg-type]
        num_workers=num_workers,
        collate_fn=_as_is,
        # Without a generator of its own the loader would draw from the global one, and a resumed
        # run would differ from one left alone.
        generator=torch.Generator().manual_seed(0),
        # A fork shares the task as it is; elsewhere it must be picklable.
        multiprocessing_context="fork" if sys.platform == "linux" else None,
    )
    return _raised(iter(loader))  # the workers begin now


def _raised(batches: Iterator[Any]) -> Iterator[Any]:
    """Yield the batches; raise what a worker could not make as if it had happened here."""
    for batch in batches:
        if isinstance(batch, _Failed):
            raise batch.error
        yield batch


@dataclass(frozen=True)
class _Failed:
    """In the place of a batch that a worker could not make."""

    error: MiniGPT4Error


class _Batches(Dataset):
    """Let a DataLoader's workers call `make_batch`."""

    def __init__(self, make_batch: MakeBatch) -> None:
        self.make_batch = make_batch

    def __getitem__(self, index: Any) -> Any:
        try:
            return self.make_batch(index)
        except MiniGPT4Error as error:
            # The loader would put the worker's traceback into the message; that is for faults of
            # ours alone.
            return _Failed(error)


def _as_is(batch: Any) -> Any:
    return batch
