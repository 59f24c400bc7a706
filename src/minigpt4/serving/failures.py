"""Errors as OpenAI's API writes them, whatever went wrong.

{"error": {"message": ..., "type": ..., "param": ..., "code": ...}}
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from minigpt4.errors import (
    ContextLengthError,
    EngineClosedError,
    GenerationError,
    ImageError,
    MiniGPT4Error,
    QueueFullError,
    RequestTimeoutError,
)

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5
"""When to come back after an error that says nothing of its own."""

_STATUS: tuple[tuple[type[Exception], int, str | None], ...] = (
    (QueueFullError, 429, "queue_full"),
    (RequestTimeoutError, 429, "queue_timeout"),
    (EngineClosedError, 503, "shutting_down"),
    (ContextLengthError, 400, "context_length_exceeded"),
    (ImageError, 400, "invalid_image"),
    (GenerationError, 500, None),
    (MiniGPT4Error, 400, None),
)
_TYPES = {401: "authentication_error", 429: "rate_limit_error"}


class Refusal(Exception):
    """A request that is refused with a status and a code of its own."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code


def no_such_model(asked: str, *, served: str) -> Refusal:
    """Return the refusal of a model that is not here."""
    return Refusal(
        404, f"there is no model {asked[:80]!r} here; ask for {served!r}",
        param="model", code="model_not_found",
    )  # fmt: skip


def error_body(
    status: int, message: str, *, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """Return an error in OpenAI's form."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def json_response(
    status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """Return JSON in plain ASCII, so that even broken characters can be sent."""
    text = json.dumps(body, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Response(text, status, headers=dict(headers or {}), media_type="application/json")


def describe_error(error: BaseException) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return status, body and headers for an error; unknown ones say nothing of their inside."""
    if isinstance(error, Refusal):
        body = error_body(error.status, str(error), param=error.param, code=error.code)
        return error.status, body, {}
    for kind, status, code in _STATUS:
        if isinstance(error, kind):
            wait = getattr(error, "retry_after_seconds", RETRY_AFTER_SECONDS)
            headers = {"Retry-After": str(wait)} if status in (429, 503) else {}
            message = str(error) if status != 500 else "the model failed on this request"
            param = "messages" if isinstance(error, ContextLengthError | ImageError) else None
            return status, error_body(status, message, param=param, code=code), headers
    return 500, error_body(500, "the server failed on this request"), {}


def add_error_handlers(app: FastAPI) -> None:
    """Let the application answer every error in OpenAI's form."""

    async def validation(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        message, param = _explain(error.errors())
        return json_response(400, error_body(400, message, param=param))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        message = str(error.detail)
        if error.status_code in (404, 405):
            phrase = HTTPStatus(error.status_code).phrase.lower()
            message = f"{phrase}: {request.method[:20]} {request.url.path[:200]}"
        return json_response(
            error.status_code, error_body(error.status_code, message), error.headers
        )

    async def ours(_: Request, error: Exception) -> Response:
        status, body, headers = describe_error(error)
        return json_response(status, body, headers)

    async def unknown(_: Request, error: Exception) -> Response:
        return json_response(*describe_error(error)[:2])

    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(MiniGPT4Error, ours)
    app.add_exception_handler(Refusal, ours)
    app.add_exception_handler(Exception, unknown)


def _explain(errors: Sequence[Any]) -> tuple[str, str | None]:
    """Return message and place of the error that lies deepest; never what was sent."""
    # A list that is too long is no string either, which nobody needs to hear.
    error = max(errors, key=lambda each: (len(each["loc"]), each["type"] == "too_long"))
    param = _place(error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"{param} is not supported", param
    if kind == "json_invalid":
        return "the body is not valid JSON", None
    if param is None and kind.startswith("model_"):
        return "the body must be a JSON object, sent with Content-Type: application/json", None
    if kind == "missing":
        return f"{param or 'the body'} is missing", param
    if kind == "too_long":
        num, limit = context["actual_length"], context["max_length"]
        return f"{param} has {num} items, limit {limit}; send fewer", param
    if kind == "union_tag_not_found":
        wanted = "type" if "type" in context["discriminator"] else "role"
        return f"{param} must be an object with a {wanted}", param
    if kind == "union_tag_invalid":
        return f"{param}: only {context['expected_tags']} are supported", param
    message = f"{param}: {error['msg']}" if param else str(error["msg"])
    return message, param


def _place(location: Sequence[Any]) -> str | None:
    """Write a place in the body as one does in JavaScript: messages[0].content."""
    text, before = "", None
    for part in location[1:]:
        if isinstance(part, int):
            text += f"[{part}]"
        # Behind an index stands the kind of the thing, and types of a union have no names.
        elif not isinstance(before, int) and not (part == "str" or part.startswith(_UNION_TYPES)):
            text += f".{part}" if text else part
        before = part
    return text[:200] or None


_UNION_TYPES = ("constrained-str", "list[", "function-before[")
