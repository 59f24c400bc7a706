"""Small helpers that the composed texts share.

The composed texts (poems, stories, recipes, ...) are what the LLM learns from text alone; no
picture is ever paired with one. They name an object by colour and kind, so that a judge finds it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from minigpt4.world.language.words import article, join
from minigpt4.world.scene import Dish, Mockup, Relation, Scene, SceneObject

LIVING = ("dog", "cat", "horse", "bird", "fish", "rabbit", "elephant", "snail", "robot", "snowman")


def named(item: SceneObject) -> str:
    """Name an object the one way the world knows it: colour and kind."""
    return f"{item.color} {item.kind}"


def portion(dish: str) -> str:
    """Name a dish as one orders it: `a soup`, but `pasta`."""
    return dish if dish == "pasta" else article(dish)


def capital(text: str) -> str:
    """Start a sentence with a capital letter, also behind an opening quotation mark."""
    start = 1 if text.startswith('"') else 0
    return text[:start] + text[start : start + 1].upper() + text[start + 1 :]


def say(rng: random.Random, templates: Sequence[str], **slots: str) -> str:
    """Fill one of the templates and start it with a capital letter."""
    return capital(rng.choice(templates).format(**slots))


def slots_of(item: SceneObject, prefix: str = "thing") -> dict[str, str]:
    """Return the slots of one object: `{thing}` and `{a_thing}`."""
    return {prefix: named(item), f"a_{prefix}": article(named(item))}


def shown(scene: Scene) -> str:
    """Say briefly what a picture shows, for a request that does not fit it."""
    if isinstance(scene.extra, Dish):
        return f"{portion(scene.extra.name)} with {join(scene.extra.ingredients)}"
    if isinstance(scene.extra, Mockup):
        return f"a sketch of a web page with {article(scene.extra.color)} header"
    return join([article(named(item)) for item in scene.objects])


def shuffled(items: Sequence[SceneObject], rng: random.Random) -> list[SceneObject]:
    """Return the objects in random order."""
    return rng.sample(list(items), len(items))


def stacked(scene: Scene) -> Relation | None:
    """Return the first `on` or `under` relation of a scene, the one worth telling."""
    return next((r for r in scene.relations if r.name in ("on", "under")), None)
