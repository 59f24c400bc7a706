"""What generation returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer."""

    text: str
    """The answer without stop string, special tokens and surrounding space."""
    token_ids: tuple[int, ...]
    """All tokens that were generated, those of the stop included."""
    finish_reason: FinishReason
    """"stop": it ended by itself. "length": `max_new_tokens` cut it."""
    num_prompt_tokens: int
    """Positions of the prompt, images included."""
