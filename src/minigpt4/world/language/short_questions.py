"""Short questions about what a drawn picture shows, with short answers, true by the scene.

They are the questions of `questions.py` in the forms in which benchmarks ask: an answer of a word
or two, the other true wordings of it, the answers it could have been confused with, and what sort
of question it is. Yes and no come about equally often. The evaluation asks them about pictures; the
LLM of the miniature reads them, as text alone, about scenes that are told.

Paper: Tables 4 and 6 (their drawn counterparts).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from minigpt4.world.language.words import (
    NUMBERS,
    PLACE_PHRASES,
    POSITION_PHRASES,
    article,
    join,
    sentence,
    thing,
)
from minigpt4.world.scene import Dish, Illness, Mockup, Poster, Scene, SceneObject
from minigpt4.world.vocabulary import (
    COLORS,
    DISHES,
    FAMILIES,
    FAMILY_OF,
    INGREDIENTS,
    KINDS,
    PLACES,
    POSITIONS,
    SYMPTOMS,
    TIMES,
    WEATHERS,
)

Structure = Literal["query", "verify", "choose", "logical", "compare"]
Semantic = Literal["attr", "obj", "rel", "cat", "global"]

_WEATHER_NOUNS = {"clear": "sunny", "cloudy": "clouds", "rainy": "rain", "snowy": "snow"}
_NAMES = (*KINDS, *DISHES, *INGREDIENTS)


@dataclass(frozen=True, kw_only=True)
class ShortQuestion:
    """A question with a short answer."""

    text: str
    answer: str
    full: str
    """The answer as a whole sentence."""
    structure: Structure
    semantic: Semantic
    about: str
    """What is asked for: `color`, `exist`, `side` ..."""
    also: tuple[str, ...] = ()
    """Other short answers that are as right."""
    options: tuple[str, ...] = ()
    """All answers of this sort, the right one among them."""
    balanced: bool = True
    """False: one of too many with the same answer."""

    @property
    def answer_type(self) -> Literal["yes/no", "number", "other"]:
        """The answer type of VQAv2."""
        if self.answer in ("yes", "no"):
            return "yes/no"
        return "number" if self.answer.isdecimal() else "other"


def short_questions(scene: Scene, rng: random.Random) -> list[ShortQuestion]:
    """Return the questions that a scene allows, one of each form, in random order."""
    makers: list[_Maker] = []
    if scene.place is not None:
        makers += [_global, _global_choice, _count, _exists, _both]
        makers += [_color, _color_true, _color_choice, _category, _place_of]
        if len(scene.objects) > 1:
            makers += [_same_color]
        if len({item.position for item in scene.objects}) > 1:
            makers += [_side_true, _side_choice]
        if _stacked(scene):
            makers += [_carried, _carried_true]
    elif scene.objects:
        makers += [_color, _color_true, _color_choice, _exists, _special]
    else:
        makers += [_special, _part_true]
    found = [made for maker in makers if (made := maker(scene, rng)) is not None]
    rng.shuffle(found)
    return found


_Maker = Callable[[Scene, random.Random], ShortQuestion | None]


def _yes_no(
    text: str, is_so: bool, full: str, *, kind: tuple[Semantic, str], balanced: bool = True
) -> ShortQuestion:
    return ShortQuestion(
        text=text,
        answer="yes" if is_so else "no",
        full=f"{'Yes' if is_so else 'No'}, {full}",
        structure="verify",
        semantic=kind[0],
        about=kind[1],
        options=("yes", "no"),
        balanced=balanced,
    )


def _color(scene: Scene, rng: random.Random) -> ShortQuestion:
    item = rng.choice(scene.objects)
    return ShortQuestion(
        text=f"What color is the {item.kind}?", answer=item.color,
        full=f"The {item.kind} is {item.color}.",
        structure="query", semantic="attr", about="color", options=COLORS,
    )  # fmt: skip


def _color_true(scene: Scene, rng: random.Random) -> ShortQuestion:
    item = rng.choice(scene.objects)
    said = item.color if rng.random() < 0.5 else _other(COLORS, (item.color,), rng)
    full = f"the {item.kind} is {item.color}."
    is_so = said == item.color
    return _yes_no(f"Is the {item.kind} {said}?", is_so, full, kind=("attr", "color"))


def _color_choice(scene: Scene, rng: random.Random) -> ShortQuestion:
    item = rng.choice(scene.objects)
    offered = [item.color, _other(COLORS, (item.color,), rng)]
    rng.shuffle(offered)
    return ShortQuestion(
        text=f"Is the {item.kind} {offered[0]} or {offered[1]}?", answer=item.color,
        full=f"The {item.kind} is {item.color}.",
        structure="choose", semantic="attr", about="color", options=tuple(offered),
    )  # fmt: skip


def _same_color(scene: Scene, rng: random.Random) -> ShortQuestion:
    pairs = [(a, b) for a in scene.objects for b in scene.objects if a is not b]
    same = [pair for pair in pairs if pair[0].color == pair[1].color]
    first, second = rng.choice(same if same else pairs)
    does = "have" if same else "do not have"
    return ShortQuestion(
        text=f"Do the {first.kind} and the {second.kind} have the same color?",
        answer="yes" if same else "no",
        full=f"{'Yes' if same else 'No'}, they {does} the same color.",
        structure="compare", semantic="attr", about="same color", options=("yes", "no"),
        # Most pairs differ: only so many of them are kept for a balanced set.
        balanced=bool(same) or rng.random() < 0.4,
    )  # fmt: skip


def _exists(scene: Scene, rng: random.Random) -> ShortQuestion:
    here = {item.kind: item for item in scene.objects}
    if rng.random() < 0.5:
        item = rng.choice(scene.objects)
        full = f"there is {thing(item, size=False)}."
        return _yes_no(f"Is there {article(item.kind)}?", True, full, kind=("obj", "exist"))
    kind = _other(KINDS, here, rng)
    full = f"there is no {kind} in the picture."
    return _yes_no(f"Is there {article(kind)}?", False, full, kind=("obj", "exist"))


def _both(scene: Scene, rng: random.Random) -> ShortQuestion:
    here = [item.kind for item in scene.objects]
    kinds = [rng.choice(here), _other(KINDS, here, rng)]
    word, is_so = "or", True
    if rng.random() < 0.5:
        word, is_so = "and", len(here) > 1 and rng.random() < 0.6
        if is_so:
            kinds = rng.sample(here, 2)
    elif rng.random() < 0.6:
        kinds, is_so = rng.sample([kind for kind in KINDS if kind not in here], 2), False
    rng.shuffle(kinds)
    shown = [f"a {item.color} {item.kind}" for item in scene.objects]
    return ShortQuestion(
        text=f"Is there {article(kinds[0])} {word} {article(kinds[1])}?",
        answer="yes" if is_so else "no",
        full=f"{'Yes' if is_so else 'No'}, there is {join(shown)}.",
        structure="logical", semantic="obj", about="exist", options=("yes", "no"),
    )  # fmt: skip


def _category(scene: Scene, rng: random.Random) -> ShortQuestion | None:
    """Ask which animal (vehicle, plant ...) there is, if there is just one."""
    families = [FAMILY_OF[item.kind] for item in scene.objects]
    single = [item for item in scene.objects if families.count(FAMILY_OF[item.kind]) == 1]
    single = [item for item in single if FAMILY_OF[item.kind] != "household"]
    if not single:
        return None
    item = rng.choice(single)
    family = FAMILY_OF[item.kind]
    return ShortQuestion(
        text=f"What {family} is there?", answer=item.kind,
        full=f"There is {thing(item, size=False)}.",
        structure="query", semantic="cat", about="category", options=FAMILIES[family],
    )  # fmt: skip


def _count(scene: Scene, rng: random.Random) -> ShortQuestion:
    count = len(scene.objects)
    verb = "is" if count == 1 else "are"
    return ShortQuestion(
        text=rng.choice(("How many things are there?", "How many objects are in the picture?")),
        answer=str(count), also=(NUMBERS[count],), full=f"There {verb} {NUMBERS[count]}.",
        structure="query", semantic="global", about="count", options=("1", "2", "3", "4", "5"),
    )  # fmt: skip


def _place_of(scene: Scene, rng: random.Random) -> ShortQuestion | None:
    """Ask where a thing stands that stands alone in its column."""
    columns = [item.position for item in scene.objects]
    alone = [item for item in scene.objects if columns.count(item.position) == 1]
    if not alone:
        return None
    item = rng.choice(alone)
    phrases = POSITION_PHRASES[item.position]
    return ShortQuestion(
        text=f"Where is the {item.kind}?", answer=item.position, also=phrases,
        full=f"The {item.kind} is {phrases[0]}.",
        structure="query", semantic="rel", about="position", options=POSITIONS,
    )  # fmt: skip


def _side_true(scene: Scene, rng: random.Random) -> ShortQuestion:
    first, second, side = _beside(scene, rng)
    said = side if rng.random() < 0.5 else {"left": "right", "right": "left"}[side]
    text = f"Is the {first.kind} {said} of the {second.kind}?"
    full = f"the {first.kind} is {side} of the {second.kind}."
    return _yes_no(text, said == side, full, kind=("rel", "side"))


def _side_choice(scene: Scene, rng: random.Random) -> ShortQuestion:
    first, second, side = _beside(scene, rng)
    return ShortQuestion(
        text=f"Is the {first.kind} left of or right of the {second.kind}?", answer=side,
        also=(f"{side} of",), full=f"The {first.kind} is {side} of the {second.kind}.",
        structure="choose", semantic="rel", about="side", options=("left", "right"),
    )  # fmt: skip


def _carried(scene: Scene, rng: random.Random) -> ShortQuestion:
    top, name, base = rng.choice(_stacked(scene))
    return ShortQuestion(
        text=f"What is {name} the {base.kind}?", answer=top.kind,
        also=(article(top.kind), f"{top.color} {top.kind}"),
        full=f"{sentence(thing(top, size=False))[:-1]} is {name} the {base.kind}.",
        structure="query", semantic="rel", about="carried", options=KINDS,
    )  # fmt: skip


def _carried_true(scene: Scene, rng: random.Random) -> ShortQuestion:
    top, name, base = rng.choice(_stacked(scene))
    said = name if rng.random() < 0.5 else {"on": "under", "under": "on"}[name]
    text = f"Is the {top.kind} {said} the {base.kind}?"
    full = f"the {top.kind} is {name} the {base.kind}."
    return _yes_no(text, said == name, full, kind=("rel", "carried"))


def _global(scene: Scene, rng: random.Random) -> ShortQuestion:
    place, weather, time = str(scene.place), str(scene.weather), str(scene.time)
    where = PLACE_PHRASES[place]
    text, answer, also, options = rng.choice(
        (
            ("What place is this?", place, (where, f"the {place}"), PLACES),
            ("Where is this?", place, (where, f"the {place}"), PLACES),
            ("What time is it?", time, (), TIMES),
            ("What is the weather like?", weather, (_WEATHER_NOUNS[weather],), WEATHERS),
            ("How is the weather?", weather, (_WEATHER_NOUNS[weather],), WEATHERS),
        )
    )
    return ShortQuestion(
        text=text, answer=answer, also=also, options=options,
        full=f"It is {where if answer == place else answer}.",
        structure="query", semantic="global", about="setting",
    )  # fmt: skip


def _global_choice(scene: Scene, rng: random.Random) -> ShortQuestion:
    answer, options = rng.choice(
        ((str(scene.time), TIMES), (str(scene.weather), WEATHERS), (str(scene.place), PLACES))
    )
    offered = [answer, _other(options, (answer,), rng)]
    rng.shuffle(offered)
    what = "Is this the {} or the {}?" if options is PLACES else "Is it {} or {}?"
    return ShortQuestion(
        text=what.format(*offered), answer=answer, full=f"It is {answer}.",
        structure="choose", semantic="global", about="setting", options=tuple(offered),
    )  # fmt: skip


def _special(scene: Scene, rng: random.Random) -> ShortQuestion:
    """Ask what a dish, product, plant, poster or page is or has."""
    extra = scene.extra
    text, answer, full, options = "What product is this?", "", "It is {}.", KINDS
    if isinstance(extra, Dish):
        text, answer, options = "What dish is this?", extra.name, DISHES
    elif isinstance(extra, Illness):
        text, answer = "What do you see on the plant?", extra.symptom
        full, options = "The plant has {}.", tuple(SYMPTOMS.values())
    elif isinstance(extra, Mockup):
        text, answer, full = "What color is the header?", extra.color, "The header is {}."
        options = COLORS
        if rng.random() < 0.5:
            text, answer = "How many buttons are there?", str(extra.num_buttons)
            full, options = "The number of buttons is {}.", ("1", "2", "3", "4")
    elif isinstance(extra, Poster):
        text, answer, full = "What is on the poster?", scene.objects[0].kind, "There is a {}."
    else:
        answer = scene.objects[0].kind
    also = (NUMBERS[int(answer)],) if answer.isdecimal() else ()
    if answer in _NAMES:
        also = (article(answer),)
    return ShortQuestion(
        text=text, answer=answer, also=also, full=full.format(answer), options=options,
        structure="query", semantic="attr" if options is COLORS else "obj", about="special",
    )  # fmt: skip


def _part_true(scene: Scene, rng: random.Random) -> ShortQuestion:
    """Ask whether a dish has an ingredient, or a page a part."""
    extra = scene.extra
    if isinstance(extra, Dish):
        is_so = rng.random() < 0.5
        part = (
            rng.choice(extra.ingredients) if is_so else _other(INGREDIENTS, extra.ingredients, rng)
        )
        full = f"there is {join(extra.ingredients)} in it."
        return _yes_no(f"Is there {part} in it?", is_so, full, kind=("obj", "exist"))
    assert isinstance(extra, Mockup), f"a {scene.kind} has neither objects nor parts"
    text, is_so, part = rng.choice(
        (
            ("Is there a list?", extra.num_list_items > 0, "list"),
            ("Is there an image box?", extra.has_image_box, "image box"),
        )
    )
    full = f"there is {article(part) if is_so else f'no {part}'}."
    return _yes_no(text, is_so, full, kind=("obj", "exist"))


def _beside(scene: Scene, rng: random.Random) -> tuple[SceneObject, SceneObject, str]:
    """Return two things of different columns, and on which side of the second the first is."""
    columns = {item.kind: POSITIONS.index(item.position) for item in scene.objects}
    pairs = [
        (first, second)
        for first in scene.objects
        for second in scene.objects
        if columns[first.kind] != columns[second.kind]
    ]
    first, second = rng.choice(pairs)
    return first, second, "left" if columns[first.kind] < columns[second.kind] else "right"


def _stacked(scene: Scene) -> list[tuple[SceneObject, str, SceneObject]]:
    """Return what is on or under what."""
    return [
        (scene.objects[relation.subject], relation.name, scene.objects[relation.object])
        for relation in scene.relations
        if relation.name in ("on", "under")
    ]


def _other(names: Iterable[str], without: Iterable[str], rng: random.Random) -> str:
    without = set(without)
    return rng.choice([name for name in names if name not in without])
