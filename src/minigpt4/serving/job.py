"""A request on its way: prepared by the caller's thread, answered by the engine's.

Preparing is what needs no model: reading the conversation, tokenising, turning pictures into
pixels. So a large picture of one caller never holds up the answers of the others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from minigpt4.errors import PromptError, SettingsError
from minigpt4.generation.answers import Answer, Ending
from minigpt4.generation.prompt import (
    as_prompt,
    context_limit,
    fit_characters,
    fit_row,
    longest_token_chars,
    model_template,
    pixel_key,
)
from minigpt4.generation.settings import GenerationSettings
from minigpt4.generation.text import TokenText
from minigpt4.processing.batch import EncodedPrompt
from minigpt4.processing.conversation import Conversation
from minigpt4.serving.ticket import Piece, Request, Ticket, TokenLogprob

MAX_TOP_LOGPROBS = 20
"""The most alternatives that are listed for a token, as in OpenAI's API."""


class Job:
    """A request with all the engine needs for it, and its answer while it grows."""

    def __init__(
        self,
        ticket: Ticket,
        *,
        row: EncodedPrompt,
        pictures: Sequence[tuple[str, Tensor]],
        answer: Answer,
        deadline: float,
    ) -> None:
        self.ticket = ticket
        self.row = row
        self.pictures = pictures
        """The prompt's pictures in order: a key and the pixels of each."""
        self.answer = answer
        self.deadline = deadline
        """When the time limit ends, on the monotonic clock."""
        self.error: Exception | None = None
        """What makes it impossible to go on with this answer."""
        self._waiting: list[tuple[int, TokenLogprob]] = []

    @property
    def num_beams(self) -> int:
        return self.answer.settings.num_beams

    @property
    def num_top_logprobs(self) -> int | None:
        return self.ticket.request.num_top_logprobs

    @property
    def late(self) -> bool:
        return time.monotonic() > self.deadline

    @property
    def ended(self) -> bool:
        """Whether no more tokens are wanted."""
        return self.answer.finish_reason is not None or self.error is not None

    def accept(self, token_id: int, logprob: TokenLogprob | None = None) -> None:
        """Take the next token and hand on what can be shown of it."""
        if logprob is not None:
            self._waiting.append((self.answer.text.num_chars, logprob))
        self.answer.accept(token_id)
        self.publish()

    def publish(self) -> None:
        """Hand on the text that can be shown and was not yet."""
        text = self.answer.text.take_new()
        shown = self.answer.text.num_shown_chars
        # A token goes out with the first of its characters; those of a stop string never do.
        ready = tuple(logprob for start, logprob in self._waiting if start < shown)
        if text or ready:
            self._waiting = [each for each in self._waiting if each[0] >= shown]
            self.ticket.push(Piece(text, ready))

    def cut(self) -> None:
        """End the answer here, before its natural end."""
        if self.answer.finish_reason is None:
            self.answer.finish_reason = "length"
            self.answer.text.finish()
            self.publish()

    def finish(self) -> None:
        """Hand over the whole answer."""
        self.ticket.finish(self.answer.reply(num_prompt_tokens=len(self.row)))


@dataclass(frozen=True)
class _Question:
    """What requests have in common that differ in their seeds alone."""

    row: EncodedPrompt
    pictures: Sequence[tuple[str, Tensor]]
    settings: GenerationSettings
    """With the length that the context leaves."""
    num_dropped_turns: int


