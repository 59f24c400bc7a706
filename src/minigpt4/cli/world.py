"""`minigpt4 world`: draw the miniature's world, write its training sets, score a model on it.

The drawn world stands in for the pictures of the paper; see `minigpt4.world`. Every command takes
a split and a seed, and the splits never share a scene.
"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from minigpt4.errors import DataError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Draw the miniature's world; score a model on it.",
)


class Split(StrEnum):
    """The disjoint parts of the world."""

    train = "train"
    validation = "validation"
    test = "test"


OutOption = Annotated[Path, typer.Option("--out", help="Folder to write; made if missing.")]
SplitOption = Annotated[Split, typer.Option("--split", help="Part of the world to draw from.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Same seed, same scenes.")]


@app.command()
def draw(
    out: OutOption,
    split: SplitOption = Split.test,
    seed: SeedOption = 0,
    count: Annotated[int, typer.Option("--count", min=1, help="Number of pictures.")] = 8,
) -> None:
    """Write pictures (000000.png ...) and their truth (truth.jsonl, a line a picture)."""
    from minigpt4.world.export import write_pictures

    write_pictures(out, split=split.value, seed=seed, count=count)
    print(f"{count} pictures of the {split.value} split and truth.jsonl are in {out}")


@app.command()
def shards(
    out: OutOption,
    split: SplitOption = Split.train,
    seed: SeedOption = 0,
    count: Annotated[int, typer.Option("--count", min=1, help="Number of pairs.")] = 10_000,
) -> None:
    """Write stage-1 pairs of picture and web caption as tar shards, in two sources."""
    from minigpt4.world.export import write_stage1_shards

    write_stage1_shards(out, split=split.value, seed=seed, count=count)
    print(f"{count} stage-1 pairs are in {out}")


@app.command()
def align(
    out: OutOption,
    split: SplitOption = Split.train,
    seed: SeedOption = 0,
    count: Annotated[int, typer.Option("--count", min=1, help="Number of pictures.")] = 3_500,
) -> None:
    """Write a stage-2 set as cc_sbu_align has it: filter_cap.json and image/ID.jpg."""
    from minigpt4.world.export import write_align_set

    write_align_set(out, split=split.value, seed=seed, count=count)
    print(f"{count} detailed descriptions are in {out}")


@app.command()
def score(
    model: Annotated[str, typer.Argument(help="Model directory, or `miniature`.")] = "miniature",
    split: SplitOption = Split.test,
    seed: SeedOption = 0,
    count: Annotated[int, typer.Option("--count", min=1, help="Number of test scenes.")] = 200,
    out: Annotated[
        Path | None, typer.Option("--out", help="Also write scores and answers to this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Score a model on unseen scenes (greedy), by the world's own truth."""
    from minigpt4.evaluation import world_score

    scores = world_score.score(model, split=split.value, seed=seed, count=count, out=out)
    if as_json:
        print(json.dumps(scores.as_json(), indent=2))
    else:
        print(scores.as_table())


@app.command()
def compare(
    pictures: Annotated[Path, typer.Argument(help="Folder written by `world draw`.")],
    answers: Annotated[Path, typer.Argument(help="Lines written by `describe --json`.")],
) -> None:
    """Print the truth of each picture beside a model's description of it."""
    truths = {Path(row["image"]).name: row for row in _read_lines(pictures / "truth.jsonl")}
    for row in _read_lines(answers):
        name = Path(str(row.get("image", ""))).name
        if name not in truths:
            raise DataError(
                f"{answers} answers {name or 'no image'!r}, which {pictures}/truth.jsonl lacks; "
                "describe the pictures of that folder"
            )
        print(f"\n{pictures / name}")
        print(f"  truth: {summarise_truth(truths[name])}")
        print(f"  model: {row.get('text') or row.get('error') or '(no answer)'}")


def summarise_truth(truth: dict[str, Any]) -> str:
    """Say a line of truth.jsonl in a few words."""
    setting = [truth[key] for key in ("place", "time", "weather") if truth.get(key)]
    things = [
        " ".join(str(thing[key]) for key in ("size", "color", "kind") if thing.get(key))
        for thing in truth.get("objects") or []
    ]
    parts = [str(truth.get("kind", "scene")), ", ".join(setting), ", ".join(things)]
    extra = truth.get("extra") or {}
    parts += [f"{key}: {_plain(value)}" for key, value in extra.items() if value]
    return "; ".join(part.replace("_", " ") for part in parts if part)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    return str(value)


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines.

    Raises:
        DataError: for a missing file or a line that is not a JSON object, named by its number.
    """
    if not path.is_file():
        raise DataError(f"no file {path}; `minigpt4 world draw` and `describe --json` write it")
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}, line {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number} is a {type(row).__name__}; wanted an object")
        rows.append(row)
    return rows
