"""One HTTP exchange with an OpenAI-compatible address, and what its outcome means.

A `Trouble` says what to do next: try the same again later ("wait"), give this one request up
("request"), or give up altogether ("fatal") because no other request would fare better.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_REPLY_BYTES = 32 * 2**20
_MAX_SAID_CHARS = 300
_OUT_OF_CREDIT = ("insufficient_quota", "billing_hard_limit_reached")


class Trouble(Exception):
    """Why an exchange gave no answer."""

    def __init__(
        self,
        message: str,
        *,
        kind: Literal["wait", "request", "fatal"],
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a chat API answered."""

    text: str
    finish_reason: str
    """"stop", "length", or what the service says."""
    num_prompt_tokens: int | None
    """As the service counts; None if it doesn't say."""
    num_completion_tokens: int | None


def ask(
    base_url: str, body: Mapping[str, Any], *, api_key: str | None, timeout_seconds: float
) -> Answer:
    """Post one chat completion and return the answer.

    Raises:
        Trouble: for anything else than an answer.
    """
    url = f"{base_url.rstrip('/')}/chat/completions"
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    deadline = time.monotonic() + timeout_seconds
    try:
        with _opener(url).open(request, timeout=timeout_seconds) as response:
            content = _read(response, deadline)
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error, base_url, str(body.get("model"))) from error
    except TimeoutError as error:
        raise Trouble(f"no answer within {timeout_seconds:g} s", kind="wait") from error
    except (http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise Trouble(f"no answer within {timeout_seconds:g} s", kind="wait") from error
        said = str(reason) or type(reason).__name__
        raise Trouble(f"the connection failed: {said}", kind="wait") from error
    return _parse(content)


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Return what opens an address; a proxy is of no use on the way to this machine."""
    if urlsplit(url).hostname in _LOOPBACK:
        return urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener()


def _read(response: http.client.HTTPResponse, deadline: float) -> bytes:
    """Read all of a reply; a server that only drips doesn't hold us for longer than agreed."""
    content = b""
    while chunk := response.read1(65_536):
        content += chunk
        if time.monotonic() > deadline:
            raise TimeoutError
        if len(content) > _MAX_REPLY_BYTES:
            raise Trouble("the reply is larger than 32 MB", kind="request")
    if response.length:  # bytes that were announced and never came
        raise http.client.IncompleteRead(content, response.length)
    return content


def _refusal(error: urllib.error.HTTPError, base_url: str, model: str) -> Trouble:
    status = error.code
    try:
        said, code = _error_message(error.read(65_536))
    except (http.client.HTTPException, OSError):
        said, code = "", ""
    told = f"{status} {said}".strip()
    if status in (401, 403):
        return Trouble(f"{base_url} refuses the key ({told}); give another one", kind="fatal")
    if status == 402 or code in _OUT_OF_CREDIT:
        return Trouble(f"{base_url} has no credit left for this key ({told})", kind="fatal")
    if status == 404:
        return Trouble(
            f"{base_url} knows no model {model!r}, or nothing is there ({told}); such an address "
            "usually ends in /v1",
            kind="fatal",
        )
    if status in (408, 409, 425, 429) or status >= 500:
        seconds = _retry_after(error.headers.get("Retry-After"))
        return Trouble(told, kind="wait", retry_after_seconds=seconds)
    if status < 400:
        where = error.headers.get("Location", "elsewhere")
        return Trouble(f"{base_url} has moved to {where} ({status})", kind="fatal")
    return Trouble(f"refused: {told}", kind="request")


def _error_message(content: bytes) -> tuple[str, str]:
    """Return what a service says about an error, and its code, in the forms that are around."""
    text = content.decode("utf-8", errors="replace")
    code = ""
    try:
        told: Any = json.loads(text)
    except ValueError:
        told = text
    if isinstance(told, dict):
        told = told.get("error", told.get("detail", told.get("message", told)))
    if isinstance(told, dict):
        code = str(told.get("code") or told.get("type") or "")
        told = told.get("message", told)
    return " ".join(str(told).split())[:_MAX_SAID_CHARS], code


def _retry_after(value: str | None) -> float | None:
    """Read the header's seconds or date."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _parse(content: bytes) -> Answer:
    """Read a chat completion; anything else may be a proxy's page, so it is tried again."""
    try:
        reply = json.loads(content)
        choice = reply["choices"][0]
        text = choice["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        begin = content[:80].decode("utf-8", errors="replace")
        raise Trouble(f"the reply is no chat completion: {begin!r}", kind="wait") from error
    if isinstance(text, list):
        text = "".join(part.get("text", "") for part in text if isinstance(part, dict))
    if not isinstance(text, str):
        said = choice["message"].get("refusal") or choice.get("finish_reason")
        raise Trouble(f"the model gave no text ({said})", kind="request")
    usage = reply.get("usage") if isinstance(reply.get("usage"), dict) else {}
    return Answer(
        text=text.strip(),
        finish_reason=str(choice.get("finish_reason") or "stop"),
        num_prompt_tokens=_count(usage.get("prompt_tokens")),
        num_completion_tokens=_count(usage.get("completion_tokens")),
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