class Preparer:
    """Turns requests into jobs; any thread may use it."""

    def __init__(self, model: Any, *, max_beams: int, request_seconds: float) -> None:
        self._model = model
        self._template = model_template(model)
        self._token_text = TokenText(model.processor.tokenizer)
        self._token_chars = longest_token_chars(model.processor.tokenizer)
        self._max_beams = max_beams
        self._request_seconds = request_seconds
        # Fast tokenizers must not be used by two threads at once ("already borrowed").
        self._tokenizing = threading.Lock()

    def prepare(self, request: Request) -> Job:
        """Check and encode a request; raises what `Engine.submit` raises for a bad one."""
        return self.prepare_all([request])[0]

    def prepare_all(self, requests: Sequence[Request]) -> list[Job]:
        """Do as `prepare` for several; a question that is asked again is encoded once."""
        jobs: list[Job] = []
        question = None
        for index, request in enumerate(requests):
            # Pictures and text are read once for all choices of an answer.
            if question is None or not _same_but_seed(request, requests[index - 1]):
                question = self._read(request)
            jobs.append(self._job(request, question))
        return jobs

    def _read(self, request: Request) -> _Question:
        """Check a request and encode what it asks."""
        settings = request.settings
        if settings.num_beams > self._max_beams:
            raise SettingsError(
                f"num_beams is {settings.num_beams}, limit {self._max_beams}; ask for fewer"
            )
        self._check_logprobs(request)
        _check_texts(request)
        given = kept = Conversation(tuple(request.messages))
        limit = context_limit(self._model, settings)
        if limit is not None:
            # Before the lock: nobody waits for a text that is far too long.
            kept = fit_characters(
                given, template=self._template, limit_chars=limit * self._token_chars,
                drop_old_turns=request.drop_old_turns,
            )  # fmt: skip
        least = replace(settings, max_new_tokens=1)
        with self._tokenizing:
            row, kept = fit_row(
                self._model, kept, template=self._template,
                settings=least if request.cut_to_context else settings,
                drop_old_turns=request.drop_old_turns,
            )  # fmt: skip
        if request.cut_to_context and limit is not None:
            room = min(settings.max_new_tokens, limit - len(row))
            settings = replace(settings, max_new_tokens=room)
        assert isinstance(kept, Conversation), "a conversation stays one"
        pixels = self._model.processor.pixel_values(as_prompt(kept, self._template).images)
        return _Question(
            row=row,
            pictures=[(pixel_key(each), each) for each in pixels] if pixels is not None else [],
            settings=settings,
            num_dropped_turns=_num_turns(given) - _num_turns(kept),
        )

    def _job(self, request: Request, question: _Question) -> Job:
        settings = replace(question.settings, seed=request.settings.seed)
        seconds = min(self._request_seconds, request.deadline_seconds or self._request_seconds)
        ticket = Ticket(replace(request, messages=()))
        ticket.num_prompt_tokens = len(question.row)
        ticket.num_dropped_turns = question.num_dropped_turns
        return Job(
            ticket,
            row=question.row,
            pictures=question.pictures,
            answer=Answer(
                settings, Ending(self._model, self._template, settings), self._token_text
            ),
            deadline=ticket.submitted_at + seconds,
        )

    def logprob(self, scores: Tensor, token_id: int, *, num_top: int) -> TokenLogprob:
        """Return the log-probabilities of a token and the likeliest ones in its place."""
        logprobs = scores.log_softmax(dim=-1)  # (V,)
        best, token_ids = torch.topk(logprobs, min(num_top, logprobs.shape[-1]))
        top = tuple(
            self._named(each, value)
            for each, value in zip(token_ids.tolist(), best.tolist(), strict=True)
        )
        return replace(self._named(token_id, float(logprobs[token_id])), top=top)

    def _named(self, token_id: int, logprob: float) -> TokenLogprob:
        return TokenLogprob(token_id, self._token_text.decode([token_id]), logprob)

    def _check_logprobs(self, request: Request) -> None:
        num = request.num_top_logprobs
        if num is None:
            return
        if not 0 <= num <= MAX_TOP_LOGPROBS:
            raise SettingsError(f"num_top_logprobs is {num}; wanted 0 to {MAX_TOP_LOGPROBS}")
        if request.settings.num_beams > 1:
            raise SettingsError("log-probabilities with beams are not supported; use num_beams=1")


def _same_but_seed(request: Request, other: Request) -> bool:
    """Say whether two requests ask the very same; conversations are not compared by content."""
    if request.messages is not other.messages:
        return False
    one, two = (
        replace(each, messages=(), settings=replace(each.settings, seed=None))
        for each in (request, other)
    )
    return one == two


def _num_turns(conversation: Conversation) -> int:
    return sum(message.role == "user" for message in conversation.messages)


def _check_texts(request: Request) -> None:
    """Refuse texts with half a character in them, which JSON can carry and tokenizers cannot."""
    for message in request.messages:
        try:
            message.text.encode()
        except UnicodeEncodeError as error:
            raise PromptError(
                f"a text is not valid Unicode: a lone surrogate at character {error.start}"
            ) from error
