"""What a caller hands to the engine, and what he holds while he waits.

    ticket = engine.submit(Request(messages=[Message("user", "What is this?", (picture,))]))
    for text in ticket: ...          # pieces as they come; `async for` in a coroutine
    reply = ticket.result()          # the whole answer

A ticket is written by the engine's thread and read by any other, or by any event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from minigpt4.errors import RequestCancelledError
from minigpt4.generation.reply import Reply
from minigpt4.generation.settings import CHAT, GenerationSettings
from minigpt4.processing.conversation import Message


@dataclass(frozen=True, kw_only=True)
class Request:
    """One question to the model, with settings of its own."""

    messages: Sequence[Message]
    """The conversation so far; the last message is the user's. Pictures belong to messages."""
    settings: GenerationSettings = CHAT
    """`num_beams` above 1 is a beam search: its answer comes as one piece."""
    num_top_logprobs: int | None = None
    """None: no log-probabilities. n: those of each token and of the n likeliest at its place."""
    drop_old_turns: bool = False
    """Forget the oldest turns of a conversation that is too long, instead of refusing it."""
    cut_to_context: bool = False
    """Lower `max_new_tokens` to what the prompt leaves of the context, instead of refusing it."""
    deadline_seconds: float | None = None
    """A time limit shorter than the engine's own."""


@dataclass(frozen=True)
class TokenLogprob:
    """A token as the model saw it, before temperature and penalty."""

    token_id: int
    text: str
    logprob: float
    top: tuple[TokenLogprob, ...] = ()
    """The likeliest tokens at this place, likeliest first."""


@dataclass(frozen=True)
class Piece:
    """A part of an answer: text that can be shown, and the tokens that it is made of."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = field(default=())
    """Only when the request asked for them."""


class Ticket:
    """One answer while it comes. Iterate as often as you like: each time from the beginning."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.submitted_at = time.monotonic()
        self.num_prompt_tokens = 0
        """Positions of the prompt, pictures included."""
        self.num_dropped_turns = 0
        """Old turns that did not fit and were forgotten (`drop_old_turns`)."""
        self.timed_out = False
        """Whether the time limit cut the answer; its finish reason is then "length"."""
        self.cancelled = False
        """Whether somebody gave the answer up."""
        self._pieces: list[Piece] = []
        self._reply: Reply | None = None
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._listeners: list[Callable[[], None]] = []

    # -- for the caller ---------------------------------------------------------------------------

    def __iter__(self) -> Iterator[str]:
        """Wait for the answer's text piece by piece; raises what went wrong at the end."""
        for piece in self.pieces():
            if piece.text:
                yield piece.text

    async def __aiter__(self) -> AsyncIterator[str]:
        """Do as `__iter__` without blocking the event loop."""
        async for piece in self.pieces_async():
            if piece.text:
                yield piece.text

    def pieces(self) -> Iterator[Piece]:
        """Wait for the pieces, with their log-probabilities."""
        index = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda seen=index: len(self._pieces) > seen or self.done)
                new = self._pieces[index:]
            if not new:
                break
            index += len(new)
            yield from new
        self._raise_error()

    async def pieces_async(self) -> AsyncIterator[Piece]:
        """Do as `pieces` without blocking the event loop."""
        index = 0
        async with self._listening() as changed:
            while True:
                changed.clear()
                with self._changed:
                    new, done = self._pieces[index:], self.done
                index += len(new)
                if new:
                    # A loop that lags behind gets fewer and larger pieces.
                    logprobs = tuple(each for piece in new for each in piece.logprobs)
                    yield Piece("".join(piece.text for piece in new), logprobs)
                if not new:
                    if done:
                        break
                    await changed.wait()
        self._raise_error()

    def result(self, timeout: float | None = None) -> Reply:
        """Wait for the whole answer.

        Raises:
            TimeoutError: when it has not come after `timeout` seconds; it is still being made.
            ServingError: for an answer that was cancelled or waited too long.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self.done, timeout):
                raise TimeoutError(f"no whole answer after {timeout} seconds; it still comes")
        return self._whole()

    async def result_async(self) -> Reply:
        """Do as `result` without blocking the event loop."""
        async with self._listening() as changed:
            while not self.done:
                await changed.wait()
                changed.clear()
        return self._whole()

    def cancel(self) -> None:
        """Give the answer up; what has come so far stays in `text`."""
        if not self.done:
            self.cancelled = True

    @property
    def text(self) -> str:
        """All text so far."""
        with self._changed:
            return "".join(piece.text for piece in self._pieces)

    @property
    def logprobs(self) -> tuple[TokenLogprob, ...]:
        """The log-probabilities of all tokens of the text so far, if they were asked for."""
        with self._changed:
            return tuple(each for piece in self._pieces for each in piece.logprobs)

    @property
    def done(self) -> bool:
        """Whether nothing more comes."""
        return self._reply is not None or self._error is not None

    # -- for the engine ---------------------------------------------------------------------------

    def push(self, piece: Piece) -> None:
        """Add a piece."""
        with self._changed:
            self._pieces.append(piece)
            self._notify()

    def finish(self, reply: Reply) -> None:
        """End with the whole answer."""
        with self._changed:
            self._reply = reply
            self._notify()

    def fail(self, error: BaseException) -> None:
        """End with an error."""
        with self._changed:
            self._error = error
            self._notify()

    def _notify(self) -> None:
        self._changed.notify_all()
        for wake in self._listeners:
            wake()

    def _whole(self) -> Reply:
        if self._reply is None:
            self._raise_error(even_cancelled=True)
        assert self._reply is not None, "an answer has ended with a reply or an error"
        return self._reply

    def _raise_error(self, *, even_cancelled: bool = False) -> None:
        """Raise what ended the answer. Who iterates and cancels just sees the iteration end."""
        error = self._error
        if error is not None and (even_cancelled or not isinstance(error, RequestCancelledError)):
            raise error

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[asyncio.Event]:
        """Give an event that is set whenever something has changed."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            # A loop that was closed has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(changed.set)

        with self._changed:
            self._listeners.append(wake)
        try:
            yield changed
        finally:
            with self._changed:
                self._listeners.remove(wake)
