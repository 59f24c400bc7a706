"""Two processes over gloo train as one does: the same examples in order, the same losses.

All that two processes do is done by one pair of them, once, because each start is dear; the tests
look at what they left.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
from pathlib import Path
from typing import Any

import pytest
import torch

from minigpt4.errors import SettingsError
from minigpt4.training.journal import read_lines
from minigpt4.training.settings import DistributionSettings, MemorySettings
from training.shared_runs import expect_refusal, train_shared
from training.tiny_run import train_as_one_of

SHARDED = DistributionSettings(shard_llm=True)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of trainings by one process (`one_*`) and by two (`two_*`)."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("one", "one_then_two"):
        steps = 6 if name == "one" else 4
        train_shared(str(folder / name), num_steps=steps, keep_checkpoints=9)
    train_shared(str(folder / "one_of_two_batches"), batch_size=3, batches_per_step=2)
    jobs: list[tuple[str, dict[str, Any]]] = [
        ("two", {"crop": False}),
        ("two_again", {"num_steps": 4}),
        ("two_again", {"resume": True}),
        ("two_then_one", {"num_steps": 4}),
        ("one_then_two", {"resume": True}),
        ("two_small", {"memory": MemorySettings(micro_batch=2)}),
        ("two_of_two_batches", {"batch_size": 3, "batches_per_step": 2}),
        ("two_sharded", {"distribution": SHARDED}),
        (
            "two_sharded_recomputed",
            {"distribution": SHARDED, "memory": MemorySettings(gradient_checkpointing=True)},
        ),
    ]
    calls: list[Any] = [_call(train_shared, folder / name, changes) for name, changes in jobs]
    odd = {"batch_size": 5, "distribution": SHARDED, "memory": MemorySettings(micro_batch=2)}
    calls.append(_call(expect_refusal, folder / "odd", odd))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["minigpt4.training", "minigpt4.training.loop"])
    port = _free_port()
    pair = [
        context.Process(target=train_as_one_of, args=(process, 2, port, calls))
        for process in range(2)
    ]
    for process in pair:
        process.start()
    for process in pair:
        process.join(600)
        process.kill()
    assert [process.exitcode for process in pair] == [0, 0]
    train_shared(str(folder / "two_then_one"), resume=True)
    return folder


def _call(function: Any, out: Path, changes: dict[str, Any]) -> Any:
    return function, (str(out),), changes


def _losses(out: Path) -> list[float]:
    return [line["loss"] for line in read_lines(out / "metrics.jsonl") if "loss" in line]


def _examples(out: Path) -> list[tuple[int, list[str]]]:
    """Return the examples of each batch in order, put together from all processes' notes."""
    batches: dict[int, dict[int, list[str]]] = {}
    for path in out.glob("notes-*.jsonl"):
        for text in path.read_text(encoding="utf-8").splitlines():
            step, start, keys = json.loads(text)
            batches.setdefault(step, {})[start] = keys
    return [
        (step, [key for _, keys in sorted(parts.items()) for key in keys])
        for step, parts in sorted(batches.items())
    ]


def _assert_same_training(one: Path, other: Path) -> None:
    assert _losses(one) == pytest.approx(_losses(other), rel=2e-5)
    expected = torch.load(other / "projection.pt")
    for name, tensor in torch.load(one / "projection.pt").items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize(
    "name",
    ["two", "two_small", "two_then_one", "one_then_two", "two_sharded", "two_sharded_recomputed"],
)
def test_two_processes_train_as_one(runs: Path, name: str) -> None:
    assert len(_losses(runs / name)) == 6
    _assert_same_training(runs / name, runs / "one")


@pytest.mark.parametrize("name", ["two", "two_small", "two_then_one", "one_then_two"])
def test_steps_have_the_same_examples_in_order(runs: Path, name: str) -> None:
    expected = _examples(runs / "one")
    assert [len(keys) for _, keys in expected] == [6] * 6
    assert _examples(runs / name) == expected


def test_each_process_makes_only_its_own_rows(runs: Path) -> None:
    for process in range(2):
        text = (runs / "two" / f"notes-{process}.jsonl").read_text(encoding="utf-8")
        notes = [json.loads(line) for line in text.splitlines()]
        assert {(start, len(keys)) for _, start, keys in notes} == {(3 * process, 3)}


def test_each_process_may_draw_a_source_of_its_own(runs: Path) -> None:
    _assert_same_training(runs / "two_of_two_batches", runs / "one_of_two_batches")
    sources = [
        {key.split("-")[0] for key in keys} for _, keys in _examples(runs / "two_of_two_batches")
    ]
    assert all(len(names) == 1 for names in sources)
    assert any(one != other for one, other in zip(sources[::2], sources[1::2], strict=True))


def test_two_processes_resume_to_the_same_bytes(runs: Path) -> None:
    one, other = runs / "two", runs / "two_again"
    # The run of four steps has validated at its end; the losses must not have noticed.
    first, second = (
        [line for line in read_lines(out / "metrics.jsonl") if "loss" in line]
        for out in (one, other)
    )
    assert first == second
    weights = "checkpoints/step_00000006/weights.safetensors"
    assert (one / weights).read_bytes() == (other / weights).read_bytes()


def test_examples_of_all_processes_are_counted(runs: Path) -> None:
    lines = [x for x in read_lines(runs / "two" / "metrics.jsonl") if "loss" in x]
    assert [line["examples"] for line in lines] == [6, 12, 18, 24, 30, 36]


def test_sharding_rows_unevenly_is_refused_before_it_can_hang(runs: Path) -> None:
    assert "same number of micro-batches" in (runs / "odd" / "refused.txt").read_text()


def test_sharding_needs_several_processes(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="torchrun --nproc-per-node"):
        train_shared(str(tmp_path), distribution=SHARDED)
