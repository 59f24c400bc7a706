"""`minigpt4 serve`: an OpenAI-compatible server for one model."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from minigpt4.cli.listening import take_port
from minigpt4.cli.notice import print_miniature_notice
from minigpt4.errors import SettingsError


def serve(
    model: Annotated[
        str, typer.Option(help="A model directory, or the name of a shipped model.")
    ] = "miniature",
    host: Annotated[
        str, typer.Option(help="Where to listen; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    name: Annotated[
        str, typer.Option(help="What clients call the model; else its directory's name.")
    ] = "",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8000,
    api_key_file: Annotated[
        Path | None, typer.Option(help="Keys that open the server, one a line.")
    ] = None,
    allow_name: Annotated[
        list[str] | None,
        typer.Option(help="Another name for this server, as behind a proxy; several times if so."),
    ] = None,
    allow_image_host: Annotated[
        list[str] | None,
        typer.Option(help="Fetch pictures from this host; may be given several times."),
    ] = None,
    max_batch: Annotated[int, typer.Option(min=1, help="Answers made at the same time.")] = 32,
    max_queue: Annotated[
        int, typer.Option(min=0, help="Requests that may wait; the next gets a 429.")
    ] = 256,
    request_seconds: Annotated[
        float, typer.Option(min=0.1, max=86_400, help="An answer is cut after this long.")
    ] = 120.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
) -> None:
    """Serve a model over HTTP, as OpenAI's chat API. SIGTERM and Ctrl-C let answers finish."""
    from PIL import Image

    from minigpt4 import load
    from minigpt4.serving.engine import Engine
    from minigpt4.serving.fetch import FetchPolicy
    from minigpt4.serving.hosts import HostNames
    from minigpt4.serving.names import model_name
    from minigpt4.serving.pictures import PicturePolicy

    try:
        from minigpt4.serving.guard import Keys
        from minigpt4.serving.server import build_app, build_server, run_server
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"the server needs {error.name}, which is not installed; "
            "install the extra: pip install 'minigpt4[web]'"
        ) from error

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    # A picture with far too many pixels is an error here, never only a warning.
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    keys = Keys.from_file(api_key_file) if api_key_file else Keys()
    if not keys.wanted and host not in ("127.0.0.1", "::1", "localhost"):
        print("minigpt4: warning: anybody who reaches this machine may ask; give --api-key-file",
              file=sys.stderr)  # fmt: skip
    with take_port(host, port) as listener:
        print_miniature_notice(model)
        loaded = load(model, device=device)
        engine = Engine(
            loaded, max_batch=max_batch, max_queue=max_queue, request_seconds=request_seconds
        )
        app = build_app(
            engine,
            model_name=name or model_name(model),
            keys=keys,
            pictures=PicturePolicy(fetch=FetchPolicy(allowed_hosts=tuple(allow_image_host or ()))),
            hosts=HostNames.behind(host, with_keys=keys.wanted, names=allow_name or ()),
        )
        address, taken = listener.getsockname()[:2]
        server = build_server(app, host=address, port=taken, grace_seconds=request_seconds + 5)
        run_server(server, listener)
