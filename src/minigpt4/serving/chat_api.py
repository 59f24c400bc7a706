"""From a request of the chat API to the engine, and back.

Reading pictures blocks, so it happens in worker threads: few for decoding, which takes memory, and
others for fetching, which takes patience.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeGuard

from fastapi import Request as HTTPRequest
from fastapi import Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from minigpt4.generation.reply import Reply
from minigpt4.generation.settings import GenerationSettings
from minigpt4.processing.conversation import Message
from minigpt4.processing.images import squash
from minigpt4.serving.completion import Chunks, whole
from minigpt4.serving.engine import Engine, Places
from minigpt4.serving.failures import Refusal, describe_error, json_response, no_such_model
from minigpt4.serving.pictures import PicturePolicy, decode_picture, read_bytes
from minigpt4.serving.protocol import ChatMessage, ChatRequest, ImagePart, TextPart
from minigpt4.serving.ticket import Piece, Request, Ticket

DEFAULT_MAX_TOKENS = 300
"""The longest answer when a request does not say; the official demo's default."""

SMALLEST_TEMPERATURE = 0.01
"""Below it a draw is as good as always the likeliest token, and divisions overflow."""

HEARTBEAT_SECONDS = 15.0
"""A stream says at least so often that it is alive, while its request waits."""

_DECODING_THREADS = 4
_FETCHING_THREADS = 16


class ChatAPI:
    """Answers chat completions with an engine."""

    def __init__(self, engine: Engine, *, model_name: str, pictures: PicturePolicy) -> None:
        self.engine, self.model_name, self.pictures = engine, model_name, pictures
        self._size_px = engine.model.processor.image_processor.size_px
        self._decoding = ThreadPoolExecutor(_DECODING_THREADS, "minigpt4-decode")
        self._fetching = ThreadPoolExecutor(_FETCHING_THREADS, "minigpt4-fetch")

    def close(self) -> None:
        """Let go of the worker threads."""
        self._decoding.shutdown(wait=False, cancel_futures=True)
        self._fetching.shutdown(wait=False, cancel_futures=True)

    async def answer(self, http: HTTPRequest, asked: ChatRequest) -> Response:
        """Answer one request, whole or as a stream."""
        self._check(asked)
        loop = asyncio.get_running_loop()
        # What waits for its pictures counts for the queue: they take memory, fetching takes time.
        with self.engine.reserve(asked.n or 1) as places:
            data = await self._picture_bytes(asked)
            tickets = await loop.run_in_executor(self._decoding, self._submit, asked, data, places)
        if asked.stream:
            options = asked.stream_options
            chunks = Chunks(self.model_name, bool(options and options.include_usage))
            return EventStream(tickets, chunks)
        replies = await _replies_unless_gone(http, tickets)
        if replies is None:
            return Response(status_code=499)
        return json_response(200, whole(self.model_name, tickets, replies))

    def _check(self, asked: ChatRequest) -> None:
        """Refuse what no schema can say."""
        if asked.model != self.model_name:
            raise no_such_model(asked.model, served=self.model_name)
        limits = (asked.max_tokens, asked.max_completion_tokens)
        if None not in limits and limits[0] != limits[1]:
            raise Refusal(
                400, "max_tokens and max_completion_tokens differ; give one", param="max_tokens"
            )
        if asked.top_logprobs is not None and not asked.logprobs:
            raise Refusal(400, "top_logprobs needs logprobs: true", param="top_logprobs")
        if asked.stream_options is not None and not asked.stream:
            raise Refusal(400, "stream_options needs stream: true", param="stream_options")
        if (asked.num_beams or 1) > 1 and asked.logprobs:
            raise Refusal(400, "logprobs are not supported with num_beams", param="logprobs")
        num = len(_addresses(asked.messages))
        if num > self.pictures.max_pictures:
            raise Refusal(
                400, f"{num} pictures, limit {self.pictures.max_pictures}; send fewer",
                param="messages", code="too_many_images",
            )  # fmt: skip

    async def _picture_bytes(self, asked: ChatRequest) -> list[bytes]:
        loop = asyncio.get_running_loop()
        reading = [
            loop.run_in_executor(self._fetching, read_bytes, url, self.pictures)
            for url in _addresses(asked.messages)
        ]
        return list(await asyncio.gather(*reading))

    def _submit(self, asked: ChatRequest, data: Sequence[bytes], places: Places) -> list[Ticket]:
        """Decode the pictures and put the request into the queue, once for each choice."""
        # Squashed at once, as the model will see it: then one picture at a time is held whole.
        pictures = (
            squash(decode_picture(each, self.pictures), size_px=self._size_px) for each in data
        )
        messages = [_as_message(message, pictures) for message in asked.messages]
        settings = generation_settings(asked)
        says_length = (asked.max_tokens or asked.max_completion_tokens) is not None
        num_top = (asked.top_logprobs or 0) if asked.logprobs else None
        seeds = [
            None if asked.seed is None else asked.seed + index for index in range(asked.n or 1)
        ]
        return self.engine.submit_all(
            [
                Request(
                    messages=messages,
                    settings=replace(settings, seed=seed),
                    num_top_logprobs=num_top,
                    cut_to_context=not says_length,
                )
                for seed in seeds
            ],
            places,
        )


