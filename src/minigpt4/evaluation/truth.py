"""Judge a description against the truth of a drawn scene.

The judge sees only the text and the scene's data. It counts as CHAIR does (Rohrbach et al. 2018):
which true objects are named, and which named objects are not there. It is strict: a colour belongs
to the noun behind it, there are no synonyms, and a wrong word beside the right one is wrong.

Paper: Tables 3 and 5.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from minigpt4.evaluation.wording import incompleteness, words_of
from minigpt4.world.scene import Dish, Illness, Mockup, Poster, Scene
from minigpt4.world.vocabulary import (
    COLORS,
    DISHES,
    INGREDIENTS,
    KINDS,
    PLACES,
    POSITIONS,
    SYMPTOMS,
    TIMES,
)

Named = tuple[str, str | None]
"""The kind of a thing named in a text, and its colour where the text says one."""


def _forms(names: Sequence[str]) -> dict[str, str]:
    """Map every singular and plural form to its name."""
    forms = {"snowmen": "snowman", "cacti": "cactus"} if "cactus" in names else {}
    for name in names:
        plurals = [f"{name}s", f"{name}es", *([f"{name[:-1]}ies"] if name.endswith("y") else [])]
        forms |= dict.fromkeys((name, *plurals), name)
    return forms


_KIND_OF = _forms(KINDS)
_FOOD_OF = _forms((*DISHES, *INGREDIENTS))
_THING = rf"\b(?:(?:small|large|little|tiny|big) )?((?:{'|'.join(COLORS)}) (?:{'|'.join(KINDS)}))\b"
_RELATION = (
    rf"{_THING} (?:(?:is|was|stays|can be seen) )?"
    rf"(on|under|left of|right of|next to|beside) (?:the|an?) {_THING}"
)
_INVERTED = rf"\b(on|under) the {_THING} (?:the|an?) {_THING} (?:is|was|stays|can|stands)"
_SIZE_WORDS = frozenset(("small", "large", "little", "tiny", "big"))
_WEATHER_WORDS = {
    "clear": "clear",
    "cloudy": "cloudy", "cloud": "cloudy", "clouds": "cloudy",
    "rainy": "rainy", "rain": "rainy", "rains": "rainy", "raining": "rainy",
    "snowy": "snowy", "snow": "snowy", "snows": "snowy", "snowing": "snowy",
}  # fmt: skip
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven")


@dataclass(frozen=True, kw_only=True)
class DescriptionVerdict:
    """What a description says rightly and wrongly about a scene."""

    expected: tuple[Named, ...]
    """What should be named: the objects with their colours, the ingredients of a dish."""
    recalled: tuple[Named, ...]
    """Those of `expected` that are named rightly."""
    named: tuple[Named, ...]
    """Every different thing the text names."""
    hallucinated: tuple[Named, ...]
    """Those of `named` whose kind is not in the scene."""
    miscolored: tuple[Named, ...]
    """Those of `named` that are in the scene, but not in the colour said."""
    false_relations: tuple[str, ...]
    """What the text says about two coloured things that is not so, e.g. `red cat on blue table`."""
    place_right: bool | None
    time_right: bool | None
    weather_right: bool | None
    """None where the picture shows no place, time or weather."""
    extra_right: bool | None
    """Symptom, poster ground or parts of the page said rightly; None where there are none."""
    complete: bool
    """Ends by itself, without repetition, fragments or stray characters."""
    fault: str
    """Why it is not complete; empty if it is."""


def judge_description(scene: Scene, text: str) -> DescriptionVerdict:
    """Judge a detailed description of a scene."""
    named = distinct([*objects_named(text), *dishes_named(text)])
    expected = expected_things(scene)
    here = {kind for kind, _ in expected}
    if isinstance(scene.extra, Dish):
        here.add(scene.extra.name)
    fault = incompleteness(text)
    return DescriptionVerdict(
        expected=expected,
        recalled=tuple(pair for pair in expected if pair in named),
        named=named,
        hallucinated=tuple(pair for pair in named if pair[0] not in here),
        miscolored=miscolored(scene, named),
        false_relations=false_relations(scene, text),
        place_right=_only_word(text, scene.place, {place: place for place in PLACES}),
        time_right=_only_word(text, scene.time, {time: time for time in TIMES}),
        weather_right=_only_word(without_negations(text), scene.weather, _WEATHER_WORDS),
        extra_right=_extra_right(scene, text),
        complete=not fault,
        fault=fault,
    )


def objects_named(text: str) -> list[Named]:
    """List the objects a text names, in order, as `(kind, colour or None)`.

    The colour is the one right before the noun (size words may stand between), or else the one
    after `is` or `are`. What the text says is *not* there (`no dog`) is not named.
    """
    found: list[Named] = []
    for clause in re.split(r"[.,;:!?\n]", text):
        words = words_of(clause)
        for index, word in enumerate(words):
            kind = _KIND_OF.get(word)
            if kind is None:
                continue
            before = _before(words, index)
            color = next((word for word in before if word in COLORS), None)
            first = index - len(before)
            if first > 0 and words[first - 1] == "no":
                continue
            found.append((kind, color or _color_after(words, index)))
    return found


def dishes_named(text: str) -> list[Named]:
    """List the dishes and ingredients a text names, each as `(name, None)`."""
    words = words_of(text)
    names = [_FOOD_OF.get(word) for word in words]
    return [(name, None) for name in names if name is not None]


def expected_things(scene: Scene) -> tuple[Named, ...]:
    """Return what a full description names: objects with colours, ingredients without."""
    if isinstance(scene.extra, Dish):
        return tuple((name, None) for name in scene.extra.ingredients)
    return tuple((item.kind, item.color) for item in scene.objects)


def miscolored(scene: Scene, named: Sequence[Named]) -> tuple[Named, ...]:
    """Return the named things that are in the scene, but not in the colour said."""
    colors: dict[str, set[str]] = {}
    for item in scene.objects:
        colors.setdefault(item.kind, set()).add(item.color)
    return tuple(
        (kind, color)
        for kind, color in named
        if color is not None and kind in colors and color not in colors[kind]
    )


def false_relations(scene: Scene, text: str) -> tuple[str, ...]:
    """Return the relations between two coloured things of the scene that are said but not so."""
    found = re.findall(_RELATION, text.lower())
    found += [(top, name, base) for name, base, top in re.findall(_INVERTED, text.lower())]
    items = {f"{item.color} {item.kind}": index for index, item in enumerate(scene.objects)}
    return tuple(
        f"{first} {name} {second}"
        for first, name, second in found
        if first in items and second in items
        if not _holds(scene, items[first], name, items[second])
    )


def _holds(scene: Scene, first: int, name: str, second: int) -> bool:
    if name in ("on", "under"):
        return any(
            (relation.subject, relation.name, relation.object) == (first, name, second)
            for relation in scene.relations
        )
    columns = [POSITIONS.index(scene.objects[index].position) for index in (first, second)]
    distance = columns[1] - columns[0]
    return {"left of": distance > 0, "right of": distance < 0}.get(name, abs(distance) <= 1)


def without_negations(text: str) -> str:
    """Drop `no clouds`, `no rain`, `not raining`: they name what is not there."""
    return re.sub(r"\b(no|not|without)\s+\w+", " ", text)


def _before(words: list[str], index: int) -> list[str]:
    """Return the colour and size words right before a noun, nearest first."""
    before: list[str] = []
    while index > len(before):
        word = words[index - len(before) - 1]
        if word not in COLORS and word not in _SIZE_WORDS:
            break
        before.append(word)
    return before


def _color_after(words: list[str], index: int) -> str | None:
    """Return the colour of `the dog is red`; None where the colour belongs to a later noun."""
    after = words[index + 1 : index + 4]
    if len(after) < 2 or after[0] not in ("is", "are") or after[1] not in COLORS:
        return None
    return after[1] if len(after) == 2 or after[2] not in _KIND_OF else None


def _only_word(text: str, right: str | None, meanings: dict[str, str]) -> bool | None:
    """Say whether a text names the right one of a set and no other; None without a right one."""
    if right is None:
        return None
    return {meanings[word] for word in words_of(text) if word in meanings} == {right}


def _extra_right(scene: Scene, text: str) -> bool | None:
    extra, lower = scene.extra, text.lower()
    if isinstance(extra, Dish):
        return {name for name, _ in dishes_named(text) if name in DISHES} == {extra.name}
    if isinstance(extra, Illness):
        said = {name for name, symptom in SYMPTOMS.items() if _bare(symptom) in lower}
        return said == {extra.name}
    if isinstance(extra, Poster):
        color = rf"({'|'.join(COLORS)})"
        said = rf"{color} (?:ground|poster|film poster)|ground is {color}|poster with .+ on {color}"
        grounds = {word for found in re.findall(said, lower) for word in found if word}
        return grounds == {extra.ground}
    if isinstance(extra, Mockup):
        return page_facts(lower) == {
            "header": extra.color,
            "button": extra.num_buttons,
            "item": extra.num_list_items,
            "box": extra.has_image_box,
        }
    return None


def page_facts(text: str) -> dict[str, str | int | bool | None]:
    """Read the parts of a sketched page from a description; None where a part is not said."""
    header = re.findall(rf"({'|'.join(COLORS)}) header|header is ({'|'.join(COLORS)})", text)
    items = 0 if re.search(r"\bno list\b", text) else _count_of(text, "items?")
    box = None if "image box" not in text else not re.search(r"\bno image box\b", text)
    return {
        "header": (header[0][0] or header[0][1]) if header else None,
        "button": _count_of(text, "buttons?"),
        "item": items,
        "box": box,
    }


def _count_of(text: str, noun: str) -> int | None:
    found = {_NUMBERS.index(word) for word in re.findall(rf"({'|'.join(_NUMBERS)}) {noun}\b", text)}
    return found.pop() if len(found) == 1 else None


def _bare(symptom: str) -> str:
    """Return a symptom without its article."""
    return symptom.removeprefix("a ")


def distinct(named: Sequence[Named]) -> tuple[Named, ...]:
    """Drop doubles, and what is named without its colour where it is named with it too."""
    colored = {kind for kind, color in named if color is not None}
    return tuple(
        dict.fromkeys(pair for pair in named if pair[1] is not None or pair[0] not in colored)
    )
