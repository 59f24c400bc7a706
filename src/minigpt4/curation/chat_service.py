"""An LLM behind an OpenAI-compatible address: many requests at once, patiently, each paid once.

    service = ChatService(ChatServiceSettings(url="http://127.0.0.1:8000/v1", model="vicuna"))
    completions = service.complete([Request.of("Fix the error ...", "The the dog.")])

A request that fails for a passing reason is tried again after a growing wait, or after what the
service asks for (Retry-After), which holds all requests back. Replies are cached by content. The
service as a whole is given up when it refuses the key, knows no such model, refuses request after
request and never answered one, or when a request has used up its tries and no other one succeeded
meanwhile; what was answered before is kept.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from minigpt4.config import config
from minigpt4.curation.chat_http import Answer, Trouble, ask
from minigpt4.curation.reply_cache import ReplyCache
from minigpt4.errors import ChatServiceError, SettingsError

MANY_REFUSALS = 8
"""If so many requests are refused and none was ever answered, it is not the requests."""


@config
class ChatServiceSettings:
    """Which LLM answers, and how hard it is pressed."""

    url: str
    """Base address, as `https://api.openai.com/v1` or `http://127.0.0.1:8000/v1`."""
    model: str
    """Name of the model there."""
    max_in_flight: Annotated[int, Field(ge=1)] = 8
    """Requests at once."""
    max_requests_per_minute: Annotated[float, Field(gt=0)] | None = None
    """Requests begun in a minute; None: as many as are answered."""
    timeout_seconds: Annotated[float, Field(gt=0)] = 120.0
    """The longest wait for one answer."""
    max_tries: Annotated[int, Field(ge=1)] = 6
    """Tries of one request; the authors' script has six."""
    first_wait_seconds: Annotated[float, Field(ge=0)] = 1.0
    """Before the second try; twice as long before each further one, with chance in it."""
    max_wait_seconds: Annotated[float, Field(ge=0)] = 60.0
    """The longest wait between tries that we choose."""
    max_retry_after_seconds: Annotated[float, Field(ge=0)] = 900.0
    """The longest wait that the service may ask for; beyond it the run ends."""
    price_per_million_prompt_tokens: Annotated[float, Field(ge=0)] = 0.0
    """In the currency of your contract."""
    price_per_million_completion_tokens: Annotated[float, Field(ge=0)] = 0.0


@dataclass(frozen=True)
class Request:
    """A conversation to be continued; `options` go into the request as they are."""

    messages: tuple[dict[str, Any], ...]
    options: tuple[tuple[str, Any], ...] = (("temperature", 0.0),)
    """E.g. temperature, top_p, max_tokens, seed."""

    @classmethod
    def of(cls, system: str, user: str, **options: Any) -> Request:
        """Make a request of a system message (left out if empty) and a user's message."""
        messages = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": user})
        return cls(tuple(messages), tuple({"temperature": 0.0, **options}.items()))


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What became of a request."""

    text: str
    finish_reason: str = "stop"
    error: str = ""
    """Why there is no text: this one request was refused. Empty for almost all."""
    cached: bool = False
    num_prompt_tokens: int | None = None
    num_completion_tokens: int | None = None


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a model has cost; over all runs that share a cache."""

    num_replies: int
    num_prompt_tokens: int
    num_completion_tokens: int
    money: float


