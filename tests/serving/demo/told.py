"""A page with an engine that says what it is told to: for tests that need no model."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping

import uvicorn

from minigpt4.errors import RequestCancelledError
from minigpt4.generation.reply import Reply
from minigpt4.serving.demo.app import demo_app
from minigpt4.serving.ticket import Piece, Request, Ticket


class ToldEngine:
    """Answers each question with the text it has for it, word by word."""

    def __init__(self, texts: Mapping[str, str], *, seconds_a_word: float = 0.0) -> None:
        self.texts = dict(texts)
        self.seconds_a_word = seconds_a_word
        self.requests: list[Request] = []
        self.tickets: list[Ticket] = []

    def submit(self, request: Request) -> Ticket:
        ticket = Ticket(request)
        self.requests.append(request)
        self.tickets.append(ticket)
        text = self.texts.get(request.messages[-1].text, "I see nothing.")
        threading.Thread(target=self._tell, args=(ticket, text), daemon=True).start()
        return ticket

    def _tell(self, ticket: Ticket, text: str) -> None:
        for word in text.split(" "):
            if ticket.cancelled:
                ticket.fail(RequestCancelledError("the answer was given up"))
                return
            ticket.push(Piece(word + " "))
            time.sleep(self.seconds_a_word)
        ticket.finish(Reply(text=text, token_ids=(1,), finish_reason="stop", num_prompt_tokens=1))


@contextlib.contextmanager
def served(contents, hosts=None) -> Iterator[str]:
    """Serve a page in this process on a free port; gives its address."""
    with demo_app(contents, hosts) as app, socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
        thread = threading.Thread(target=server.run, args=([place],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{place.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=20)
