"""`minigpt4 demo`: a web page to talk about pictures, for this machine.

Nothing is shared with or looked up on other machines unless `--host` opens the page to them.
"""

from __future__ import annotations

import os
import sys
import webbrowser
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minigpt4.cli.listening import take_port
from minigpt4.cli.notice import miniature_notice

if TYPE_CHECKING:
    from minigpt4.serving.demo.events import Contents

MOST_TOKENS = 1000
"""The most the page lets an answer have; half the context, where that is less."""


def demo(
    model: Annotated[
        str, typer.Option(help="A model directory, or the name of a shipped model.")
    ] = "miniature",
    compare: Annotated[
        str | None, typer.Option(help="Another model, to answer side by side.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Where to listen; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 7860,
    allow_name: Annotated[
        list[str] | None,
        typer.Option(help="Another name for this server, as behind a proxy; several times if so."),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser", help="Show the page in this machine's browser.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
) -> None:
    """Open a web page to talk about pictures."""
    listener = take_port(host, port)
    import uvicorn

    from minigpt4.serving.demo.app import demo_app
    from minigpt4.serving.hosts import HostNames

    with listener, ExitStack() as stack:
        contents = _build_contents(model, compare, device=device, stack=stack)
        hosts = HostNames.behind(host, with_keys=False, names=allow_name or ())
        app = stack.enter_context(demo_app(contents, hosts))
        address = f"http://{_address(host)}:{port}"
        print(f"The page is at {address} (Ctrl-C ends it).", flush=True)
        listener.listen()  # From here on a browser waits instead of being refused.
        if browser and _has_screen():
            webbrowser.open(address)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3)
        uvicorn.Server(config).run(sockets=[listener])


def _build_contents(model: str, compare: str | None, *, device: str, stack: ExitStack) -> Contents:
    """Load the models and start their engines, which `stack` will stop."""
    from minigpt4 import load
    from minigpt4.model.loading import find_directory
    from minigpt4.serving.demo.abilities import DRAWN_WORLD, PHOTOGRAPHS
    from minigpt4.serving.demo.asking import Speaker
    from minigpt4.serving.demo.events import Contents
    from minigpt4.serving.demo.examples import choose_examples, knows_drawn_world
    from minigpt4.serving.engine import Engine
    from minigpt4.serving.names import distinct_names

    named = [model] if compare is None else [model, compare]
    loaded = [load(name, device=device) for name in named]
    drawn = knows_drawn_world(find_directory(model))
    # Before the engine starts: from then on the model is the engine's alone.
    examples = choose_examples(loaded[0], report=_report) if drawn else []
    speakers = tuple(
        Speaker(name, _started(Engine(each), stack))
        for name, each in zip(distinct_names(named), loaded, strict=True)
    )
    notices = [notice for name in named if (notice := miniature_notice(name))]
    return Contents(
        speakers=speakers,
        abilities=DRAWN_WORLD if drawn else PHOTOGRAPHS,
        examples=tuple(examples),
        draws=drawn,
        notice=_sentence(notices[0]) if notices else "",
        longest_answer=min([MOST_TOKENS, *(_half_context(each) for each in loaded)]),
    )


def _started(engine: Any, stack: ExitStack) -> Any:
    stack.callback(engine.close, finish=False)
    return engine


def _report(done: int, total: int) -> None:
    end = "\n" if done == total else ""
    print(f"\rchoosing example pictures: {done} of {total}", end=end, file=sys.stderr, flush=True)


def _half_context(model: Any) -> int:
    return (getattr(model.llm.config, "max_position_embeddings", None) or 2 * MOST_TOKENS) // 2


def _sentence(notice: str) -> str:
    """Return a notice of the terminal as a sentence of the page."""
    text = notice.removeprefix("note: ").replace("`", "")
    return f"{text[:1].upper()}{text[1:]}."


def _has_screen() -> bool:
    """Say whether a window can open; elsewhere a browser of text would take the terminal."""
    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in screens)


def _address(host: str) -> str:
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