class ChatService:
    """Sends requests to one model. Close it, or use it in `with`."""

    def __init__(
        self,
        settings: ChatServiceSettings,
        *,
        api_key: str | None = None,
        cache_path: str | Path | None = None,
    ) -> None:
        """Prepare; nothing is sent yet. `cache_path=None` remembers replies in memory only."""
        if not settings.url.startswith(("http://", "https://")):
            raise SettingsError(
                f"the address is {settings.url!r}; wanted http://... or https://..., e.g. "
                "http://127.0.0.1:8000/v1"
            )
        self.settings = settings
        self.num_asked = self.num_cached = self.num_retries = 0
        self._api_key = api_key
        self._cache = ReplyCache(cache_path)
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._next_start = 0.0
        self._answered_at = float("-inf")
        self._num_refused = 0
        self._stop = threading.Event()
        self._fault: ChatServiceError | None = None
        """Why the service was given up."""
        self._chance = random.Random()

    def __enter__(self) -> ChatService:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the cache."""
        self._cache.close()

    @property
    def spent(self) -> Spent:
        """Replies, tokens and money of this model, over all runs that share the cache."""
        num, prompt, completion = self._cache.totals(self.settings.model)
        money = prompt * self.settings.price_per_million_prompt_tokens
        money += completion * self.settings.price_per_million_completion_tokens
        return Spent(
            num_replies=num,
            num_prompt_tokens=prompt,
            num_completion_tokens=completion,
            money=money / 1e6,
        )

    def complete(
        self,
        requests: Sequence[Request],
        *,
        note: Callable[[int, Completion], object] | None = None,
    ) -> list[Completion]:
        """Answer all requests; `note` gets each index and answer as soon as it has come.

        Raises:
            ChatServiceError: when the service as a whole can't be used. What was answered until
                then has been noted and is in the cache.
        """
        self._stop.clear()
        self._fault = None
        results: dict[int, Completion] = {}
        # Requests with the same content are sent once, even in the same call.
        waiting: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            waiting.setdefault(self._key(request), []).append(index)

        def take(indices: list[int], completion: Completion) -> None:
            for index in indices:
                results[index] = completion
                if note is not None:
                    note(index, completion)

        missing: dict[str, list[int]] = {}
        for key, indices in waiting.items():
            if (answer := self._cache.find(key)) is None:
                missing[key] = indices
                continue
            self.num_cached += len(indices)
            take(indices, _completion(answer, cached=True))
        pool = ThreadPoolExecutor(self.settings.max_in_flight, "minigpt4-chat")
        try:
            futures: dict[Future[Completion | None], str] = {
                pool.submit(self._answer, key, requests[indices[0]]): key
                for key, indices in missing.items()
            }
            for future in as_completed(futures):
                # After a fault the answers on their way are still taken.
                if (completion := future.result()) is not None:
                    take(missing[futures[future]], completion)
        finally:
            self._stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
        if self._fault is not None:
            raise self._fault
        return [results[index] for index in range(len(requests))]

    def _key(self, request: Request) -> str:
        told = (self.settings.url.rstrip("/"), self._body(request))
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def _body(self, request: Request) -> dict[str, Any]:
        options = {name: value for name, value in request.options if value is not None}
        return {"model": self.settings.model, "messages": list(request.messages), **options}

    def _answer(self, key: str, request: Request) -> Completion | None:
        """Try until there is an answer; None once the service is given up. In a worker thread."""
        try:
            return self._try(key, request)
        except ChatServiceError as error:
            with self._lock:
                self._fault = self._fault or error
            self._stop.set()
            return None

    def _try(self, key: str, request: Request) -> Completion | None:
        began_at = time.monotonic()
        trouble = Trouble("never tried", kind="wait")
        for number in range(self.settings.max_tries):
            if not self._wait_for_turn(number, trouble):
                return None
            try:
                with self._lock:
                    self.num_asked += 1
                answer = ask(
                    self.settings.url,
                    self._body(request),
                    api_key=self._api_key,
                    timeout_seconds=self.settings.timeout_seconds,
                )
            except Trouble as error:
                trouble = error
                if trouble.kind == "request":
                    return self._refused(trouble)
                if trouble.kind == "fatal":
                    raise ChatServiceError(str(trouble)) from error
                continue
            self._cache.keep(key, self.settings.model, answer)
            with self._lock:
                self._answered_at = time.monotonic()
            return _completion(answer, cached=False)
        if self._answered_at > began_at:  # the service lives; it is this request it can't do
            return Completion(text="", finish_reason="error", error=str(trouble))
        raise ChatServiceError(
            f"{self.settings.url} did not answer in {self.settings.max_tries} tries, last: "
            f"{trouble}; is the service running? What was answered is kept: run the same command "
            "again"
        ) from trouble

    def _refused(self, trouble: Trouble) -> Completion:
        """Give one request up; raise if this service has only ever refused."""
        with self._lock:
            self._num_refused += 1
        # Replies of earlier runs count: perhaps only what it refuses is left to be asked.
        if self._num_refused >= MANY_REFUSALS and not self.spent.num_replies:
            raise ChatServiceError(
                f"{self.settings.url} refuses all requests, {self._num_refused} so far and none "
                f"was answered, last: {trouble}; change what is sent, or ask another model, and "
                "run the same command again"
            ) from trouble
        return Completion(text="", finish_reason="error", error=str(trouble))

    def _wait_for_turn(self, number: int, trouble: Trouble) -> bool:
        """Wait as back-off, Retry-After and the rate want; all workers share the latter two.

        Returns whether there is still something to wait for.
        """
        seconds = 0.0
        if number > 0:
            with self._lock:
                self.num_retries += 1
            seconds = min(
                self.settings.first_wait_seconds * 2 ** (number - 1), self.settings.max_wait_seconds
            ) * self._chance.uniform(0.5, 1.0)
            asked = trouble.retry_after_seconds
            if asked is not None and asked > self.settings.max_retry_after_seconds:
                raise ChatServiceError(
                    f"{self.settings.url} asks to wait {asked:.0f} s ({trouble}); run the same "
                    "command again then"
                )
            if asked is not None:
                with self._lock:
                    self._not_before = max(self._not_before, time.monotonic() + asked)
        ready_at = time.monotonic() + seconds
        while not self._stop.is_set():
            with self._lock:
                now = time.monotonic()
                start = max(ready_at, self._not_before, self._next_start)
                if start <= now:
                    if self.settings.max_requests_per_minute:
                        self._next_start = now + 60 / self.settings.max_requests_per_minute
                    return True
            self._stop.wait(min(start - now, 1.0))
        return False


def _completion(answer: Answer, *, cached: bool) -> Completion:
    return Completion(
        text=answer.text,
        finish_reason=answer.finish_reason,
        cached=cached,
        num_prompt_tokens=answer.num_prompt_tokens,
        num_completion_tokens=answer.num_completion_tokens,
    )
