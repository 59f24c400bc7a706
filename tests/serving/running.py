"""A real server in a thread, and pictures as clients send them."""

from __future__ import annotations

import base64
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import Image

from minigpt4.serving.engine import Engine
from minigpt4.serving.server import build_app, build_server


@contextmanager
def serving(engine: Engine, **options: Any) -> Iterator[Any]:
    """Serve with an engine on a free port; yields the server, whose address is `address`."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    app = build_app(engine, **{"model_name": "tiny", **options})
    server: Any = build_server(app, host="127.0.0.1", port=port, grace_seconds=30)
    server.address = ("127.0.0.1", port)
    server.base_url = f"http://127.0.0.1:{port}/v1"
    thread = threading.Thread(target=server.run)
    thread.start()
    end = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < end, "the server does not start"
        time.sleep(0.01)
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join()


def data_url(picture: Image.Image, kind: str = "PNG") -> str:
    file = io.BytesIO()
    picture.save(file, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def user(text: str, *urls: str) -> dict[str, Any]:
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"role": "user", "content": [*pictures, {"type": "text", "text": text}]}


def wait_until(true: Any) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it does not become true"
        time.sleep(0.005)
