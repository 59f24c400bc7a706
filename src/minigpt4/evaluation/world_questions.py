"""What is asked about unseen pictures of the drawn world.

Detailed descriptions are asked for about the world's mixed stream. Each composed ability has
pictures of the kind it is about, from a stretch of the same stream that is its own.

Paper: Table 1 (its prompts for poem, recipe, advertisement and meme), §4.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from minigpt4.world.draw.picture import draw
from minigpt4.world.language.compose_prompts import PROMPTS
from minigpt4.world.language.prompts import DESCRIBE
from minigpt4.world.sample import Split, sample_scene
from minigpt4.world.scene import Scene, SceneKind

DESCRIPTION = "description"
ABILITY_KINDS: dict[str, SceneKind] = {
    "poem": "scene",
    "advertisement": "product",
    "recipe": "dish",
    "explanation": "incongruous",
    "film_facts": "poster",
    "cure": "plant",
    "page": "mockup",
    "story": "scene",
}
"""What the pictures show that an ability is asked about."""
PAPER_ABILITIES = ("poem", "advertisement", "recipe", "explanation")
"""The four of Table 1, whose 25 pictures each make the score out of 100."""
MAX_NEW_TOKENS = {DESCRIPTION: 120, **dict.fromkeys(ABILITY_KINDS, 200)}

_STRETCH = 10_000_000
"""Scenes of a stream between the pictures of one ability and the next."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One thing asked about one picture."""

    task: str
    """`DESCRIPTION` or an ability."""
    index: int
    scene: Scene
    prompt: str

    @property
    def picture(self) -> Image.Image:
        """The picture, drawn anew each time."""
        return draw(self.scene)

    @property
    def max_new_tokens(self) -> int:
        """The longest answer allowed; the world's own texts stay well below."""
        return MAX_NEW_TOKENS[self.task]


def description_questions(split: Split, seed: int, count: int) -> list[Question]:
    """Ask for a detailed description of the first `count` pictures of a stream."""
    return [
        Question(
            task=DESCRIPTION,
            index=index,
            scene=sample_scene(split, seed, index),
            prompt=DESCRIBE[0],
        )
        for index in range(count)
    ]


def ability_questions(split: Split, seed: int, pictures_per_ability: int) -> list[Question]:
    """Ask for each composed ability, in the paper's words where it has them."""
    return [
        Question(
            task=ability,
            index=place * _STRETCH + number,
            scene=sample_scene(split, seed, place * _STRETCH + number, kind=kind),
            prompt=PROMPTS[ability][0],
        )
        for place, (ability, kind) in enumerate(ABILITY_KINDS.items(), start=1)
        for number in range(pictures_per_ability)
    ]
