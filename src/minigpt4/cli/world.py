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

from minigpt4.cli.progress import progress
from minigpt4.errors import DataError, SettingsError

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


OutOption = Annotated[Path, typer.Option("--out", help="Folder to write, new or empty.")]
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

    with progress("drawing") as report:
        write_pictures(out, split=split.value, seed=seed, count=count, report=report)
    print(f"{count} pictures of the {split.value} split and truth.jsonl are in {out}")


@app.command()
def shards(
    out: OutOption,
    split: SplitOption = Split.train,
    seed: SeedOption = 0,
    count: Annotated[int, typer.Option("--count", min=2, help="Number of pairs.")] = 10_000,
) -> None:
    """Write stage-1 pairs of picture and web caption as tar shards, in two sources.

    laion/ has noisy captions, cc_sbu/ cleaner ones, as 115 to 14: the official mixing ratio.
    """
    from minigpt4.data.world import write_stage1_shards

    with progress("drawing") as report:
        sizes = write_stage1_shards(out, split=split.value, seed=seed, count=count, report=report)
    found = " and ".join(f"{size} pairs in {out / name}" for name, size in sizes.items())
    print(f"stage-1 shards: {found}")


@app.command()
def align(
    out: OutOption,
    split: SplitOption = Split.train,
    seed: SeedOption = 0,
    count: Annotated[int, typer.Option("--count", min=1, help="Number of pictures.")] = 3_500,
) -> None:
    """Write a stage-2 set as cc_sbu_align has it: filter_cap.json and image/ID.jpg."""
    from minigpt4.data.world import write_align_set

    with progress("drawing") as report:
        write_align_set(out, split=split.value, seed=seed, count=count, report=report)
    print(f"{count} detailed descriptions are in {out}")


@app.command()
def score(
    model: Annotated[str, typer.Argument(help="Model directory, or `miniature`.")] = "miniature",
    split: SplitOption = Split.test,
    seed: SeedOption = 0,
    count: Annotated[int, typer.Option("--count", min=1, help="Pictures to describe.")] = 200,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures answered at a time.")] = 32,
    limit_abilities: Annotated[
        int, typer.Option(min=0, help="Pictures for each composed ability; 0: leave them out.")
    ] = 25,
    told: Annotated[
        bool, typer.Option("--told", help="Tell the scene in words: the LLM's own ceiling.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write scores and answers to this file.")
    ] = None,
    answers_file: Annotated[
        Path | None,
        typer.Option("--answers", help="Write the answers to this file instead, one a line."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
) -> None:
    """Score a model on unseen scenes (greedy), by the world's own truth.

    Prints tables and, as the last line, the scores as JSON.
    """
    from rich.console import Console

    from minigpt4 import load
    from minigpt4.cli.world_tables import score_tables
    from minigpt4.evaluation.world_score import score_world

    for file in (json_file, answers_file):
        if file is not None and not file.resolve().parent.is_dir():
            raise SettingsError(f"no folder {file.resolve().parent} for {file}; make it first")
    loaded = load(model, device=device)
    with progress("scoring") as report:
        result = score_world(
            loaded,
            report=report,
            split=split.value,
            seed=seed,
            count=count,
            pictures_per_ability=limit_abilities,
            batch_size=batch_size,
            told=told,
        )
    if answers_file is not None:
        lines = [json.dumps(answer.as_json()) + "\n" for answer in result.answers]
        _write_whole(answers_file, "".join(lines))
    if json_file is not None:
        values = {"name": model, **result.as_json(with_answers=answers_file is None)}
        _write_whole(json_file, json.dumps(values, indent=1) + "\n")
    console = Console()
    for table in score_tables(result, title=f"{model} on {split.value} scenes, seed {seed}"):
        console.print(table)
    print(json.dumps({"name": model, **result.as_json(with_answers=False)}))


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


def _write_whole(path: Path, text: str) -> None:
    """Write a file aside and put it in its place when it is complete."""
    aside = path.with_name(f".{path.name}.partial")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines.

    Raises:
        DataError: for a missing file or a line that is not a JSON object, named by its number.
    """
    if not path.is_file():
        raise DataError(f"no file {path}; `minigpt4 world draw` and `describe --json` write it")
    rows = []
    # Not splitlines(): it also splits at U+2028 and its like, which JSON leaves within a text.
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
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
