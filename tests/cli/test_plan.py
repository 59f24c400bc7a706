"""`minigpt4 plan`: one readable page, or JSON."""

from __future__ import annotations

import json

import typer
from typer.testing import CliRunner

from minigpt4.cli.plan import plan


def _plan(*args: str) -> str:
    app = typer.Typer()
    app.command()(plan)
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_page_names_parts_memory_micro_batch_and_hours() -> None:
    text = _plan("miniature_stage1", "--gpu-gb", "4")
    for word in ("vision_encoder", "projection", "llm", "together", "AdamW", "samples", "FLOPs",
                 "micro-batch of", "A100", "H200"):  # fmt: skip
        assert word in text


def test_json_holds_the_same_and_follows_settings() -> None:
    (line,) = _plan("finetune", "--json", "--set", "num_steps=7", "--gpus", "2").splitlines()
    values = json.loads(line)
    assert values["samples"] == 7 * 12
    assert values["weight_bytes"] == sum(part["bytes"] for part in values["parts"].values())
    assert values["gpus"] == 2


def test_what_does_not_fit_comes_with_a_remedy() -> None:
    assert "memory.llm_storage=nf4" in _plan("finetune", "--gpu-gb", "0.5")
