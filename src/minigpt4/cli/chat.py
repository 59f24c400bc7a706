"""`minigpt4 chat`: talk about pictures in the terminal.

Answers appear as they are made. Ctrl-C stops an answer, not the program. It works from a pipe too:
each line is a question or one of the commands.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from minigpt4.cli.notice import print_miniature_notice
from minigpt4.errors import ImageError, MiniGPT4Error

if TYPE_CHECKING:
    from minigpt4.generation import Chat

HELP = """\
/image PATH           show a picture; the next question is about it
/reset                forget the conversation and its pictures
/settings             show how answers are made
/settings NAME=VALUE  change it, e.g. /settings temperature=0.7 or /settings do_sample=false
/help                 this list
/quit                 leave (also Ctrl-D)
Anything else is a question. Ctrl-C stops an answer."""


def chat(
    image: Annotated[Path | None, typer.Argument(help="A picture to begin with.")] = None,
    model: Annotated[
        str, typer.Option(help="A model directory, or the name of a shipped model.")
    ] = "miniature",
    greedy: Annotated[
        bool, typer.Option("--greedy", help="The likeliest answer, the same each time.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="Same seed, same answers.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
) -> None:
    """Talk about pictures, over many turns."""
    from minigpt4 import Chat, load
    from minigpt4.generation import CHAT, GREEDY
    from minigpt4.processing.images import load_image

    picture = load_image(image) if image else None
    print_miniature_notice(model)
    loaded = load(model, device=device)
    conversation = Chat(loaded, dataclasses.replace(GREEDY if greedy else CHAT, seed=seed))
    if image is not None:
        conversation.show(picture)
        print(f"You are looking at {image}. Ask something; /help lists the commands.")
    else:
        print("Show a picture with /image PATH, then ask; /help lists the commands.")
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  (makes `input` editable, with a history)

    while (line := _read_line()) is not None:
        try:
            if not handle_line(conversation, line.strip()):
                return
        except MiniGPT4Error as error:
            print(f"minigpt4: {error}", file=sys.stderr, flush=True)


def handle_line(chat: Chat, line: str) -> bool:
    """Do what one line asks for; return whether to go on."""
    command, _, rest = line.partition(" ")
    if command in ("/quit", "/exit"):
        return False
    if command == "/help":
        print(HELP)
    elif command == "/image":
        _show(chat, rest.strip())
    elif command == "/reset":
        chat.reset()
        print("Everything is forgotten. Show a picture with /image PATH.")
    elif command == "/settings":
        _change_settings(chat, rest.strip())
    elif command.startswith("/") and command[1:].isalpha():
        print(f"There is no {command}; /help lists the commands.", file=sys.stderr)
    elif line:
        _answer(chat, line)
    return True


def _answer(chat: Chat, question: str) -> None:
    before = chat.num_dropped_turns
    pieces = chat.stream(question)
    try:
        for piece in pieces:
            print(piece, end="", flush=True)
    except KeyboardInterrupt:
        print(" (stopped)", end="")
    finally:
        # Ctrl-C may have come while a piece was printed: then the answer still waits here.
        pieces.close()
        print(flush=True)
    if chat.reply is not None and chat.reply.finish_reason == "length":
        print("(the answer was cut; /settings max_new_tokens=N allows more)", file=sys.stderr)
    dropped = chat.num_dropped_turns - before
    if dropped:
        print(f"({dropped} old turns no longer fit and were forgotten)", file=sys.stderr)


def _show(chat: Chat, path: str) -> None:
    if not path:
        raise ImageError("/image got no path; write one behind it, e.g. /image photo.jpg")
    picture = Path(path).expanduser()
    if not picture.exists():
        picture = Path(_unquoted(path)).expanduser()
    chat.show(picture)
    print(f"You are looking at {picture}.")


def _unquoted(path: str) -> str:
    """Read a path as terminals write it when a file is dropped on them: quoted or escaped."""
    try:
        return " ".join(shlex.split(path))
    except ValueError:  # A quotation mark of the name itself.
        return path


def _change_settings(chat: Chat, text: str) -> None:
    from minigpt4.config import apply_overrides, dump_config

    if text:
        chat.settings = apply_overrides(chat.settings, text.split())
    for name, value in dump_config(chat.settings).items():
        print(f"  {name} = {value}")


def _read_line() -> str | None:
    """Return the next line, or None at the end; Ctrl-C at the prompt gives an empty line."""
    try:
        if sys.stdin.isatty():
            return input("> ")
        line = sys.stdin.readline()
        return line if line else None
    except EOFError:
        print()
        return None
    except KeyboardInterrupt:
        print("\n(/quit leaves)")
        return ""
