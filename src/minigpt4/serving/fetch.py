"""Fetch a picture from an allowed host, and from nowhere else.

A server that fetches what strangers name can be made to read its own network. So: only hosts that
were allowed by name; their name is resolved once, every address it has must be a public one, and
the connection goes to the very address that was checked; a redirect is a new address that passes
the same checks; size and time are limited while the bytes come.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from urllib.parse import urljoin, urlsplit

from minigpt4.config import config
from minigpt4.errors import ImageError

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK_BYTES = 64 * 1024
_PORTS = {"http": 80, "https": 443}
_REMEDY = "check the address, or send the picture as a data: URL"

Address = str
Resolve = Callable[[str, int], list[Address]]


@config
class FetchPolicy:
    """What may be fetched."""

    allowed_hosts: tuple[str, ...] = ()
    """Names like `example.org`, or `example.org:8443` for another port. Others are refused."""
    max_bytes: int = 20 * 2**20
    """The largest picture, as it comes over the line."""
    max_seconds: float = 10.0
    """From the first look-up of a name to the last byte."""
    max_redirects: int = 3
    """Redirects that are followed, each to an allowed host."""


def resolve(host: str, port: int) -> list[Address]:
    """Return all addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: Address) -> bool:
    """Say whether an address is out on the internet, and not private, local or for metadata."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        # Forms that carry an IPv4 address inside lead to that address.
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip in ipaddress.ip_network("::/96"):
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def fetch(
    url: str,
    policy: FetchPolicy,
    *,
    resolve: Resolve = resolve,
    may_reach: Callable[[Address], bool] = is_public,
) -> bytes:
    """Return the bytes at an address; blocks, so call it in a worker thread.

    Raises:
        ImageError: for an address that is not allowed, or one that gives no picture in time.
    """
    deadline = time.monotonic() + policy.max_seconds
    for _ in range(policy.max_redirects + 1):
        scheme, host, port, path = _split(url, policy)
        try:
            addresses = _in_time(partial(resolve, host, port), deadline)
            address = _checked_address(host, addresses, may_reach=may_reach)
            connection = _connection(scheme, host, port, address, deadline)
            with _Watch(connection, deadline):
                location, data = _get(connection, path, policy, deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() >= deadline:
                raise ImageError(
                    f"{host} gave no whole picture in {policy.max_seconds:g} seconds; {_REMEDY}"
                ) from error
            raise ImageError(
                f"could not fetch the picture from {host}: {_cause(error)}; {_REMEDY}"
            ) from error
        if location is None:
            return data
        url = urljoin(url, location)
    raise ImageError(f"the picture's address redirects more than {policy.max_redirects} times")


def _split(url: str, policy: FetchPolicy) -> tuple[str, str, int, str]:
    """Return scheme, host, port and path of an allowed address."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise ImageError("the picture's address is not a valid URL") from error
    if parts.scheme not in _PORTS:
        raise ImageError("a picture's address begins with data:, http: or https:")
    if parts.username is not None or parts.password is not None:
        raise ImageError("a picture's address must not hold a user name or a password")
    named = host if port in (None, _PORTS[parts.scheme]) else f"{host}:{port}"
    if named not in {each.lower().rstrip(".") for each in policy.allowed_hosts}:
        raise ImageError(
            f"pictures are not fetched from {named[:100]!r}; send the picture as a data: URL, or "
            "start the server with --allow-image-host"
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or any(ord(char) <= 32 or ord(char) == 127 for char in path):
        raise ImageError("the picture's address is not a valid URL; percent-encode its path")
    return parts.scheme, host, port or _PORTS[parts.scheme], path


def _in_time(look_up: Callable[[], list[Address]], deadline: float) -> list[Address]:
    """Look a name up; the system's own look-up knows no time limit, so it may be left behind."""
    found: Future[list[Address]] = Future()

    def run() -> None:
        try:
            found.set_result(look_up())
        except BaseException as error:
            found.set_exception(error)

    threading.Thread(target=run, name="minigpt4-look-up", daemon=True).start()
    return found.result(timeout=_left(deadline))


def _checked_address(
    host: str, addresses: Sequence[Address], *, may_reach: Callable[[Address], bool]
) -> Address:
    if not addresses or not all(may_reach(address) for address in addresses):
        raise ImageError(f"{host} has an address inside a private network; it is not fetched from")
    return addresses[0]


def _connection(
    scheme: str, host: str, port: int, address: Address, deadline: float
) -> http.client.HTTPConnection:
    """Return an open connection to `address` that speaks to `host`."""
    raw = socket.create_connection((address, port), timeout=_left(deadline))
    try:
        if scheme == "https":
            raw = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
    except BaseException:
        raw.close()
        raise
    connection = http.client.HTTPConnection(host, port)
    # Else `Host` would name the port 443 too, which some hosts do not take for theirs.
    connection.default_port = _PORTS[scheme]
    # The name decides what is asked for, the checked address where: no second look-up.
    connection.sock = raw
    return connection


def _get(
    connection: http.client.HTTPConnection, path: str, policy: FetchPolicy, deadline: float
) -> tuple[str | None, bytes]:
    """Return where a redirect leads, or None and the bytes."""
    headers = {"Accept": "image/*", "Accept-Encoding": "identity", "Connection": "close"}
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    if response.status in REDIRECTS:
        return response.headers.get("Location", ""), b""
    if response.status != 200:
        raise ImageError(
            f"{connection.host} answers {response.status} for the picture, wanted 200; {_REMEDY}"
        )
    data = bytearray()
    while chunk := response.read1(_CHUNK_BYTES):
        data += chunk
        if len(data) > policy.max_bytes:
            raise ImageError(f"the picture is larger than {policy.max_bytes} bytes; reduce it")
        _left(deadline)
    _left(deadline)  # The watch ends a connection without a length as its host would.
    if response.length:  # What was promised and never came.
        raise http.client.IncompleteRead(b"", response.length)
    return None, bytes(data)


def _cause(error: Exception) -> str:
    """Say in a few words why a host cannot be read, without what the host itself has said."""
    if isinstance(error, socket.gaierror):
        return "its name is unknown"
    if isinstance(error, ssl.SSLError):
        return "there is no safe connection, as with a certificate that is not valid"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens at that port"
    if isinstance(error, http.client.HTTPException):
        return "the answer is broken or ends too early"
    return "the connection failed"


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time for a picture is over")
    return left


class _Watch:
    """Closes a connection at the deadline, however slowly its bytes trickle."""

    def __init__(self, connection: http.client.HTTPConnection, deadline: float) -> None:
        self._connection = connection
        # The response takes the connection's socket away; here it stays known.
        self._socket = connection.sock
        self._timer = threading.Timer(max(0.0, deadline - time.monotonic()), self._shut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._connection.close()
        self._socket.close()

    def _shut(self) -> None:
        with contextlib.suppress(OSError):  # It may have been closed just now.
            self._socket.shutdown(socket.SHUT_RDWR)
