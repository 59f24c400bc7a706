"""The HTTP server: OpenAI's chat API over one engine.

POST /v1/chat/completions    GET /v1/models    GET /v1/models/{model}
GET /health    GET /metrics    GET /openapi.json
"""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from fastapi import FastAPI, Response
from fastapi import Request as HTTPRequest
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

from minigpt4.serving.chat_api import ChatAPI
from minigpt4.serving.completion import ChatCompletion, ModelCard, ModelList
from minigpt4.serving.engine import Engine
from minigpt4.serving.failures import add_error_handlers, json_response, no_such_model
from minigpt4.serving.guard import BodyLimits, Guard, Keys
from minigpt4.serving.hosts import HostNames
from minigpt4.serving.pictures import PicturePolicy
from minigpt4.serving.prometheus import CONTENT_TYPE, ResponseCounter, render
from minigpt4.serving.protocol import ChatRequest, ErrorBody

logger = logging.getLogger(__name__)

DESCRIPTION = """\
One MiniGPT-4 behind the part of OpenAI's API that it can follow. What is not supported is refused
with a message that names it. Pictures are `data:` URLs, or addresses of hosts that were allowed
when the server was started."""


def build_app(
    engine: Engine,
    *,
    model_name: str,
    keys: Keys | None = None,
    pictures: PicturePolicy | None = None,
    body_limits: BodyLimits | None = None,
    hosts: HostNames | None = None,
) -> ASGIApp:
    """Return the application; it closes the engine when the server ends.

    Without `keys` everybody may ask, without `hosts` by any name of this machine.
    """
    keys, responses = keys or Keys(), ResponseCounter()
    api = ChatAPI(engine, model_name=model_name, pictures=pictures or PicturePolicy())

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        # By now all responses are sent; what is left are answers that nobody waits for.
        engine.close(finish=False)
        api.close()

    app = FastAPI(
        title="MiniGPT-4",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        # These pages load their scripts from a public host; /openapi.json says the same.
        docs_url=None,
        redoc_url=None,
    )
    _add_chat(app, api)
    _add_models(app, model_name)
    _add_watching(app, engine, responses)
    add_error_handlers(app)
    _describe(app, with_keys=keys.wanted)
    return Guard(
        app,
        keys=keys,
        responses=responses,
        limits=body_limits or BodyLimits(),
        hosts=hosts or HostNames(),
    )


def build_server(app: ASGIApp, *, host: str, port: int, grace_seconds: float) -> uvicorn.Server:
    """Return a server that is not started; told to stop, it lets answers finish for so long."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=round(grace_seconds),
        )
    )


def run_server(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve at a port that is held already, until SIGTERM or Ctrl-C."""
    # uvicorn stops cleanly at a signal and then raises it once more, which must not kill us.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server.run(sockets=[listener])


def _add_chat(app: FastAPI, api: ChatAPI) -> None:
    # Without a type: readers of OpenAPI disagree whether a stream is a string or a row of events.
    events = {"description": "Server-sent events: chat.completion.chunk objects, then [DONE]"}
    stream = {"text/event-stream": {"schema": events}}

    @app.post(
        "/v1/chat/completions",
        summary="Answer a conversation about pictures",
        responses={200: {"model": ChatCompletion, "content": stream}}
        | _errors(400, 401, 403, 404, 408, 413, 429, 500, 503),
    )
    async def chat_completions(http: HTTPRequest, asked: ChatRequest) -> Response:
        return await api.answer(http, asked)


def _add_models(app: FastAPI, model_name: str) -> None:
    card = {
        "id": model_name, "object": "model", "created": int(time.time()), "owned_by": "minigpt4"
    }  # fmt: skip

    @app.get(
        "/v1/models",
        summary="List the models: one",
        responses={200: {"model": ModelList}} | _errors(401, 403),
    )
    async def models() -> Response:
        return json_response(200, {"object": "list", "data": [card]})

    @app.get(
        "/v1/models/{model:path}",
        summary="Show a model",
        responses={200: {"model": ModelCard}} | _errors(401, 403, 404),
    )
    async def one_model(model: str) -> Response:
        if model != model_name:
            raise no_such_model(model, served=model_name)
        return json_response(200, card)


def _add_watching(app: FastAPI, engine: Engine, responses: ResponseCounter) -> None:
    status: dict[str, Any] = {"schema": {"type": "object", "required": ["status"]}}

    @app.get(
        "/health",
        summary="Say whether the model answers",
        responses={code: {"content": {"application/json": status}} for code in (200, 503)}
        | _errors(403),
    )
    async def health() -> Response:
        if not engine.alive:
            return json_response(503, {"status": "the engine has stopped"})
        return json_response(200, {"status": "ok"})

    @app.get(
        "/metrics",
        summary="Show counters and gauges for Prometheus",
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
        | _errors(401, 403),
    )
    async def metrics() -> Response:
        text = render(engine.metrics(), responses.read())
        return Response(text, headers={"Content-Type": CONTENT_TYPE})


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ErrorBody} for status in statuses}


def _describe(app: FastAPI, *, with_keys: bool) -> None:
    """Let /openapi.json say what this server does: no 422, and a key if one is wanted."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            for operations in schema["paths"].values():
                for operation in operations.values():
                    operation["responses"].pop("422", None)
            for name in ("HTTPValidationError", "ValidationError"):
                schema["components"]["schemas"].pop(name, None)
            if with_keys:
                schema["components"]["securitySchemes"] = {
                    "key": {"type": "http", "scheme": "bearer"}
                }
                schema["security"] = [{"key": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
