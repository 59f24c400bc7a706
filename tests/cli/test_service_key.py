"""Keys go where they belong."""

from __future__ import annotations

import pytest

from minigpt4.cli.service_key import service_key
from minigpt4.errors import SettingsError


def test_openais_key_goes_to_openai_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert service_key("https://api.openai.com/v1", None) == "secret"
    assert service_key("http://127.0.0.1:8000/v1", None) is None
    assert service_key("https://api.openai.com.example.org/v1", None) is None


def test_a_named_variable_is_taken_for_any_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER", "theirs")
    assert service_key("http://127.0.0.1:8000/v1", "OTHER") == "theirs"
    monkeypatch.delenv("OTHER")
    with pytest.raises(SettingsError, match="OTHER is not set"):
        service_key("http://127.0.0.1:8000/v1", "OTHER")
