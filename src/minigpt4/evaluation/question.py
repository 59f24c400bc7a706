"""What is asked of a model, and what it answered: the types all tasks share.

A question is data: a picture, a prompt and how the answer is decoded. What is true of the picture
travels with it for whoever judges the answer, and never reaches the model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from minigpt4.config import dump_config
from minigpt4.data.drawn import drawing_hash
from minigpt4.errors import ImageError
from minigpt4.generation.settings import GenerationSettings
from minigpt4.world.draw.picture import draw
from minigpt4.world.sample import Split, sample_scene
from minigpt4.world.scene import Scene, SceneKind


class Picture(Protocol):
    """A picture that is loaded only when the model looks at it."""

    @property
    def name(self) -> str:
        """Where it comes from: a path, or which scene of the drawn world."""
        ...

    @property
    def sha256(self) -> str:
        """A hash that only the same picture has."""
        ...

    def load(self) -> Any:
        """Return it as the image processor takes it."""
        ...


@dataclass(frozen=True)
class DrawnPicture:
    """A picture of the drawn world, drawn when it is needed."""

    split: Split
    seed: int
    index: int
    kind: SceneKind | None = None
    """The kind that was asked for; None: whatever the stream has there."""

    @property
    def scene(self) -> Scene:
        """The truth of the picture."""
        return sample_scene(self.split, self.seed, self.index, kind=self.kind)

    @property
    def name(self) -> str:
        place = f"drawn/{self.split}/{self.seed}/{self.index}"
        return f"{place}/{self.kind}" if self.kind else place

    @property
    def sha256(self) -> str:
        # The drawing code and the truth decide every pixel, so nothing is drawn for its hash.
        return hashlib.sha256(f"{_drawing()} {self.scene!r}".encode()).hexdigest()

    def load(self) -> Image.Image:
        return draw(self.scene)


@dataclass(frozen=True)
class PictureFile:
    """A picture on disk."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def sha256(self) -> str:
        try:
            status = self.path.stat()
            return _file_hash(self.path, status.st_mtime_ns, status.st_size)
        except OSError as error:
            raise ImageError(
                f"cannot read the picture {self.path}: {error.strerror}; "
                "give the folder of the pictures with --images"
            ) from error

    def load(self) -> Path:
        return self.path


@dataclass(frozen=True, kw_only=True)
class Question:
    """One thing asked about one picture."""

    key: str
    """Names the question in its task: the benchmark's own id where there is one."""
    picture: Picture
    prompt: str
    """What is asked; empty: the picture stands alone, as before a caption of stage 1."""
    decoding: GenerationSettings
    group: str = ""
    """What it is scored under: an ability, a prompt, a part of a benchmark."""
    truth: Mapping[str, Any] = field(default_factory=dict)
    """What is true of the picture or right as an answer; the task's own."""
    candidates: tuple[str, ...] = ()
    """Answers to be ranked by their loss; nothing is generated then."""

    def identity(self) -> dict[str, Any]:
        """Return what decides the answer, given the model: equal for equal answers."""
        identity = {
            "picture_sha256": self.picture.sha256,
            "prompt": self.prompt,
            "decoding": {} if self.candidates else dump_config(self.decoding),
        }
        return identity | ({"candidates": list(self.candidates)} if self.candidates else {})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a model said to a question."""

    question: Question
    text: str
    """The answer; of candidates the one with the lowest loss."""
    finished: bool = True
    """Ended by itself, not by the longest length allowed."""
    num_tokens: int | None = None
    losses: tuple[float, ...] = ()
    """Loss of each candidate, summed over its tokens."""
    lengths: tuple[int, ...] = ()
    """Tokens of each candidate, the end included."""
    num_prompt_tokens: int | None = None


@lru_cache(maxsize=100_000)
def _file_hash(path: Path, changed_at_ns: int, num_bytes: int) -> str:
    """Hash a file once, as long as it does not change."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def _drawing() -> str:
    return drawing_hash()
