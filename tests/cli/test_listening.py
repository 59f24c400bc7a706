"""A port is taken at once, or it is said why it can't be."""

from __future__ import annotations

import socket

import pytest

from minigpt4.cli.listening import take_port
from minigpt4.errors import SettingsError


def test_a_port_is_held_and_a_browser_waits_only_after_listen():
    with take_port("127.0.0.1", 0) as listener:
        address = listener.getsockname()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)
        listener.listen()
        socket.create_connection(address, timeout=5).close()


def test_a_port_that_is_taken_says_so():
    with take_port("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} .*choose another with --port"):
            take_port("127.0.0.1", port)


def test_an_address_of_another_machine_says_so():
    with pytest.raises(SettingsError, match=r"cannot listen on 192\.0\.2\.1 .*or --host"):
        take_port("192.0.2.1", 0)
