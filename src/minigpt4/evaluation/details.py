"""What a description of a drawn scene says wrongly beside kinds and colours.

Sizes, sides of the picture, what stands on or under what, how many things there are: the scores do
not count these, but a person who reviews a description would let none of them pass.

Paper: §3.2 (a person checks each description against its image).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from minigpt4.evaluation.wording import sentences_of
from minigpt4.world.language.words import NUMBERS, POSITION_PHRASES, SIZE_WORDS
from minigpt4.world.scene import Dish, Mockup, Scene, SceneObject
from minigpt4.world.vocabulary import COLORS, KINDS

_SIZE_OF = {word: size for size, words in SIZE_WORDS.items() for word in words}
_POSITION_OF = {phrase: name for name, phrases in POSITION_PHRASES.items() for phrase in phrases}
# Whole words: a bus is no bush.
_SIZED = rf"\b({'|'.join(_SIZE_OF)}) ({'|'.join(COLORS)}) ({'|'.join(KINDS)})\b"
_NAMED = rf"(?:\b({'|'.join(_SIZE_OF)}) )?\b({'|'.join(COLORS)}) ({'|'.join(KINDS)})\b"
_WHERE = rf"\b({'|'.join(sorted(_POSITION_OF, key=len, reverse=True))})\b(?! of)"
_BASE = rf"{_NAMED} (?:with|and) (?:an? )?{_NAMED} (?:is )?(on|under) it"
_COUNT = rf"\b(?:there (?:is|are)|there's) ({'|'.join(NUMBERS)}) things?\b"


def false_detail(scene: Scene, text: str) -> str:
    """Say what is wrong about the scene's things besides kind and colour; empty if nothing.

    Only things that are in the scene in the colour said are looked at; others are `untruth`'s.
    """
    if isinstance(scene.extra, Dish | Mockup):
        return ""
    lower = text.lower()
    return (
        _wrong_size(scene, lower)
        or _wrong_relation(scene, lower)
        or (_wrong_position(scene, lower) if scene.place is not None else "")
        or _wrong_count(scene, lower)
    )


def _things(scene: Scene, color: str, kind: str) -> list[SceneObject]:
    return [item for item in scene.objects if (item.color, item.kind) == (color, kind)]


def _wrong_size(scene: Scene, text: str) -> str:
    for size, color, kind in re.findall(_SIZED, text):
        here = _things(scene, color, kind)
        if here and _SIZE_OF[size] not in {item.size for item in here}:
            return f"the {color} {kind} is not {size}"
    return ""


def _wrong_relation(scene: Scene, text: str) -> str:
    """Look at `a house with a cat on it`; other wordings are looked at by `false_relations`."""
    for found in re.finditer(_BASE, text):
        _, base_color, base_kind, _, top_color, top_kind, name = found.groups()
        bases = _things(scene, base_color, base_kind)
        tops = _things(scene, top_color, top_kind)
        if not bases or not tops:
            continue
        said = any(
            relation.name == name
            and scene.objects[relation.subject] in tops
            and scene.objects[relation.object] in bases
            for relation in scene.relations
        )
        if not said:
            return f"there is no {top_color} {top_kind} {name} the {base_color} {base_kind}"
    return ""


def _wrong_position(scene: Scene, text: str) -> str:
    for position, phrase, color, kind in _placed(text):
        here = _things(scene, color, kind)
        if here and position not in {item.position for item in here}:
            return f"the {color} {kind} is not {phrase}"
    return ""


def _placed(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield (position, its phrase, colour, kind) of things in sentences that name one place."""
    for sentence in sentences_of(text):
        phrases = re.findall(_WHERE, sentence)
        if len({_POSITION_OF[phrase] for phrase in phrases}) != 1:
            continue
        for _, color, kind in re.findall(_NAMED, sentence):
            yield _POSITION_OF[phrases[0]], phrases[0], color, kind


def _wrong_count(scene: Scene, text: str) -> str:
    for word in re.findall(_COUNT, text):
        if scene.objects and NUMBERS.index(word) != len(scene.objects):
            return f"there are not {word} things"
    return ""
