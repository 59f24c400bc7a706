"""Work shared by the processes that torchrun started: the first one leads, the others answer.

Only the first process reads pictures and writes the database, so there is one order of drafts,
and no disk that all processes can reach is needed. Each `map` gives every process its share.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from minigpt4.generation.ranks import Share, ranks_together

Work = Callable[[Sequence[Any]], Sequence[Any]]
"""Answers some items, one result for each."""


class Ranks:
    """The processes of a launch; or this one alone."""

    def __init__(self, works: Mapping[str, Work], *, rank: int = 0, num_ranks: int = 1) -> None:
        self._works = works
        self.rank, self.num_ranks = rank, num_ranks

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def map(self, name: str, items: Sequence[Any]) -> list[Any]:
        """Answer items with the work of that name, by all processes; called by the first one."""
        if self.num_ranks == 1:
            return list(self._works[name](items))
        return self._together((name, list(items)))

    def serve(self) -> None:
        """Do what the first process maps until it dismisses; called by all others."""
        while self._together(None) is not None:
            pass

    def dismiss(self) -> None:
        """Let the other processes go; called by the first one."""
        if self.num_ranks > 1:
            self._together(())

    def _together(self, told: Any) -> Any:
        from torch import distributed

        box = [told]
        distributed.broadcast_object_list(box, src=0)
        if not box[0]:
            return None
        name, items = box[0]
        mine = list(self._works[name](items[self.rank :: self.num_ranks]))
        shares: list[Any] | None = [None] * self.num_ranks if self.is_first else None
        distributed.gather_object(mine, shares, dst=0)
        if shares is None:
            return mine
        results: list[Any] = [None] * len(items)
        for rank, share in enumerate(shares):
            results[rank :: self.num_ranks] = share
        return results


@contextmanager
def ranks_of_launch(works: Mapping[str, Work]) -> Generator[Ranks]:
    """Give the processes that torchrun says there are."""
    share = Share.from_environment()
    # While the first process waits for a repair service, the others wait for it.
    with ranks_together(share):
        yield Ranks(works, rank=share.rank, num_ranks=share.num_ranks)
