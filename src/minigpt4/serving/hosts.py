"""By which names a server that wants no key lets itself be called.

A page of a stranger can let a name of its own lead to 127.0.0.1 (DNS rebinding); to the browser,
what answers there is then the page's own server, and the page may ask and read. What browsers send
in `Host` gives it away: it is the stranger's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from minigpt4.curation.review.guard import is_loopback


class HostNames:
    """The names in `Host` that are answered."""

    def __init__(self, names: Iterable[str] | None = None) -> None:
        """`names` beside this machine's own, `localhost` and 127.0.0.1; None: all there are."""
        self._names = None if names is None else frozenset(name.lower() for name in names)

    @classmethod
    def behind(cls, address: str, *, with_keys: bool, names: Iterable[str] = ()) -> HostNames:
        """Return the names for a server that listens at an address.

        With keys no page can ask, and an address that others reach has names that nobody knows.
        """
        return cls(names if is_loopback(address) and not with_keys else None)

    def fault(self, host: str) -> str | None:
        """Say what is wrong with a `Host` header; None if it is one of ours."""
        if self._names is None:
            return None
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            name = ""
        if is_loopback(name) or name in self._names:
            return None
        return (
            f"this server is not called {host[:80]!r}; ask 127.0.0.1 or localhost, or start it "
            "with --allow-name and that name"
        )
