"""The web application around the page, closed to the outside.

A browser that shows the page may talk to this server and to nobody else: the policy sent with
every answer says so, whatever the page or a model writes into it. Uploads live in a folder that
goes with the process.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigpt4.errors import SettingsError
from minigpt4.serving.hosts import HostNames

if TYPE_CHECKING:
    from minigpt4.serving.demo.events import Contents

MAX_UPLOAD = "20mb"

PAGE_POLICY = "; ".join(
    (
        "default-src 'self'",
        # Gradio writes its configuration into the page and compiles its templates there.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "frame-src 'none'",
        "frame-ancestors 'self'",
        "form-action 'self'",
        "base-uri 'self'",
        "object-src 'none'",
    )
)
"""What a browser may load for the page; frames with contents of their own are still shown."""

_HEADERS = (
    (b"content-security-policy", PAGE_POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


class ClosedToOutside:
    """Middleware that sends the policy with every answer; streams pass untouched."""

    def __init__(self, app: Any, hosts: HostNames) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""

        async def send_with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
            await send(message)

        if scope["type"] == "http":
            host = dict(scope["headers"]).get(b"host", b"").decode("ascii", "replace")
            fault = self._hosts.fault(host)
            if fault is not None:
                await _refuse(send_with_policy, fault)
                return
        await self._app(scope, receive, send_with_policy if scope["type"] == "http" else send)


async def _refuse(send: Any, message: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": message.encode()})


@contextmanager
def demo_app(contents: Contents, hosts: HostNames | None = None) -> Iterator[Any]:
    """Build the application for a page; uploads are deleted when the block ends.

    Without `hosts` it answers to any name of this machine.

    Raises:
        SettingsError: if the `web` extra is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="minigpt4-demo-") as folder:
        # Read by gradio when it is imported and when the page is built.
        os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": folder}
        try:
            import gradio  # noqa: F401
            from fastapi import FastAPI
        except ModuleNotFoundError as error:
            raise SettingsError(
                f"the web page needs {error.name}, which is not installed; "
                "install the extra: pip install 'minigpt4[web]'"
            ) from error
        app = FastAPI(openapi_url=None)
        app.add_middleware(ClosedToOutside, hosts=hosts or HostNames())
        # Outside of a loop gradio makes one for its locks and never closes it.
        asyncio.run(_mount(app, contents))
        yield app


async def _mount(app: Any, contents: Contents) -> None:
    import gradio as gr

    from minigpt4.serving.demo.events import Visitors
    from minigpt4.serving.demo.page import build_page

    here = Path(__file__).parent
    visitors = app.state.visitors = Visitors(contents.speakers)
    gr.mount_gradio_app(
        app,
        build_page(contents, visitors),
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=MAX_UPLOAD,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
        theme=_theme(),
        css=(here / "page.css").read_text(encoding="utf-8"),
        head=f"<script>{(here / 'page.js').read_text(encoding='utf-8')}</script>",
    )


def _theme() -> Any:
    """Return a theme of the visitor's own fonts: none is fetched."""
    from gradio.themes import Soft

    return Soft(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="slate",
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Consolas", "monospace"],
    ).set(
        block_title_background_fill="transparent",
        block_title_padding="0",
        block_title_text_color="*body_text_color",
        block_title_text_weight="500",
    )
