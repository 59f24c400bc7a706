"""What stands before the review page: who may come in, and from where.

The page changes data, so other pages in the same browser must not reach it. A page of another
origin is refused by `Origin` and `Sec-Fetch-Site`, and by a header that only our own page can set.
A name that an attacker lets point to this machine (DNS rebinding) is refused by `Host`. Where
other machines may come in, everything but the bare page wants a key.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from minigpt4.errors import SettingsError

MAX_BODY_BYTES = 256 * 1024
"""A judgement is a few kilobytes."""
SHORTEST_KEY = 16
OWN_HEADER = b"x-minigpt4-review"
"""Sent by our page with every request. Others would have to ask for leave, which isn't given."""
PUBLIC_PATHS = frozenset(("/", "/page.css", "/page.js", "/link.js", "/sheets.js"))
"""What is the same for everybody and may be seen without a key."""

_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        b"require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


def load_key(path: Path) -> str:
    """Read the key from a file's first line.

    Raises:
        SettingsError: if the file can't be read or the key is too short to be one.
    """
    try:
        key = path.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read the key from {path}: {error}") from error
    if len(key) < SHORTEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(
            f"the key in {path} has {len(key)} characters; wanted at least {SHORTEST_KEY} letters, "
            "digits or signs on the first line. To make one: "
            f"python3 -c 'import secrets; print(secrets.token_urlsafe())' > {path}"
        )
    return key


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware around the application."""

    def __init__(self, app: Any, *, key: str | None, names: Iterable[str] = ()) -> None:
        """Let in who has the key. `names`: further names by which this machine is called."""
        self._app = app
        self._digest = None if key is None else hashlib.sha256(key.encode()).digest()
        self._names = {name.lower() for name in names}
        if key is not None:
            self._names |= {socket.gethostname().lower(), socket.getfqdn().lower()}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def send_with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                if not any(name == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
                message = {**message, "headers": [*headers, *_HEADERS]}
            await send(message)

        refusal = self._refusal(scope)
        body = b""
        while refusal is None:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > MAX_BODY_BYTES:
                refusal = 413, f"the request is larger than {MAX_BODY_BYTES} bytes"
            elif not message.get("more_body", False):
                break
        if refusal is not None:
            await _refuse(send_with_policy, *refusal)
            return
        await self._app(scope, _replay(body, receive), send_with_policy)

    def _refusal(self, scope: Any) -> tuple[int, str] | None:
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value)
        hosts = headers.get(b"host", [])
        host = hosts[0].decode("ascii", "replace") if len(hosts) == 1 else ""
        if not self._knows(host):
            return 403, (
                f"this server isn't called {host[:80]!r}; use its IP address, or allow the name "
                "with --allow-name"
            )
        origin = headers.get(b"origin", [b""])[0].decode("ascii", "replace")
        if origin and urlsplit(origin).netloc.lower() != host.lower():
            return 403, "requests from other pages are refused"
        site = headers.get(b"sec-fetch-site", [b"none"])[0]
        public = scope["path"] in PUBLIC_PATHS and scope["method"] in ("GET", "HEAD")
        # A link from elsewhere may lead to the page itself, and to nothing else.
        if public:
            return None
        if site not in (b"none", b"same-origin") or OWN_HEADER not in headers:
            return 403, "requests from other pages are refused"
        if not self._fits(headers.get(b"authorization", [])):
            return 401, "the key is missing or wrong"
        return None

    def _knows(self, host: str) -> bool:
        """Say whether a Host header names this machine in a way that no attacker can set up."""
        name = urlsplit(f"//{host}").hostname or ""
        if is_loopback(name) or name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        # An address can't be rebound; with a key other machines are expected.
        return self._digest is not None

    def _fits(self, given: list[bytes]) -> bool:
        if self._digest is None:
            return True
        scheme, _, key = (given[0] if len(given) == 1 else b"").partition(b" ")
        # Digests have one length, so the time of the comparison tells nothing of the key.
        fits = hmac.compare_digest(hashlib.sha256(key.strip()).digest(), self._digest)
        return fits and scheme.lower() == b"bearer"


def _replay(body: bytes, receive: Any) -> Any:
    """Return a `receive` that gives the body which has come already."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Any:
        return messages.pop() if messages else await receive()

    return replayed


async def _refuse(send: Any, status: int, message: str) -> None:
    body = json.dumps({"error": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
