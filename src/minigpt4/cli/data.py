"""`minigpt4 data`: look at a data set, write it in another form, prepare BLIP's lists.

A SOURCE is a path whose format is recognised, or FORMAT:PATH[,images=DIR,...]; docs/data.md lists
the formats.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minigpt4.cli.progress import progress

if TYPE_CHECKING:
    from minigpt4.data.check import Checked
    from minigpt4.data.example import OpenedSource
    from minigpt4.data.troubles import Troubles

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Check and convert data sets; prepare BLIP's lists for download.",
)

SHEET = Path("runs/data_check.png")

SourceArgument = Annotated[
    str, typer.Argument(help="A path, or FORMAT:PATH[,images=DIR,...]; see docs/data.md.")
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, help="Look at this many samples only.")
]


@app.command()
def check(
    source: SourceArgument,
    out: Annotated[Path, typer.Option("--out", help="Contact sheet to write, a PNG.")] = SHEET,
    limit: LimitOption = None,
    pictures: Annotated[
        int, typer.Option(min=0, help="Pictures on the contact sheet; 0: no sheet.")
    ] = 24,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Count samples, sizes and troubles, and draw a contact sheet. Exit code 1: nothing usable.

    Each kind of trouble is shown with the places of its first cases.
    """
    from minigpt4.data.check import check_source

    opened = _open(source)
    with progress("looking") as report:
        found = check_source(opened, limit=limit, report=report)
    sheet = out if pictures and found.num_usable else None
    if sheet is not None:
        _draw_sheet(opened, found, sheet, pictures)
    if as_json:
        print(json.dumps({"source": source, **found.as_json(), "sheet": sheet and str(sheet)}))
    else:
        _print_report(found.as_json(), found)
        if sheet is not None:
            print(f"contact sheet: {sheet}")
    if not found.num_usable:
        print(f"minigpt4: nothing in {source} is usable", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def convert(
    source: SourceArgument,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="tar_shards, cc_sbu_align, folder_captions, coco_captions, llava or messages.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder to write, new or empty.")],
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Convert the first samples only.")
    ] = None,
) -> None:
    """Write a data set in another form; picture files stay as they are, bad samples stay out."""
    from minigpt4.data.convert import convert as convert_source

    opened = _open(source)
    with progress("converting") as report:
        done = convert_source(opened, to, out, limit=limit, report=report)
    print(f"{done.num_written} samples are in {out}")
    _print_troubles("left out", done.left_out)


@app.command()
def prepare(
    lists: Annotated[list[Path], typer.Argument(help="BLIP's JSON lists of url and caption.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the TSV files.")],
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Keep this part of each list, e.g. 0.1.")
    ] = 1.0,
    image_px: Annotated[int, typer.Option(min=1, help="Side of the stored pictures.")] = 224,
) -> None:
    """Write the TSV that img2dataset downloads, and print its command line."""
    from minigpt4.data.prepare import download_command
    from minigpt4.data.prepare import prepare as prepare_list

    for path in lists:
        with progress(path.name) as report:
            done = prepare_list(path, out, share=share, report=report)
        print(f"# {done.num_written} addresses are in {done.tsv}", file=sys.stderr)
        for reason, count in done.left_out.most_common():
            print(f"#   {count} left out: {reason}", file=sys.stderr)
        print(download_command(done.tsv, image_px=image_px))


def _open(source: str) -> OpenedSource:
    from minigpt4.data.open_source import open_source

    with progress("indexing shards") as report:
        return open_source(source, report=report)


def _draw_sheet(opened: OpenedSource, found: Checked, out: Path, num_pictures: int) -> None:
    """Draw usable examples, spread evenly over the data set."""
    from minigpt4.data.contact_sheet import draw_contact_sheet
    from minigpt4.data.mixing import with_picture

    step = max(1, found.num_usable // num_pictures)
    indices = found.rows["index"][::step][:num_pictures]
    draw_contact_sheet([with_picture(opened[int(index)]) for index in indices], out)


def _print_report(report: dict[str, Any], found: Checked) -> None:
    looked = "" if report["looked_at"] == report["samples"] else f" of {report['looked_at']} seen"
    print(f"{report['samples']} samples, {report['usable']}{looked} usable")
    print(f"  distinct pictures  {report['distinct_pictures']}")
    print(f"  distinct texts     {report['distinct_texts']}")
    print(f"  with a prompt      {report['with_prompt']}")
    for name in ("width_px", "height_px", "answer_words", "turns"):
        spread = ", ".join(f"{key} {value:g}" for key, value in report[name].items())
        print(f"  {name:<18} {spread}")
    _print_troubles("unusable", found.unusable)
    _print_troubles("usable, but suspicious", found.suspicious)


def _print_troubles(title: str, troubles: Troubles) -> None:
    if not troubles:
        return
    print(f"{title}: {sum(troubles.counts.values())}")
    for reason, count in troubles.counts.most_common():
        print(f"  {count:>6} {reason}")
        for place in troubles.places.get(reason, []):
            print(f"         {place}")
