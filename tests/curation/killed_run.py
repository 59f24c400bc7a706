"""Kill -9 a curation at step after step, until one comes to its end: run as a program.

    killed_run.py PICTURES OUT STRIDE

Each run is a process of its own that is killed after so many steps, where a step is an SQL
statement, a file that is synced or renamed, or a batch of answers. Prints how many were killed.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

from curation.small_run import SETTINGS, FakeModel, small_steps
from minigpt4.curation.pipeline import run
from minigpt4.curation.store import DraftStore, only_run


class Fuse:
    """Kills this process at its n-th step."""

    def __init__(self, num_steps: int) -> None:
        self.num_left = num_steps

    def step(self, *_: Any) -> None:
        self.num_left -= 1
        if self.num_left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def burn(pictures: Path, out: Path, fuse: Fuse) -> None:
    connect, sync, replace = sqlite3.connect, os.fsync, Path.replace

    def traced(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_trace_callback(fuse.step)
        return connection

    def synced(file: int) -> None:
        fuse.step()
        sync(file)

    def replaced(self: Path, target: Path) -> Path:
        fuse.step()
        return replace(self, target)

    sqlite3.connect, os.fsync, Path.replace = traced, synced, replaced  # type: ignore[assignment]
    with only_run(out), DraftStore(out, create=True) as store:
        run(SETTINGS, store, small_steps(FakeModel(), pictures))


def main() -> None:
    pictures, out, stride = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    num_killed = 0
    while True:
        child = os.fork()
        if child == 0:
            # Now short, now long: a batch that takes more than `stride` steps must be passed too.
            burn(pictures, out, Fuse(stride * (num_killed % 9 + 1)))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, "the run ended with an error"
            break
        num_killed += 1
    sys.stdout.write(str(num_killed))


if __name__ == "__main__":
    main()
