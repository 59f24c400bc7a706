"""`minigpt4 doctor`: what this machine can run, and whether a model directory is sound."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer


def doctor(
    model: Annotated[
        str | None, typer.Argument(help="A model directory, an LLM's directory, or `miniature`.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    load: Annotated[
        bool, typer.Option("--load/--no-load", help="Load the model and let its LLM read.")
    ] = True,
) -> None:
    """Check this machine and, if named, a model directory. Exit code 1 if something is wrong."""
    from transformers.utils import logging

    from minigpt4.model.health import inspect_model
    from minigpt4.model.loading import PACKAGED
    from minigpt4.model.machine import inspect_machine

    logging.disable_progress_bar()
    sections = {"machine": inspect_machine(Path.cwd())}
    if model is not None:
        sections[f"model {model}"] = inspect_model(PACKAGED.get(model, Path(model)), load=load)
    if as_json:
        rows = {
            title: [dataclasses.asdict(check) for check in checks]
            for title, checks in sections.items()
        }
        print(json.dumps(rows, indent=2))
    else:
        for title, checks in sections.items():
            print(title)
            for check in checks:
                mark = {"ok": "ok", "warn": "WARN", "problem": "PROBLEM"}[check.status]
                print(f"  {mark:<8}{check.name:<22}{check.detail}")
                if check.remedy:
                    print(f"{'':<32}-> {check.remedy}")
    if any(check.status == "problem" for checks in sections.values() for check in checks):
        raise typer.Exit(1)
