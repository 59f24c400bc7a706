"""Tell a scene in words alone: what the LLM reads where a picture will be.

`compact` is the canonical form, one short clause a column in a fixed order; the other styles keep
the LLM from depending on it. The alignment gap compares a picture with its compact telling.

`tell_in_places` tells it as a picture does: in a few dozen places, each of which holds some words
about one thing at once, in no order.
"""

from __future__ import annotations

import random
from typing import Literal

from minigpt4.world.language.words import (
    NUMBERS,
    PLACE_PHRASES,
    join,
    stacked_relations,
    standing,
)
from minigpt4.world.scene import Dish, Illness, Mockup, Poster, Scene, SceneObject

TellStyle = Literal["compact", "shuffled", "prose"]


def tell(scene: Scene, rng: random.Random | None = None, *, style: TellStyle = "compact") -> str:
    """Return the scene in words; only what a picture of it shows."""
    if style == "compact" or rng is None:
        return " ; ".join(_clauses(scene))
    if style == "shuffled":
        clauses = _clauses(scene)
        rng.shuffle(clauses)
        return f" {rng.choice((';', ',', '.', 'and'))} ".join(clauses)
    return _prose(scene, rng)


def tell_in_places(scene: Scene, rng: random.Random) -> list[str]:
    """Return what a picture of the scene shows as the words of each place, told more than once.

    Whoever reads a place gets the mean of its words' embeddings, so its words come without order,
    and each place by itself must say what it belongs to.
    """
    facts = _facts(scene)
    places = [part for fact in facts for part in _parts(fact, rng)]
    wanted = rng.randint(len(places), MAX_PLACES) if rng.random() < 0.6 else 0
    while len(places) < wanted:
        places += _parts(rng.choice(facts), rng)
    if rng.random() < 0.8:
        rng.shuffle(places)
    return places[:MAX_PLACES]


MAX_PLACES = 32
"""As many as the Q-Former has queries."""


def _parts(fact: str, rng: random.Random) -> list[str]:
    """Return one fact whole, or in two parts that both name the thing: its last two words."""
    words = fact.split()
    if len(words) < 4 or rng.random() < 0.6:
        return [fact]
    first, rest = [], []
    for word in words[:-2]:
        (first if rng.random() < 0.5 else rest).append(word)
    return [" ".join([*some, *words[-2:]]) for some in (first, rest)]


def _facts(scene: Scene) -> list[str]:
    """Return phrases that each say all there is to say of one thing, its color and name last."""
    extra = scene.extra
    if isinstance(extra, Dish):
        return [f"dish {extra.name}", *(f"with {name}" for name in extra.ingredients)]
    if isinstance(extra, Mockup):
        return _clauses(scene)
    if isinstance(extra, Illness):
        return [f"sick plant {_words(scene.objects[0])}", f"with {extra.symptom}"]
    if isinstance(extra, Poster):
        return ["film poster", f"on {extra.ground} ground", _words(scene.objects[0])]
    if scene.kind == "product":
        return [f"product {_words(scene.objects[0])}"]
    facts = [str(scene.place), str(scene.time), str(scene.weather)]
    stacked = stacked_relations(scene)
    for index in standing(scene):
        item = scene.objects[index]
        facts.append(f"{item.position} {_words(item)}")
        if index in stacked:
            relation = stacked[index]
            top = _words(scene.objects[relation.subject])
            facts.append(f"{relation.name} {item.position} {top}")
    return facts


def _clauses(scene: Scene) -> list[str]:
    extra = scene.extra
    if isinstance(extra, Dish):
        return [f"dish {extra.name}", f"with {' , '.join(extra.ingredients)}"]
    if isinstance(extra, Mockup):
        parts = ["sketch of a page", f"{extra.color} header"]
        parts.append(f"{NUMBERS[extra.num_buttons]} buttons")
        parts.append("image box" if extra.has_image_box else "no image box")
        parts.append(f"list of {NUMBERS[extra.num_list_items]}")
        return parts
    if isinstance(extra, Illness):
        return ["sick plant", _words(scene.objects[0]), f"with {extra.symptom}"]
    if isinstance(extra, Poster):
        return ["film poster", _words(scene.objects[0]), f"on {extra.ground} ground"]
    if scene.kind == "product":
        return ["product", _words(scene.objects[0])]
    return [f"{scene.place} {scene.time} {scene.weather}", *_columns(scene)]


def _columns(scene: Scene) -> list[str]:
    stacked = stacked_relations(scene)
    columns = []
    for index in standing(scene):
        item = scene.objects[index]
        text = f"{item.position} {_words(item)}"
        if index in stacked:
            relation = stacked[index]
            text += f" {relation.name} it {_words(scene.objects[relation.subject])}"
        columns.append(text)
    return columns


def _words(item: SceneObject) -> str:
    return f"{item.size} {item.color} {item.kind}"


def _prose(scene: Scene, rng: random.Random) -> str:
    """One running sentence with the same content."""
    if scene.place is None:
        return join(_clauses(scene), rng.choice(("and", ",")))
    clauses = _columns(scene)
    if rng.random() < 0.3:
        clauses.reverse()
    where = f"{scene.weather} {scene.time} {PLACE_PHRASES[scene.place]}"
    return rng.choice((f"{where} with {join(clauses)}", f"{join(clauses)} , {where}"))
