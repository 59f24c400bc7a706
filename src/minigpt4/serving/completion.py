"""What the chat API answers: whole completions, and the chunks of a stream, in OpenAI's form."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from minigpt4.generation.reply import Reply
from minigpt4.serving.ticket import Ticket, TokenLogprob

_LOWEST_LOGPROB = -9999.0
"""Stands for minus infinity, which JSON does not have."""


class TopLogprob(BaseModel):
    token: str
    logprob: float
    bytes: list[int] | None


class Logprob(TopLogprob):
    top_logprobs: list[TopLogprob]


class Logprobs(BaseModel):
    content: list[Logprob] | None
    refusal: None = None


class AnswerMessage(BaseModel):
    role: Literal["assistant"]
    content: str
    refusal: None = None


class Choice(BaseModel):
    index: int
    message: AnswerMessage
    logprobs: Logprobs | None
    finish_reason: Literal["stop", "length"]


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(BaseModel):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Usage


class ModelCard(BaseModel):
    """A model that is served."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(BaseModel):
    """The models that are served: one."""

    object: Literal["list"]
    data: list[ModelCard]


def completion_id() -> str:
    """Return a new name for a completion."""
    return f"chatcmpl-{uuid.uuid4().hex}"


def whole(model: str, tickets: Sequence[Ticket], replies: Sequence[Reply]) -> dict[str, Any]:
    """Return the completion whose choices are these answers."""
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": reply.text, "refusal": None},
            "logprobs": _logprobs(ticket, ticket.logprobs),
            "finish_reason": reply.finish_reason,
        }
        for index, (ticket, reply) in enumerate(zip(tickets, replies, strict=True))
    ]
    return {
        "id": completion_id(),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": choices,
        "usage": usage(replies),
    }


def usage(replies: Sequence[Reply]) -> dict[str, int]:
    """Count tokens; the prompt counts once, however many answers it has."""
    prompt = replies[0].num_prompt_tokens
    answers = sum(len(reply.token_ids) for reply in replies)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answers,
        "total_tokens": prompt + answers,
    }


@dataclass(frozen=True)
class Chunks:
    """Makes the chunks of one streamed completion."""

    model: str
    include_usage: bool = False
    id: str = field(default_factory=completion_id)
    created: int = field(default_factory=lambda: int(time.time()))

    def first(self, index: int) -> dict[str, Any]:
        """Begin a choice."""
        return self._choice(index, {"role": "assistant", "content": "", "refusal": None})

    def piece(
        self, index: int, ticket: Ticket, text: str, logprobs: Sequence[TokenLogprob]
    ) -> dict[str, Any]:
        """Go on with a choice."""
        return self._choice(index, {"content": text}, logprobs=_logprobs(ticket, logprobs))

    def last(self, index: int, reply: Reply) -> dict[str, Any]:
        """End a choice."""
        return self._choice(index, {}, finish_reason=reply.finish_reason)

    def counted(self, replies: Sequence[Reply]) -> dict[str, Any]:
        """Count the tokens, at the very end."""
        return {**self._chunk([]), "usage": usage(replies)}

    def _choice(
        self,
        index: int,
        delta: dict[str, Any],
        *,
        logprobs: dict[str, Any] | None = None,
        finish_reason: str | None = None,
    ) -> dict[str, Any]:
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": finish_reason,
        }
        return self._chunk([choice])

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        chunk = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }
        return {**chunk, "usage": None} if self.include_usage else chunk


def _logprobs(ticket: Ticket, logprobs: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    if ticket.request.num_top_logprobs is None:
        return None
    content = [
        {**_token(each), "top_logprobs": [_token(other) for other in each.top]} for each in logprobs
    ]
    return {"content": content, "refusal": None}


def _token(logprob: TokenLogprob) -> dict[str, Any]:
    # A part of a character has no text of its own, so it has no bytes that one could name.
    broken = "\ufffd" in logprob.text
    return {
        "token": logprob.text,
        "logprob": max(logprob.logprob, _LOWEST_LOGPROB),
        "bytes": None if broken else list(logprob.text.encode("utf-8", errors="replace")),
    }
