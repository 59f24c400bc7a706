"""A real chat service on this machine that misbehaves as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behave = Callable[["Exchange"], None]


class Exchange:
    """One request as a behaviour sees it."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: dict[str, Any], number: int) -> None:
        self.handler, self.body, self.number = handler, body, number

    @property
    def paragraph(self) -> str:
        return self.body["messages"][-1]["content"]

    def send(self, status: int, content: bytes, **headers: str) -> None:
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.handler.send_header("Content-Length", str(len(content)))
        self.handler.end_headers()
        self.handler.wfile.write(content)

    def refuse(self, status: int, message: str = "no", code: str = "", **headers: str) -> None:
        told = {"error": {"message": message, "code": code}}
        self.send(status, json.dumps(told).encode(), **headers)

    def answer(self, text: str, finish_reason: str = "stop") -> None:
        self.send(200, completion(text, finish_reason))


class BadServer(ThreadingHTTPServer):
    """Counts requests and does with each what `behave` says."""

    daemon_threads = True

    def __init__(self, behave: Behave) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behave = behave
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.times: list[float] = []
        self.guard = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: BadServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.guard:
            self.server.requests.append(body)
            self.server.keys.append(self.headers["Authorization"])
            self.server.times.append(time.monotonic())
            number = len(self.server.requests)
        self.server.behave(Exchange(self, body, number))

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def completion(text: str, finish_reason: str = "stop") -> bytes:
    """Return what an honest service sends."""
    reply = {
        "choices": [{"message": {"content": text}, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 10, "completion_tokens": len(text.split())},
    }
    return json.dumps(reply).encode()


def repaired(exchange: Exchange) -> None:
    """Behave well: return the paragraph with a mark that it was repaired."""
    exchange.answer(exchange.paragraph.replace("we see", "there is"))


@contextmanager
def bad_server(behave: Behave = repaired) -> Iterator[BadServer]:
    """Serve on a free port."""
    server = BadServer(behave)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
