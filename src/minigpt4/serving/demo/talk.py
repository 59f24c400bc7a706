"""A conversation on the page, as data: what was asked and shown, what each model answered.

Several models may answer the same questions side by side, so a turn has a list of answers, and
each model is asked with its own earlier answers before it.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from PIL import Image

from minigpt4.config import dump_config
from minigpt4.generation.settings import GenerationSettings
from minigpt4.processing.conversation import Message
from minigpt4.processing.images import ImageSource, load_image
from minigpt4.serving.pictures import FORMATS, MAX_PIXELS
from minigpt4.world.scene import Scene

Ending = Literal["coming", "stop", "length", "stopped", "failed"]
"""How an answer ended: by itself, cut by the length, stopped by a person, not at all."""

LARGEST_PX = 2048
"""A picture's longer side as it is kept; the models see far fewer pixels."""
_EXPORT_PX, _THUMBNAIL_PX = 1024, 384
_AS_PNG_PX = 256
"""Pictures up to this side are written without loss."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that was shown; `scene` is its truth if we drew it."""

    image: Image.Image
    scene: Scene | None = None

    @classmethod
    def load(cls, source: ImageSource) -> Picture:
        """Read an upload: the server's formats and size, for whoever opens the page may upload.

        Raises:
            ImageError: for a file that is no picture, or a broken or huge one.
        """
        image = load_image(source, max_pixels=MAX_PIXELS, formats=FORMATS)
        image.thumbnail((LARGEST_PX, LARGEST_PX))
        return cls(image)

    @cached_property
    def thumbnail(self) -> str:
        """The picture as a small `data:` URL."""
        return _data_url(self.image, _THUMBNAIL_PX)

    def as_data_url(self) -> str:
        """Return the picture as a `data:` URL, for a conversation that is taken away."""
        return _data_url(self.image, _EXPORT_PX)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one model said, as far as it has come."""

    model: str
    text: str = ""
    ending: Ending = "coming"
    error: str = ""
    """What went wrong, if it failed."""
    num_dropped_turns: int = 0
    """Old turns that no longer fitted into the model's context."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A question, the pictures shown with it, and an answer of each model."""

    question: str
    pictures: tuple[Picture, ...] = ()
    settings: GenerationSettings
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True)
class Talk:
    """All turns so far."""

    turns: tuple[Turn, ...] = ()

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures, in the order they were shown."""
        return tuple(picture for turn in self.turns for picture in turn.pictures)

    def with_turn(self, turn: Turn) -> Talk:
        """Return the conversation with one more turn."""
        return replace(self, turns=(*self.turns, turn))

    def without_last(self) -> Talk:
        """Return the conversation without its last turn."""
        return replace(self, turns=self.turns[:-1])

    def messages(self, place: int, turn: Turn) -> list[Message]:
        """Return what model number `place` reads when it is asked `turn` now.

        A question without an answer is left out, but its pictures stay: they go to the next.
        """
        messages: list[Message] = []
        shown: tuple[Any, ...] = ()
        for old in self.turns:
            shown += tuple(picture.image for picture in old.pictures)
            text = old.answers[place].text
            if text:
                messages.append(Message("user", old.question, shown))
                messages.append(Message("assistant", text))
                shown = ()
        images = shown + tuple(picture.image for picture in turn.pictures)
        return [*messages, Message("user", turn.question, images)]

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values, pictures as `data:` URLs."""
        return {"format": "minigpt4-conversation", "turns": [_turn_json(t) for t in self.turns]}


def _turn_json(turn: Turn) -> dict[str, Any]:
    return {
        "question": turn.question,
        "pictures": [
            {
                "url": picture.as_data_url(),
                "truth": picture.scene.truth() if picture.scene else None,
            }
            for picture in turn.pictures
        ],
        "settings": dump_config(turn.settings),
        "answers": [
            {"model": each.model, "text": each.text, "ending": each.ending}
            | ({"error": each.error} if each.error else {})
            for each in turn.answers
        ],
    }


def _data_url(image: Image.Image, largest_px: int) -> str:
    small = image.copy()
    small.thumbnail((largest_px, largest_px))
    kind = "png" if max(image.size) <= _AS_PNG_PX else "jpeg"
    file = io.BytesIO()
    small.save(file, format=kind, **({"quality": 88} if kind == "jpeg" else {}))
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
