"""What a machine can run, by estimate."""

from __future__ import annotations

from pathlib import Path

import pytest

from minigpt4.model import machine
from minigpt4.model.machine import LLM_SIZES, check_model_sizes, inspect_machine


def fitting(memory: dict[str, float]) -> set[str]:
    checks = check_model_sizes(memory)
    return {check.name.removeprefix("model ") for check in checks if "fits on" in check.detail}


@pytest.mark.parametrize(
    ("gigabytes", "best"),
    [(4, "miniature"), (12, "7B int8"), (24, "13B int8"), (40, "13B bf16")],
)
def test_a_card_runs_what_it_has_memory_for(gigabytes: int, best: str):
    fits = fitting({"cuda:0": gigabytes * 1e9})
    order = ["miniature", "7B nf4", "7B int8", "13B nf4", "7B bf16", "13B int8", "13B bf16"]
    assert fits == set(order[: order.index(best) + 1])


def test_memory_shrinks_with_the_bits():
    for size in LLM_SIZES:
        needs = [size.needed_bytes(storage) for storage in ("bf16", "int8", "nf4")]
        assert needs == sorted(needs, reverse=True)


def test_a_container_limit_counts(monkeypatch, tmp_path: Path):
    limit = tmp_path / "memory.max"
    limit.write_text("1000000\n")
    monkeypatch.setattr(machine, "CGROUP_LIMITS", (str(limit),))
    assert machine.free_memory_bytes()["cpu"] == 1_000_000
    limit.write_text("max\n")
    assert machine.free_memory_bytes()["cpu"] > 1_000_000


def test_an_importable_torchvision_is_a_warning(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(machine, "find_spec", lambda name: name == "torchvision" or None)
    (check,) = [one for one in inspect_machine(tmp_path) if one.name == "torchvision"]
    assert check.status == "warn"
    assert "uninstall" in check.remedy
