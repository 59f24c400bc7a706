"""`minigpt4 demo`: what it loads, says and refuses before the page is up."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from minigpt4.cli import demo as command
from minigpt4.cli.notice import MINIATURE_NOTICE
from minigpt4.errors import SettingsError


def test_a_taken_port_is_said_before_any_model_is_loaded():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} .*--port"):
            command.demo(model="no such model", port=port)


def test_the_notice_becomes_a_sentence():
    sentence = command._sentence(MINIATURE_NOTICE)
    assert sentence.startswith("The miniature knows only the drawn world")
    assert sentence.endswith("fluently and wrongly.")
    assert "`" not in sentence


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("box", "box")],
)
def test_the_address_can_be_opened(host: str, shown: str):
    assert command._address(host) == shown


def test_no_browser_opens_where_there_is_no_screen(monkeypatch):
    monkeypatch.setattr(command.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not command._has_screen()
    monkeypatch.setenv("DISPLAY", ":0")
    assert command._has_screen()


@pytest.mark.slow
def test_the_shipped_models_are_compared(monkeypatch):
    """The page of two miniatures; that its first click is true is the judge's word."""
    monkeypatch.setattr(command, "_report", lambda done, total: None)
    with ExitStack() as stack:
        contents = command._build_contents(
            "miniature", "miniature_stage1", device="cpu", stack=stack
        )
        assert [each.name for each in contents.speakers] == ["miniature", "miniature_stage1"]
        assert contents.examples
        assert contents.notice
        assert contents.longest_answer == 512
