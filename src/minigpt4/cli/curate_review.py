"""`minigpt4 curate review | judge | report | label-studio`: where people look at drafts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minigpt4.cli.listening import take_port
from minigpt4.cli.progress import progress

if TYPE_CHECKING:
    from minigpt4.curation.review.desk import Pile

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The curation's folder.")]
PortOption = Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")]
HostOption = Annotated[
    str, typer.Option(help="Where to listen; 0.0.0.0 lets other machines in, with a key.")
]
KeyOption = Annotated[
    Path | None, typer.Option(help="File with the key on its first line, at least 16 characters.")
]
NameOption = Annotated[
    list[str] | None,
    typer.Option(help="A further name by which browsers call this machine; several may be given."),
]
ReviewerOption = Annotated[
    str, typer.Option(help="Your name; without it the page asks each person.")
]


def review(
    folder: FolderArgument,
    port: PortOption = 7870,
    reviewer: ReviewerOption = "",
    second_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of drafts that two persons judge, blind.")
    ] = 0.1,
    host: HostOption = "127.0.0.1",
    key_file: KeyOption = None,
    allow_name: NameOption = None,
) -> None:
    """Open the page on which people accept, edit and reject descriptions."""
    from minigpt4.curation.review.drafts import DraftPile
    from minigpt4.curation.store import DraftStore

    with DraftStore(folder) as store:
        pile = DraftPile(store, second_share=second_share)
        _serve(pile, reviewer, host=host, port=port, key_file=key_file, names=allow_name)


def judge(
    file: Annotated[Path, typer.Argument(help="Answers to be judged, a .sqlite file.")],
    port: PortOption = 7871,
    reviewer: ReviewerOption = "",
    host: HostOption = "127.0.0.1",
    key_file: KeyOption = None,
    allow_name: NameOption = None,
) -> None:
    """Open the page on which people judge answers of unnamed models: fulfilled or not."""
    from minigpt4.curation.review.questions import QuestionFile

    with QuestionFile(file) as pile:
        _serve(pile, reviewer, host=host, port=port, key_file=key_file, names=allow_name)


def report(
    folder: FolderArgument,
    out: Annotated[
        Path | None, typer.Option(help="The page to write; DIR/report.html without it.")
    ] = None,
    examples: Annotated[
        int, typer.Option(min=0, help="Examples of each reason, and of repairs.")
    ] = 4,
) -> None:
    """Write one HTML page about a curation: funnel, lengths, reasons, what the repair changed."""
    from minigpt4.curation.report import write_report
    from minigpt4.curation.store import DraftStore

    path = out or folder / "report.html"
    with DraftStore(folder) as store, progress("comparing texts") as told:
        write_report(store, path, num_examples=examples, report=told)
    print(f"the report is {path}")


label_studio = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Hand drafts to Label Studio, and take its decisions back.",
)


@label_studio.command("out")
def write_tasks(
    folder: FolderArgument,
    out: Annotated[Path, typer.Option(help="The tasks to write, a JSON file.")],
    images: Annotated[
        str,
        typer.Option(
            help="Where Label Studio finds the pictures: an address or a path that it serves, to "
            "which their file names are added. Without it the pictures are put into the file."
        ),
    ] = "",
) -> None:
    """Write the drafts that wait for a person as Label Studio's tasks, with a labelling set-up."""
    from minigpt4.curation.review.label_studio import write_tasks as write
    from minigpt4.curation.store import DraftStore

    with DraftStore(folder) as store:
        num_written, setup = write(store, out, images=images)
    print(f"{num_written} tasks are in {out}; the labelling set-up is in {setup}")


@label_studio.command("in")
def read_annotations(
    folder: FolderArgument,
    file: Annotated[Path, typer.Argument(help="What Label Studio has exported as JSON.")],
) -> None:
    """Take what people decided in Label Studio. May be repeated: nothing is counted twice."""
    from minigpt4.curation.review.label_studio import read_annotations as read
    from minigpt4.curation.store import DraftStore

    with DraftStore(folder) as store:
        taken = read(store, file)
    print(f"{taken.num_new} decisions were taken, {taken.num_known} were known")
    for trouble in taken.troubles:
        print(f"  left out: {trouble}")


def add_commands(app: typer.Typer) -> None:
    """Add these commands to `minigpt4 curate`."""
    for command in (review, judge, report):
        app.command()(command)
    app.add_typer(label_studio, name="label-studio")


def _serve(
    pile: Pile,
    reviewer: str,
    *,
    host: str,
    port: int,
    key_file: Path | None,
    names: list[str] | None,
) -> None:
    from minigpt4.curation.review.server import serve_pile

    def tell(address: str) -> None:
        print(f"The page is at {address} (Ctrl-C ends it; nothing is lost).", flush=True)

    with take_port(host, port) as listener:
        serve_pile(
            pile, listener, key_file=key_file, names=names or (), reviewer=reviewer, on_start=tell
        )
