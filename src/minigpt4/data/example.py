"""An example: a picture and what is said about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from PIL import Image

from minigpt4.data.troubles import Troubles


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A prompt and the answer to learn. Stage 1 has one turn with an empty prompt."""

    prompt: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class Example:
    """A picture (decoded, or the path to it), the turns about it, and a name to find it again."""

    image: Image.Image | Path | None
    turns: tuple[Turn, ...]
    key: str


class Source(Protocol):
    """Numbered examples that can be read in any order.

    `source[i]` raises a DataError or ImageError when example i is bad; its message begins with
    what is wrong in a few words before a colon, so that bad examples can be counted by reason.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Example: ...


class OpenedSource(Source, Protocol):
    """A source that can also say what is wrong with it and where its examples come from."""

    troubles: Troubles
    """What was found unusable when the source was opened; it has no number."""

    def place(self, index: int, /) -> str:
        """Say where an example comes from: shard and member, or file and line."""
        ...


def captioned(image: Image.Image | Path, caption: str, *, key: str) -> Example:
    """Make the example of a picture and its caption, with no prompt."""
    return Example(image=image, turns=(Turn(prompt="", answer=caption),), key=key)


def with_prompt(example: Example, prompt: str) -> Example:
    """Return the example with `prompt` before its first answer."""
    first = replace(example.turns[0], prompt=prompt)
    return replace(example, turns=(first, *example.turns[1:]))
