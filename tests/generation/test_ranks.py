"""Shares and their files: what torchrun says, or this process alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from minigpt4.generation.ranks import Share, own_device, part_file, part_files, ranks_together


def test_a_process_alone_does_everything_and_waits_for_nobody(monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    share = Share.from_environment()
    assert share == Share(0, 1)
    assert share.file(Path("out.jsonl")) == Path("out.jsonl")
    with ranks_together(share) as wait_for_others:
        wait_for_others()
    assert not torch.distributed.is_initialized()


def test_a_process_of_several_knows_its_place(monkeypatch):
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "4")
    share = Share.from_environment()
    assert share == Share(2, 4)
    assert share.file(Path("a/out.jsonl")) == Path("a/out.jsonl.rank2")


def test_the_parts_of_a_file_are_found_beside_it(tmp_path):
    out = tmp_path / "out.jsonl"
    assert part_files(out) == []
    parts = [out, part_file(out, 0), part_file(out, 1)]
    for path in (*parts, tmp_path / "another.jsonl.rank0"):
        path.touch()
    assert part_files(out) == parts


@pytest.mark.parametrize(
    ("asked", "rank", "gpus", "given"),
    [
        ("auto", "1", True, "cuda:1"),
        ("auto", "1", False, "auto"),
        ("auto", None, True, "auto"),
        ("cpu", "1", True, "cpu"),
    ],
)
def test_each_process_of_a_machine_has_a_gpu_of_its_own(monkeypatch, asked, rank, gpus, given):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert own_device(asked) == given
