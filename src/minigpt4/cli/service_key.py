"""Which key goes to which service: OpenAI's own goes nowhere else unless that is asked for."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from minigpt4.errors import SettingsError

OPENAI_HOST, OPENAI_KEY = "api.openai.com", "OPENAI_API_KEY"


def service_key(url: str, variable: str | None) -> str | None:
    """Return the key for an address: of the variable that is named, or OpenAI's for OpenAI.

    Raises:
        SettingsError: if the variable that is named holds nothing.
    """
    if variable is None:
        return os.environ.get(OPENAI_KEY) if urlsplit(url).hostname == OPENAI_HOST else None
    if not os.environ.get(variable):
        raise SettingsError(f"the variable {variable} is not set; put the key of the service there")
    return os.environ[variable]
