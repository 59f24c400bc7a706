"""Phrases that all texts of the world share: things, places, counts, lists."""

from __future__ import annotations

import random
from collections.abc import Sequence

from minigpt4.world.scene import Relation, Scene, SceneObject

PLACE_PHRASES = {
    "beach": "at the beach",
    "forest": "in the forest",
    "city": "in the city",
    "farm": "on the farm",
    "desert": "in the desert",
    "park": "in the park",
    "harbor": "at the harbor",
    "mountain": "on the mountain",
}
POSITION_PHRASES = {
    "left": ("on the left", "on the left side", "to the left"),
    "center": ("in the center", "in the middle", "at the center"),
    "right": ("on the right", "on the right side", "to the right"),
}
SIZE_WORDS = {"small": ("small", "small", "little", "tiny"), "large": ("large", "large", "big")}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven")
VESSELS = {
    "salad": "bowl",
    "soup": "bowl",
    "pasta": "plate",
    "pie": "plate",
    "stew": "pot",
    "sandwich": "plate",
}


def article(word: str) -> str:
    """Return the word with `a` or `an` before it."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def thing(item: SceneObject, rng: random.Random | None = None, *, size: bool = True) -> str:
    """Name an object with its article, e.g. `a small red dog`; `rng` varies the size word."""
    if not size:
        return article(f"{item.color} {item.kind}")
    word = item.size if rng is None else rng.choice(SIZE_WORDS[item.size])
    return article(f"{word} {item.color} {item.kind}")


def the(item: SceneObject) -> str:
    """Name a known object, e.g. `the red dog`."""
    return f"the {item.color} {item.kind}"


def join(parts: Sequence[str], last: str = "and") -> str:
    """Join as `a, b and c`."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def sentence(text: str) -> str:
    """Capitalise the first letter and close with a full stop."""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else text + "."


def setting(scene: Scene) -> str:
    """Say weather, time and place, e.g. `a rainy evening at the beach`."""
    return f"{article(str(scene.weather))} {scene.time} {PLACE_PHRASES[str(scene.place)]}"


def stacked_relations(scene: Scene) -> dict[int, Relation]:
    """Return the `on` and `under` relations by the index of the carrying object."""
    return {r.object: r for r in scene.relations if r.name in ("on", "under")}


def standing(scene: Scene) -> list[int]:
    """Return the indices of objects that are not on or under another, from the left."""
    carried = {r.subject for r in scene.relations if r.name in ("on", "under")}
    return [index for index in range(len(scene.objects)) if index not in carried]
