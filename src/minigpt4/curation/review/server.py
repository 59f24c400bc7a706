"""Serve a review page: for this machine, or with a key for others, too.

from minigpt4.curation.review.server import Door, serve_pile
serve_pile(pile, Door(port=7870), on_start=print)      # until Ctrl-C
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from minigpt4.config import config
from minigpt4.curation.review.desk import Pile
from minigpt4.curation.review.guard import is_loopback, load_key
from minigpt4.errors import SettingsError


@config
class Door:
    """Where a review page is served, and to whom."""

    host: str = "127.0.0.1"
    """Where to listen. Anything but this machine's own address needs a key."""
    port: int = 7870
    """0 takes a free one."""
    key_file: Path | None = None
    """A file whose first line is the key."""
    names: tuple[str, ...] = ()
    """Further names by which browsers may call this machine; with a key only."""


def serve_pile(
    pile: Pile,
    door: Door,
    *,
    reviewer: str = "",
    on_start: Callable[[str], object] = lambda address: None,
) -> None:
    """Serve the page until Ctrl-C or SIGTERM; `on_start` is told the address.

    Raises:
        SettingsError: without the `web` extra, for a port that is taken, or when other machines
            could come in without a key.
    """
    key = load_key(door.key_file) if door.key_file else None
    if key is None and (door.names or not is_loopback(door.host)):
        way = ", ".join(door.names) or door.host
        raise SettingsError(
            f"other machines could change the data through {way}; give --key-file FILE with "
            "a key on its first line, or keep to --host 127.0.0.1 and no further name"
        )
    try:
        import uvicorn

        from minigpt4.curation.review.app import build_app
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"the review page needs {error.name}, which is not installed; "
            "install the extra: pip install 'minigpt4[web]'"
        ) from error
    with _listen(door.host, door.port) as listener:
        app = build_app(pile, key=key, names=door.names, reviewer=reviewer)
        listener.listen()  # From here on a browser waits instead of being refused.
        on_start(_address(door.host, listener.getsockname()[1], key))
        settings = uvicorn.Config(
            app, log_level="warning", server_header=False, timeout_graceful_shutdown=3
        )
        # uvicorn stops cleanly at a signal and then raises it once more, which must not kill us.
        signal.signal(signal.SIGTERM, lambda *_: None)
        uvicorn.Server(settings).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"cannot listen on {host} port {port} ({error.strerror or error}); "
            "choose another with --port or --host"
        ) from error
    return listener


def _address(host: str, port: int, key: str | None) -> str:
    """Return the link to the page; what stands behind # never leaves the browser."""
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"#key={quote(key, safe='')}" if key else "")
