"""Questions about a picture with their answers, true by the scene."""

from __future__ import annotations

import random
from collections.abc import Callable

from minigpt4.world.language.captions import count_of, list_of
from minigpt4.world.language.words import (
    NUMBERS,
    PLACE_PHRASES,
    POSITION_PHRASES,
    article,
    join,
    sentence,
    the,
    thing,
)
from minigpt4.world.scene import Dish, Illness, Mockup, Poster, Scene
from minigpt4.world.vocabulary import KINDS

QuestionAnswer = tuple[str, str]
_Maker = Callable[[Scene, random.Random], QuestionAnswer]


def question(scene: Scene, rng: random.Random) -> QuestionAnswer:
    """Return one question about the scene and its answer."""
    makers: list[_Maker] = [_presence]
    if scene.place is not None:
        makers += [_color, _color, _count, _where, _where, _setting, _setting]
        if scene.relations:
            makers += [_relation, _relation]
    elif scene.objects:
        makers += [_color, _special]
    else:
        makers += [_special, _special]
    return rng.choice(makers)(scene, rng)


def _color(scene: Scene, rng: random.Random) -> QuestionAnswer:
    item = rng.choice(scene.objects)
    ask = rng.choice((f"What color is the {item.kind}?", f"Which color does the {item.kind} have?"))
    return ask, rng.choice((f"The {item.kind} is {item.color}.", f"It is {item.color}."))


def _count(scene: Scene, rng: random.Random) -> QuestionAnswer:
    count = len(scene.objects)
    ask = rng.choice(("How many things are there?", "How many objects are in the picture?"))
    verb = "is" if count == 1 else "are"
    return ask, f"There {verb} {NUMBERS[count]}."


def _where(scene: Scene, rng: random.Random) -> QuestionAnswer:
    index = rng.randrange(len(scene.objects))
    item = scene.objects[index]
    where = POSITION_PHRASES[item.position][0]
    for relation in scene.relations:
        if relation.subject == index and relation.name in ("on", "under"):
            where = f"{relation.name} {the(scene.objects[relation.object])} {where}"
    return f"Where is the {item.kind}?", f"The {item.kind} is {where}."


def _setting(scene: Scene, rng: random.Random) -> QuestionAnswer:
    return rng.choice(
        (
            ("Where is this?", f"It is {PLACE_PHRASES[str(scene.place)]}."),
            ("What place is this?", f"It is {PLACE_PHRASES[str(scene.place)]}."),
            ("What time is it?", f"It is {scene.time}."),
            ("What is the weather like?", f"The weather is {scene.weather}."),
            ("How is the weather?", f"It is {scene.weather}."),
        )
    )


def _relation(scene: Scene, rng: random.Random) -> QuestionAnswer:
    relation = rng.choice(scene.relations)
    first, second = scene.objects[relation.subject], scene.objects[relation.object]
    ask = f"What is {relation.name} the {second.kind}?"
    return ask, f"{sentence(thing(first, size=False))[:-1]} is {relation.name} {the(second)}."


def _presence(scene: Scene, rng: random.Random) -> QuestionAnswer:
    kinds = {item.kind: item for item in scene.objects}
    if kinds and rng.random() < 0.5:
        item = rng.choice(scene.objects)
        ask = rng.choice((f"Is there {article(item.kind)}?", f"Can you see {article(item.kind)}?"))
        return ask, f"Yes, there is {thing(item, size=False)}."
    kind = rng.choice([kind for kind in KINDS if kind not in kinds])
    ask = rng.choice((f"Is there {article(kind)}?", f"Can you see {article(kind)}?"))
    return ask, f"No, there is no {kind} in the picture."


def _special(scene: Scene, rng: random.Random) -> QuestionAnswer:
    extra = scene.extra
    if isinstance(extra, Dish):
        return rng.choice(
            (
                ("What dish is this?", f"It is {article(extra.name)}."),
                ("What is in it?", f"There is {join(extra.ingredients)} in it."),
                ("Which ingredients can you see?", f"I can see {join(extra.ingredients)}."),
            )
        )
    if isinstance(extra, Mockup):
        verb = "is" if extra.num_buttons == 1 else "are"
        return rng.choice(
            (
                (
                    "How many buttons are there?",
                    f"There {verb} {count_of(extra.num_buttons, 'button')}.",
                ),
                ("What color is the header?", f"The header is {extra.color}."),
                ("Is there a list?", f"The page has {list_of(extra.num_list_items)}."),
            )
        )
    item = scene.objects[0]
    if isinstance(extra, Illness):
        return "What do you see on the plant?", f"The {item.kind} has {extra.symptom}."
    if isinstance(extra, Poster):
        return (
            "What is on the poster?",
            f"There is {thing(item, size=False)} on {article(extra.ground)} ground.",
        )
    return "What product is this?", f"It is {thing(item, size=False)}."
