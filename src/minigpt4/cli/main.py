"""The `minigpt4` command: a table of commands, each imported only when it runs.

`minigpt4 --help` answers at once because no command module, and so no torch, is imported for it.
Errors raised on purpose end as one line on stderr and exit code 1; wrong usage is 2, Ctrl-C 130.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command as build_command

from minigpt4 import __version__
from minigpt4.errors import MiniGPT4Error

DEBUG_VARIABLE = "MINIGPT4_DEBUG"


class _Command(NamedTuple):
    """Where a command lives and what the overview says about it."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "describe": _Command("describe", "describe", "Describe pictures: files or whole folders."),
    "chat": _Command("chat", "chat", "Talk about a picture in the terminal."),
    "serve": _Command("serve", "serve", "Serve a model over HTTP, as OpenAI's chat API."),
    "demo": _Command("demo", "demo", "Open a web page to talk about pictures."),
    "train": _Command("train", "train", "Run a training recipe, e.g. miniature_stage1."),
    "plan": _Command("plan", "plan", "Say what a recipe needs before anything is loaded."),
    "import": _Command(
        "import_official", "import_official", "Build a model directory from the official weights."
    ),
    "data": _Command("data", "app", "Check and convert data sets; prepare a download."),
    "curate": _Command("curate", "app", "Make stage-2 data: describe, repair, filter, review."),
    "cache": _Command("cache", "app", "Encode a recipe's pictures once, for all its trainings."),
    "evaluate": _Command("evaluate", "evaluate", "Score a model on a benchmark."),
    "table": _Command("table", "table", "A table of the paper: train its rows, score them."),
    "figure": _Command("figure", "figure", "A figure of the paper: answers side by side."),
    "reproduce": _Command("reproduce", "reproduce", "All tables and figures, and a report."),
    "world": _Command("world", "app", "Draw the miniature's world; score a model on it."),
    "doctor": _Command("doctor", "doctor", "Check this machine and a model directory."),
}


class LazyGroup(TyperGroup):
    """A group whose overview comes from COMMANDS; a command's module is imported to run it."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a stand-in that knows only its name and summary, enough for the overview."""
        entry = COMMANDS.get(cmd_name)
        return TyperCommand(cmd_name, help=entry.summary) if entry else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command to run as usual, then put the real one in the stand-in's place."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, _load_command(name) if stand_in is not None and name else stand_in, rest


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"minigpt4 {__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help=f"Show tracebacks (also {DEBUG_VARIABLE}=1).")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print version."),
    ] = False,
) -> None:
    """MiniGPT-4: describe pictures and talk about them; train, import and check models."""
    if debug:
        os.environ[DEBUG_VARIABLE] = "1"  # Seen by `main` below and by worker processes.


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    warnings.showwarning = _show_warning
    try:
        build_command(app)(args=args, prog_name="minigpt4")
    except KeyboardInterrupt:
        sys.exit(130)
    except (MiniGPT4Error, OSError) as error:
        if os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"):
            raise
        print(f"minigpt4: {_one_line(error)}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)


def _load_command(name: str) -> Any:
    """Import a command: a Typer app is taken as it is, a plain function becomes a command."""
    entry = COMMANDS[name]
    target = getattr(import_module(f"minigpt4.cli.{entry.module}"), entry.attribute)
    if not isinstance(target, typer.Typer):
        function, target = target, typer.Typer(add_completion=False)
        target.command(name)(function)
    return build_command(target)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning as one line, without the place in our code that gave it."""
    print(f"minigpt4: warning: {' '.join(str(message).split())}", file=sys.stderr)


def _one_line(error: BaseException) -> str:
    """Say what happened on one line; an OSError from below names its file."""
    return " ".join(str(error).split()) or type(error).__name__
