"""The web application of a review: a page, and the few requests that it makes.

    GET  /  /page.css  /*.js        the same for everybody
    POST /api/hello                 what is asked of whom
    POST /api/state                 what this window holds, and how far the pile is
    POST /api/decide                one judgement; then as /api/state
    POST /api/undo                  take one back; then as /api/state
    POST /api/seen                  this window is there still, or leaves
    GET  /api/picture/{number}      a picture

Model text travels as JSON and becomes text nodes; nothing a model wrote is ever parsed as HTML.
"""

from __future__ import annotations

import io
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from minigpt4.curation.review.desk import Desk, Pile
from minigpt4.curation.review.form import Card, Judgement, to_plain
from minigpt4.curation.review.guard import Guard
from minigpt4.data.pictures import decode_picture
from minigpt4.errors import DataError, MiniGPT4Error

MAX_CHARACTERS = 20_000
"""The longest text of a person."""

_FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/link.js": ("link.js", "text/javascript"),
    "/sheets.js": ("sheets.js", "text/javascript"),
}
_SHOWN = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
"""Kinds of pictures that every browser shows; others are sent as PNG."""

Name = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[\w][\w .\-]*$")]
Tab = Annotated[str, Field(min_length=1, max_length=80)]


class _Window(BaseModel):
    """Who asks, in which window."""

    model_config = ConfigDict(extra="forbid")
    reviewer: Name
    tab: Tab


class _Decided(_Window):
    id: Annotated[str, Field(min_length=8, max_length=80)]
    number: int
    decision: Annotated[str, Field(max_length=80)]
    reason: Annotated[str, Field(max_length=500)] = ""
    text: Annotated[str, Field(max_length=MAX_CHARACTERS)] | None = None
    shown: str | None = None
    """The text on the page; a run may have changed the draft's since."""
    seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 0.0


class _Undone(_Window):
    id: Annotated[str, Field(max_length=80)]


class _Seen(_Window):
    leaving: bool = False


def build_app(
    pile: Pile,
    *,
    key: str | None = None,
    names: Iterable[str] = (),
    reviewer: str = "",
    clock: Callable[[], float] = time.time,
) -> Any:
    """Return the application for a pile; `reviewer` is the name a window begins with."""
    desk = Desk(pile, clock=clock)
    app = FastAPI(openapi_url=None)
    _add_page(app)
    _add_requests(app, desk, reviewer)
    _add_errors(app)
    return Guard(app, key=key, names=names)


def _add_page(app: FastAPI) -> None:
    folder = Path(__file__).parent
    for path, (name, kind) in _FILES.items():
        content = (folder / name).read_bytes()

        def send(content: bytes = content, kind: str = kind) -> Response:
            return Response(content, media_type=kind)

        app.add_api_route(path, send, methods=["GET"], response_class=Response)


def _add_requests(app: FastAPI, desk: Desk, reviewer: str) -> None:
    # Plain functions: they run in threads, so that one slow disk doesn't hold the others up.

    @app.post("/api/hello")
    def hello() -> dict[str, Any]:
        return {"pile": desk.id, "form": to_plain(desk.form), "reviewer": reviewer}

    @app.post("/api/state")
    def state(window: _Window) -> dict[str, Any]:
        return _state(desk, window)

    @app.post("/api/decide")
    def decide(decided: _Decided) -> dict[str, Any]:
        judgement = Judgement(**decided.model_dump(exclude={"tab", "shown"}))
        with desk.pile.transaction():
            desk.decide(_as_shown(desk, judgement, decided.shown))
        return _state(desk, decided)

    @app.post("/api/undo")
    def undo(undone: _Undone) -> dict[str, Any]:
        desk.undo(undone.id, undone.reviewer, undone.tab)
        return _state(desk, undone)

    @app.post("/api/seen")
    def seen(window: _Seen) -> dict[str, Any]:
        desk.seen(window.reviewer, window.tab, leaving=window.leaving)
        return {}

    @app.get("/api/picture/{number}")
    def picture(number: int) -> Response:
        content, kind = shown_picture(desk.pile.picture(number))
        # A number's picture never changes, and the next one is asked for ahead.
        headers = {"Cache-Control": "private, max-age=3600"}
        return Response(content, media_type=kind, headers=headers)


def _as_shown(desk: Desk, judgement: Judgement, shown: str | None) -> Judgement:
    """Return a judgement as one about the text that was seen.

    To keep a text that is not the item's any more is to edit the item back to it.
    """
    edit = next((choice for choice in desk.form.choices if choice.edits), None)
    if shown is None or edit is None or judgement.text is not None:
        return judgement
    kept = desk.form.group(judgement.decision) == desk.form.group(edit.decision)
    if not kept or desk.pile.card(judgement.number).text == shown:
        return judgement
    return replace(judgement, decision=edit.decision, text=shown)


def _state(desk: Desk, window: _Window) -> dict[str, Any]:
    numbers = desk.hand_out(window.reviewer, window.tab)
    last, agreed = desk.last(window.reviewer), desk.agreement()
    return {
        "pile": desk.id,
        "cards": [_card(desk, desk.pile.card(number), window.reviewer) for number in numbers],
        "last": last and {"id": last.id, "number": last.number, "decision": last.decision},
        "progress": to_plain(desk.progress(window.reviewer)),
        "agreement": {**to_plain(agreed), "observed": agreed.observed},
    }


def _card(desk: Desk, card: Card, reviewer: str) -> dict[str, Any]:
    undone = desk.undone(reviewer, card.number)
    earlier = undone and {
        "decision": undone.decision, "reason": undone.reason, "text": undone.text
    }  # fmt: skip
    return {**to_plain(card), "earlier": earlier}


def shown_picture(path: Path) -> tuple[bytes, str]:
    """Return a picture's bytes as a browser can show it, and their media type.

    Raises:
        DataError: for a picture that is missing or broken.
    """
    image = decode_picture(path, where=path.name)
    if image.format in _SHOWN:
        return path.read_bytes(), _SHOWN[image.format]
    file = io.BytesIO()
    image.convert("RGB").save(file, "PNG")
    return file.getvalue(), "image/png"


def _add_errors(app: FastAPI) -> None:
    async def ours(_: Request, error: Exception) -> Response:
        # A disk that is full or a file that is held is no fault of the request: it may come again.
        if isinstance(error.__cause__, sqlite3.Error):
            return _failed(503, str(error))
        return _failed(404 if isinstance(error, DataError) else 400, str(error))

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        return _failed(400, f"{place or 'the request'}: {first['msg']}")

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _failed(error.status_code, str(error.detail))

    app.add_exception_handler(MiniGPT4Error, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _failed(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)
