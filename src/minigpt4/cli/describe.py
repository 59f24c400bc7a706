"""`minigpt4 describe`: what is in these pictures?

Answers go to stdout, everything else to stderr, so that `--json` can be piped. A picture that
cannot be read is reported and the rest go on; the exit code is then 1.

With `--out` answers go to a file instead, for many thousand pictures: a run that was stopped goes
on where it was, and under torchrun each rank does its share.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minigpt4.cli.notice import print_miniature_notice
from minigpt4.errors import ImageError, PromptError, SettingsError

if TYPE_CHECKING:
    from minigpt4.generation import GenerationSettings

PAPER_PROMPT = "Describe this image in detail."
"""The first prompt of stage 2. Paper: §3.3."""

PICTURE_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""What counts as a picture inside a folder; a file named by itself may end as it likes."""


def describe(
    images: Annotated[list[Path], typer.Argument(help="Pictures, and folders of pictures.")],
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            help=f"What to ask about each picture; with --out there may be several.  "
            f"[default: {PAPER_PROMPT}]"
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(help="A model directory, or the name of a shipped model.")
    ] = "miniature",
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="Pictures answered together.  [default: 8, with --out 32]"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A file for the answers, one JSON object a line; resumes.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object a line, one for each picture.")
    ] = False,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")] = 300,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
) -> None:
    """Describe pictures: files or whole folders. Greedy, so it can be repeated."""
    prompts = prompt or [PAPER_PROMPT]
    if not all(each.strip() for each in prompts):
        raise PromptError("the prompt is empty; leave --prompt out to have the picture described")
    if len(prompts) > 1 and out is None:
        raise SettingsError(f"{len(prompts)} prompts need a file for the answers; give --out")

    from minigpt4.generation import GREEDY

    pictures = list(find_pictures(images))
    settings = replace(GREEDY, max_new_tokens=max_new_tokens)
    if out is not None:
        from minigpt4.cli.describe_many import describe_many

        describe_many(
            pictures, prompts, out=out, model=model, settings=settings,
            batch_size=batch_size or 32, device=device,
        )  # fmt: skip
        return

    from minigpt4 import load

    batch_size = batch_size or 8
    print_miniature_notice(model)
    loaded = load(model, device=device)
    num_failed = 0
    with _progress(len(pictures)) as advance:
        for start in range(0, len(pictures), batch_size):
            chunk = pictures[start : start + batch_size]
            for row in answer_pictures(loaded, chunk, prompt=prompts[0], settings=settings):
                num_failed += "error" in row
                _print_row(row, as_json=as_json, alone=len(pictures) == 1)
            advance(len(chunk))
    if num_failed:
        print(f"minigpt4: {num_failed} of {len(pictures)} failed", file=sys.stderr)
        raise typer.Exit(1)


def find_pictures(paths: Iterable[Path]) -> Iterator[Path]:
    """Return the files themselves and, sorted, all pictures inside folders at any depth.

    A folder without pictures is returned itself, to be reported.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(
            file
            for file in path.rglob("*")
            if file.suffix.lower() in PICTURE_SUFFIXES and file.is_file()
        )
        yield from inside or [path]


def answer_pictures(
    model: Any, pictures: Sequence[Path], *, prompt: str, settings: GenerationSettings
) -> list[dict[str, Any]]:
    """Answer the prompt about each picture, all at once; a row has the answer or the error."""
    from minigpt4.generation import generate
    from minigpt4.processing.conversation import Conversation

    rows: list[dict[str, Any]] = [{"image": str(picture)} for picture in pictures]
    readable, prompts = [], []
    for row, picture in zip(rows, pictures, strict=True):
        try:
            prompts.append(Conversation.ask(prompt, _read(picture)))
            readable.append(row)
        except ImageError as error:
            row["error"] = str(error)
    replies = generate(model, prompts, settings, batch_size=len(prompts)) if prompts else []
    for row, reply in zip(readable, replies, strict=True):
        row |= {
            "prompt": prompt,
            "text": reply.text,
            "finish_reason": reply.finish_reason,
            "num_tokens": len(reply.token_ids),
        }
    return rows


def _read(picture: Path) -> Any:
    from minigpt4.processing.images import load_image

    if picture.is_dir():
        raise ImageError(f"no pictures in the folder {picture}; give a folder that has some")
    return load_image(picture)


def _print_row(row: dict[str, Any], *, as_json: bool, alone: bool) -> None:
    if "error" in row:
        print(f"minigpt4: {row['error']}", file=sys.stderr, flush=True)
    if as_json:
        print(json.dumps(row, ensure_ascii=False), flush=True)
    elif "text" in row:
        print(row["text"] if alone else f"{row['image']}: {row['text']}", flush=True)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr for many pictures, if a person is looking."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    bar = Progress(
        console=console,
        transient=True,
        disable=total < 2 or not console.is_terminal,
        # Answers on a terminal go above the bar; answers into a pipe or file are left alone.
        redirect_stdout=sys.stdout.isatty(),
    )
    with bar:
        task = bar.add_task("describing", total=total)
        yield lambda num: bar.advance(task, num)
