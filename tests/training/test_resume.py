"""A real process is killed again and again; what it leaves equals a run that was left alone.

The processes are forked from a server that has imported torch, so that each start is cheap.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
import torch

from minigpt4.training import fit
from minigpt4.training.journal import read_lines
from training.tiny_run import TinyTask, tiny_settings, train

REPOSITORY = Path(__file__).parents[2]

Start = Callable[..., ForkServerProcess]


@pytest.fixture(scope="module")
def context() -> Iterator[ForkServerContext]:
    """A server that forks trainings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["minigpt4.training", "minigpt4.training.loop"])
        yield context


@pytest.fixture
def start(context: ForkServerContext) -> Iterator[Start]:
    """Start a training of the tiny task as a process; none survives its test."""
    started: list[ForkServerProcess] = []

    def start(out: Path, **options: Any) -> ForkServerProcess:
        process = context.Process(target=train, args=(str(out),), kwargs=options)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.join()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was left alone."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("runs") / "alone"
    fit(TinyTask(), tiny_settings(), out=out, device="cpu")
    return out


def _wait_for(seen: Callable[[], bool], process: ForkServerProcess) -> None:
    deadline = time.monotonic() + 300
    while not seen():
        assert process.exitcode is None, f"ended with {process.exitcode}"
        assert time.monotonic() < deadline
        time.sleep(0.002)


def _wait_for_step(out: Path, step: int, process: ForkServerProcess) -> None:
    _wait_for(lambda: any(x["step"] >= step for x in read_lines(out / "metrics.jsonl")), process)


def _same_end(one: Path, other: Path) -> bool:
    files = ("metrics.jsonl", "checkpoints/step_00000040/weights.safetensors")
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in files)


def _end(out: Path) -> str:
    return Path(f"{out}.end").read_text()


def test_a_run_killed_at_random_moments_ends_with_the_same_bytes(
    start: Start, alone: Path, tmp_path: Path
) -> None:
    out, dice = tmp_path / "killed", random.Random(os.urandom(8))
    # The second and third kill may fall before anything new is saved: two in a row.
    for number, step in enumerate((dice.randint(3, 12), 12, 12, dice.randint(13, 25))):
        process = start(
            out, resume=number > 0, step_seconds=0.01, num_workers=number % 3, save_seconds=0.01
        )
        _wait_for_step(out, step, process)
        time.sleep(dice.random() * 0.1)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    last = start(out, resume=True, num_workers=1)
    last.join()
    assert _end(out) == "finished 40"
    assert _same_end(alone, out)


def test_a_kill_in_the_middle_of_saving_costs_only_the_steps_since_the_save_before(
    start: Start, alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    process = start(out, save_seconds=0.5)
    _wait_for(lambda: any((out / "checkpoints").glob(".step_00000014.*")), process)
    process.kill()
    process.join()
    folder = out / "checkpoints"
    assert [path.name for path in folder.glob("step_*")] == ["step_00000007"]
    start(out, resume=True).join()
    assert _same_end(alone, out)
    assert not list(folder.glob(".step_*"))


def test_a_run_that_is_asked_to_stop_saves_and_goes_on_to_the_same_bytes(
    start: Start, alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "terminated"
    process = start(out, step_seconds=0.03)
    _wait_for_step(out, 9, process)
    process.terminate()
    process.join()
    word, step = _end(out).split()
    assert word == "stopped"
    assert (out / "checkpoints" / f"step_{int(step):08d}").is_dir()
    start(out, resume=True).join()
    assert _same_end(alone, out)


@pytest.mark.slow
def test_stage1_of_the_miniature_killed_at_random_ends_with_the_same_bytes(tmp_path: Path) -> None:
    script = str(REPOSITORY / "benchmarks" / "resume.py")
    small = ["--num-steps", "40", "--batch-size", "4", "--num-pictures", "64"]
    done = subprocess.run(
        [sys.executable, script, "--out", str(tmp_path), "--kills", "4", *small],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same bytes" in done.stdout
