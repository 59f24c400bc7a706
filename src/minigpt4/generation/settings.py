"""How an answer is decoded: one settings class, two presets.

The defaults are those of the official chat. Evaluation and `describe` use `GREEDY`, so that a
number can be repeated.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from minigpt4.config import config


@config
class GenerationSettings:
    """Everything that decides an answer, given the model and the prompt."""

    max_new_tokens: Annotated[int, Field(ge=1)] = 300
    """The longest answer, in tokens, the stop string included."""
    num_beams: Annotated[int, Field(ge=1)] = 1
    """Beams per prompt; 1 means no beam search."""
    do_sample: bool = True
    """Draw each token by chance; False takes the likeliest."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Divides the logits before a draw; below 1 is more certain. Only with `do_sample`."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.9
    """A draw is among the likeliest tokens with this much probability. Only with `do_sample`."""
    repetition_penalty: Annotated[float, Field(gt=0)] = 1.05
    """Logits of tokens already in the answer are divided by this (multiplied if negative).
    The prompt does not count, as in the official code; 1 means none."""
    length_penalty: float = 1.0
    """A finished beam's log-probability is divided by its length to this power."""
    seed: int | None = None
    """Start of the chance of each row; None takes a new one each time."""
    stop_strings: tuple[str, ...] = ()
    """An answer ends where one of these begins, besides the template's own."""
    stop_token_sequences: tuple[tuple[int, ...], ...] = ()
    """An answer ends after one of these token sequences, which stay in its text."""
    max_context_tokens: Annotated[int, Field(ge=1)] | None = 2000
    """Prompt and answer together, in tokens; the LLM's own limit if that is smaller or for None."""


CHAT = GenerationSettings()
"""The official defaults for chat."""

GREEDY = GenerationSettings(do_sample=False, top_p=1.0, repetition_penalty=1.0)
"""The likeliest token each time: for evaluation, tests and anything to be repeated."""
