"""Take a port before anything slow begins, so that a taken one is known at once."""

from __future__ import annotations

import socket

from minigpt4.errors import SettingsError


def take_port(host: str, port: int) -> socket.socket:
    """Return a socket that holds the port; it refuses browsers until its `listen` is called.

    Args:
        port: 0 takes a free one.

    Raises:
        SettingsError: for a port that is taken, or an address that isn't this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"cannot listen on {host} port {port} ({error.strerror or error}); "
            "choose another with --port or --host"
        ) from error
    return listener
