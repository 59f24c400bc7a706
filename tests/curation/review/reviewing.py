"""A review page served in a thread, and requests as its own page makes them."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from minigpt4.curation.review.app import build_app
from minigpt4.curation.review.desk import Pile


class Served:
    """A server that can be ended and begun again at the same port."""

    def __init__(self, pile: Pile, **options: Any) -> None:
        self.pile, self.options = pile, options
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port: int = listener.getsockname()[1]
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        app = build_app(self.pile, **self.options)
        settings = uvicorn.Config(
            app, host="127.0.0.1", port=self.port, log_level="warning", timeout_graceful_shutdown=1
        )
        self.server = uvicorn.Server(settings)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        end = time.monotonic() + 30
        while not self.server.started:
            assert time.monotonic() < end, "the server does not start"
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str | None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request like the page's; a header given as None is left out."""
        sent = {"Host": f"127.0.0.1:{self.port}", "X-Minigpt4-Review": "1"}
        if body is not None:
            sent["Content-Type"] = "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}  # type: ignore
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        if content is not None:
            connection.putheader("Content-Length", str(len(content)))
        connection.endheaders(content)
        answer = connection.getresponse()
        read = answer.read()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, read

    def post(self, path: str, body: Any, **headers: str | None) -> tuple[int, Any]:
        status, _, content = self.ask("POST", path, body, **headers)
        return status, json.loads(content)


@contextmanager
def served(pile: Pile, **options: Any) -> Iterator[Served]:
    made = Served(pile, **options)
    try:
        yield made
    finally:
        made.stop()
