"""The paper's abilities as one-click prompts.

The miniature has read its requests in the wording of its world, so it is asked in that; other
models are asked in the paper's words. Paper: §4.1, Table 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from minigpt4.world.language.compose_prompts import PROMPTS
from minigpt4.world.language.prompts import DESCRIBE
from minigpt4.world.scene import Scene, SceneKind


@dataclass(frozen=True, kw_only=True)
class Ability:
    """Something to ask for with one click."""

    label: str
    prompt: str
    task: str
    """The name that the world's questions know it by."""
    kind: SceneKind = "scene"
    """The kind of drawn picture that shows it best."""
    needs_kind: bool = False
    """Whether it makes sense of such pictures only."""

    def suits(self, scene: Scene) -> bool:
        """Say whether it can be asked of a drawn picture."""
        return not self.needs_kind or scene.kind == self.kind


DESCRIBE_PROMPT = DESCRIBE[0]
"""What is asked about a picture that comes without a question. Paper: §3.3."""

_DESCRIPTION = Ability(label="Describe", prompt=DESCRIBE_PROMPT, task="description")


def _composed(label: str, task: str, kind: SceneKind = "scene") -> Ability:
    """Return an ability in the first wording that the world has for it."""
    return Ability(
        label=label, prompt=PROMPTS[task][0], task=task, kind=kind, needs_kind=kind != "scene"
    )


DRAWN_WORLD = (
    _DESCRIPTION,
    _composed("Poem", "poem"),
    _composed("Story", "story"),
    _composed("Why is it funny?", "explanation", "incongruous"),
    _composed("Advertisement", "advertisement", "product"),
    _composed("Recipe", "recipe", "dish"),
    _composed("Sick plant", "cure", "plant"),
    _composed("Film facts", "film_facts", "poster"),
    _composed("Website", "page", "mockup"),
)
"""For models of the drawn world."""

PHOTOGRAPHS = (
    _DESCRIPTION,
    Ability(label="Poem", task="poem", prompt="Can you craft a beautiful poem about this image?"),
    Ability(label="Story", task="story", prompt="Write a short story about this image."),
    Ability(label="Why is it funny?", task="explanation", prompt="Explain why this meme is funny."),
    Ability(
        label="Advertisement",
        task="advertisement",
        prompt="Help me draft a professional advertisement for this.",
    ),
    Ability(label="Recipe", task="recipe", prompt="How should I make something like this?"),
    Ability(
        label="Sick plant",
        task="cure",
        prompt="What is wrong with this plant, and what should I do about it?",
    ),
    Ability(
        label="Facts",
        task="film_facts",
        prompt="What do you know about the film, the person or the artwork in this image?",
    ),
    Ability(
        label="Website",
        task="page",
        prompt="Write the HTML and JavaScript of a website that looks like this drawing.",
    ),
)
"""For models that know photographs."""
