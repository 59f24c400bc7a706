"""What stands before the application: names, keys, size and time of a body, and the log.

It sees raw ASGI messages, so that nothing is read of a request that has no valid key, and a body
that is too large is never held whole. A line of the log has method, path, status and time; never a
header, a query or a body.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from minigpt4.config import config
from minigpt4.errors import SettingsError
from minigpt4.serving.failures import RETRY_AFTER_SECONDS, error_body, json_response
from minigpt4.serving.hosts import HostNames
from minigpt4.serving.prometheus import ResponseCounter

logger = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/health", "/openapi.json"})
"""What may be seen without a key."""

_UNKNOWN_STATUS = 499
"""Counted when a client goes away before there is a response."""


class Keys:
    """The keys that open the API. None at all: everybody may come in."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        # Digests have one length, so a comparison tells nothing of a key's length either.
        self._digests = [hashlib.sha256(key.encode()).digest() for key in keys]

    @classmethod
    def from_file(cls, path: Path) -> Keys:
        """Read one key a line; empty lines and those that begin with # don't count."""
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        keys = [line for line in lines if line and not line.startswith("#")]
        if not keys:
            raise SettingsError(f"{path} has no keys; write one a line")
        return cls(keys)

    @property
    def wanted(self) -> bool:
        return bool(self._digests)

    def fit(self, authorization: str) -> bool:
        """Say whether an Authorization header holds one of the keys, in constant time."""
        scheme, _, given = authorization.partition(" ")
        digest = hashlib.sha256(given.strip().encode("utf-8", errors="replace")).digest()
        # All are compared, whether or not one has fitted.
        fits = [hmac.compare_digest(digest, each) for each in self._digests]
        return scheme.lower() == "bearer" and any(fits)


@config
class BodyLimits:
    """How much may be sent."""

    max_bytes: int = 64 * 2**20
    """The largest body of a request."""
    max_total_bytes: int = 2**30
    """The bodies of all requests that are being answered."""
    max_seconds: float = 60.0
    """How long a body may take to come."""


class _Body:
    """What has come of one request's body."""

    num_bytes = 0


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: Keys,
        responses: ResponseCounter,
        limits: BodyLimits,
        hosts: HostNames,
    ) -> None:
        self._app, self._hosts = app, hosts
        self._keys, self._responses, self._limits = keys, responses, limits
        self._num_held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at, status = time.monotonic(), _UNKNOWN_STATUS
        body = _Body()
        request_id = uuid.uuid4().hex[:16]

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", []), (b"x-request-id", request_id.encode())
                ]  # fmt: skip
            await send(message)

        try:
            headers = Headers(scope=scope)
            refusal = self._refusal(scope["path"], headers)
            if refusal is not None:
                await refusal(scope, receive, noting_send)
            else:
                await self._app(scope, self._limited(receive, body), noting_send)
        finally:
            self._num_held_bytes -= body.num_bytes
            self._responses.add(status)
            # The raw path is percent-encoded: nothing in it can break or forge a line.
            path = scope.get("raw_path", b"").partition(b"?")[0][:200].decode("ascii", "replace")
            logger.info(
                "%s %s %s %d %.0f ms", request_id, scope["method"][:20], path, status,
                1000 * (time.monotonic() - started_at),
            )  # fmt: skip

    def _refusal(self, path: str, headers: Headers) -> ASGIApp | None:
        fault = self._hosts.fault(headers.get("host", ""))
        if fault is not None:
            return json_response(403, error_body(403, fault, code="unknown_host"))
        if self._keys.wanted and path not in OPEN_PATHS:
            given = headers.getlist("authorization")
            if len(given) != 1 or not self._keys.fit(given[0]):
                body = error_body(401, "the API key is missing or wrong", code="invalid_api_key")
                return json_response(401, body, {"WWW-Authenticate": "Bearer"})
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self._limits.max_bytes:
            body = error_body(413, self._too_large, code="body_too_large")
            return json_response(413, body, {"Connection": "close"})
        return None

    def _limited(self, receive: Receive, body: _Body) -> Receive:
        """Count the body's bytes and seconds while it comes."""
        whole = False
        deadline = time.monotonic() + self._limits.max_seconds

        async def limited() -> Message:
            nonlocal whole
            if whole:  # What comes now is the client's going away, whenever that is.
                return await receive()
            try:
                left = max(0.001, deadline - time.monotonic())
                message = await asyncio.wait_for(receive(), left)
            except TimeoutError:
                raise HTTPException(408, "the body did not come in time") from None
            whole = not message.get("more_body", False)
            num_bytes = len(message.get("body", b""))
            body.num_bytes += num_bytes
            self._num_held_bytes += num_bytes
            if body.num_bytes > self._limits.max_bytes:
                raise HTTPException(413, self._too_large)
            if self._num_held_bytes > self._limits.max_total_bytes:
                headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
                raise HTTPException(429, "too many large requests at once", headers)
            return message

        return limited

    @property
    def _too_large(self) -> str:
        return f"the body is larger than {self._limits.max_bytes} bytes; send smaller pictures"
