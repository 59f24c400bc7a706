"""Serve a review page: for this machine, or with a key for others, too.

from minigpt4.curation.review.server import serve_pile
with socket.create_server(("127.0.0.1", 7870)) as listener:
    serve_pile(pile, listener, on_start=print)      # until Ctrl-C
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from minigpt4.curation.review.desk import Pile
from minigpt4.curation.review.guard import is_loopback, load_key
from minigpt4.errors import SettingsError


def serve_pile(
    pile: Pile,
    listener: socket.socket,
    *,
    key_file: Path | None = None,
    names: Sequence[str] = (),
    reviewer: str = "",
    on_start: Callable[[str], object] = lambda address: None,
) -> None:
    """Serve the page until Ctrl-C or SIGTERM; `on_start` is told the address.

    Args:
        listener: bound to where the page shall be. Anything but this machine's own address needs
            a key.
        key_file: a file whose first line is the key.
        names: further names by which browsers may call this machine; with a key only.
        reviewer: who judges; without it the page asks each person.

    Raises:
        SettingsError: without the `web` extra, or when other machines could come in without a key.
    """
    host, port = listener.getsockname()[:2]
    key = load_key(key_file) if key_file else None
    if key is None and (names or not is_loopback(host)):
        way = ", ".join(names) or host
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
    app = build_app(pile, key=key, names=names, reviewer=reviewer)
    listener.listen()  # From here on a browser waits instead of being refused.
    on_start(_address(host, port, key))
    settings = uvicorn.Config(
        app, log_level="warning", server_header=False, timeout_graceful_shutdown=3
    )
    # uvicorn stops cleanly at a signal and then raises it once more, which must not kill us.
    signal.signal(signal.SIGTERM, lambda *_: None)
    uvicorn.Server(settings).run(sockets=[listener])


def _address(host: str, port: int, key: str | None) -> str:
    """Return the link to the page; what stands behind # never leaves the browser."""
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"#key={quote(key, safe='')}" if key else "")
