"""Work shared out among the processes that torchrun started; a process alone does everything."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True)
class Share:
    """Which part of the work this process does."""

    rank: int = 0
    num_ranks: int = 1

    @classmethod
    def from_environment(cls) -> Share:
        """Read what torchrun says; a process that was started alone does everything."""
        return cls(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))

    def file(self, out: Path) -> Path:
        """Return where this process writes: `out` itself if it is alone."""
        return out if self.num_ranks == 1 else part_file(out, self.rank)


def part_file(out: Path, rank: int) -> Path:
    """Return the file beside `out` of one of several processes."""
    return out.with_name(f"{out.name}.rank{rank}")


def part_files(out: Path) -> list[Path]:
    """Return `out` and the files of ranks beside it, as far as there are such."""
    ranks = sorted(out.parent.glob(f"{out.name}.rank*"))
    return [path for path in (out, *ranks) if path.is_file()]


def own_device(device: str) -> str:
    """Give each process of a machine a GPU of its own where "auto" is asked for."""
    import torch

    if device == "auto" and "LOCAL_RANK" in os.environ and torch.cuda.is_available():
        return f"cuda:{os.environ['LOCAL_RANK']}"
    return device


@contextmanager
def ranks_together(share: Share) -> Generator[Callable[[], object]]:
    """Give a function that returns when all processes have called it."""
    if share.num_ranks == 1:
        yield lambda: None
        return
    from torch import distributed

    # Shares differ in how long their work is, so one process may wait long for another.
    distributed.init_process_group("gloo", timeout=timedelta(days=7))
    try:
        yield distributed.barrier
    finally:
        distributed.destroy_process_group()