def generation_settings(asked: ChatRequest) -> GenerationSettings:
    """Return the settings that a request asks for."""
    temperature = 1.0 if asked.temperature is None else asked.temperature
    stop = (asked.stop,) if isinstance(asked.stop, str) else tuple(asked.stop or ())
    return GenerationSettings(
        max_new_tokens=asked.max_completion_tokens or asked.max_tokens or DEFAULT_MAX_TOKENS,
        num_beams=asked.num_beams or 1,
        do_sample=temperature >= SMALLEST_TEMPERATURE,
        temperature=max(temperature, SMALLEST_TEMPERATURE),
        # Zero is allowed there and means the likeliest token alone.
        top_p=max(1e-6, 1.0 if asked.top_p is None else asked.top_p),
        repetition_penalty=asked.repetition_penalty or 1.0,
        stop_strings=stop,
        max_context_tokens=None,
    )


class EventStream(StreamingResponse):
    """A completion as server-sent events; a client that goes away gives its answers up."""

    def __init__(self, tickets: Sequence[Ticket], chunks: Chunks) -> None:
        super().__init__(
            stream_events(tickets, chunks),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )
        self._tickets = tickets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            for ticket in self._tickets:
                ticket.cancel()


async def stream_events(tickets: Sequence[Ticket], chunks: Chunks) -> AsyncIterator[bytes]:
    """Yield the server-sent events of a completion."""
    try:
        for index in range(len(tickets)):
            yield _event(chunks.first(index))
        async for item in _merged(tickets):
            if item is None:
                yield b": the answer is on its way\n\n"
                continue
            index, part = item
            if isinstance(part, Reply):
                yield _event(chunks.last(index, part))
            else:
                yield _event(chunks.piece(index, tickets[index], part.text, part.logprobs))
        if chunks.include_usage:
            yield _event(chunks.counted([ticket.result() for ticket in tickets]))
        yield b"data: [DONE]\n\n"
    except Exception as error:
        # The status line is long gone; clients look for `error` in the events.
        yield _event(describe_error(error)[1])


async def _merged(tickets: Sequence[Ticket]) -> AsyncIterator[tuple[int, Piece | Reply] | None]:
    """Yield pieces and replies of all tickets as they come; None when nothing comes for long."""
    arrived: asyncio.Queue[tuple[int, Piece | Reply | Exception]] = asyncio.Queue()

    async def pump(index: int, ticket: Ticket) -> None:
        try:
            async for piece in ticket.pieces_async():
                arrived.put_nowait((index, piece))
            arrived.put_nowait((index, await ticket.result_async()))
        except Exception as error:
            arrived.put_nowait((index, error))

    pumps = [asyncio.ensure_future(pump(*each)) for each in enumerate(tickets)]
    try:
        num_coming = len(tickets)
        while num_coming:
            try:
                index, item = await asyncio.wait_for(arrived.get(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield None
                continue
            if isinstance(item, Exception):
                raise item
            num_coming -= isinstance(item, Reply)
            yield index, item
    finally:
        for each in pumps:
            each.cancel()


async def _replies_unless_gone(http: HTTPRequest, tickets: Sequence[Ticket]) -> list[Reply] | None:
    """Wait for all answers; None, and no more work, when the client goes away before."""

    async def gone() -> None:
        while (await http.receive())["type"] != "http.disconnect":
            pass

    answers = asyncio.ensure_future(asyncio.gather(*(ticket.result_async() for ticket in tickets)))
    leaving = asyncio.ensure_future(gone())
    try:
        await asyncio.wait({answers, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return list(answers.result()) if answers.done() else None
    finally:
        leaving.cancel()
        answers.cancel()
        for ticket in tickets:
            ticket.cancel()


def _addresses(messages: Sequence[ChatMessage]) -> list[str]:
    return [
        part.image_url.url
        for message in messages
        for part in (message.content if isinstance(message.content, list) else ())
        if isinstance(part, ImagePart)
    ]


def _as_message(message: ChatMessage, pictures: Iterator[Any]) -> Message:
    """Return a message with its pictures, which are the next of all."""
    parts = [message.content] if isinstance(message.content, str) else message.content
    texts = [part if isinstance(part, str) else part.text for part in parts if _is_text(part)]
    images = tuple(next(pictures) for part in parts if isinstance(part, ImagePart))
    role = "system" if message.role == "developer" else message.role
    return Message(role=role, text=" ".join(texts), images=images)


def _is_text(part: object) -> TypeGuard[str | TextPart]:
    return isinstance(part, str | TextPart)


def _event(data: object) -> bytes:
    return b"data: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"
