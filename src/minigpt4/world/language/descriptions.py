"""Detailed descriptions: everything a picture shows, in varied whole sentences."""

from __future__ import annotations

import random

from minigpt4.world.language.captions import count_of, list_of
from minigpt4.world.language.words import (
    NUMBERS,
    PLACE_PHRASES,
    POSITION_PHRASES,
    VESSELS,
    article,
    join,
    sentence,
    setting,
    stacked_relations,
    standing,
    the,
    thing,
)
from minigpt4.world.scene import Dish, Illness, Mockup, Poster, Scene

WEATHER_SENTENCES = {
    "clear": ("The sky is clear.", "There are no clouds in the sky."),
    "cloudy": ("The sky is full of clouds.", "Clouds cover the sky."),
    "rainy": ("Rain is falling.", "It is raining."),
    "snowy": ("Snow is falling.", "It is snowing."),
}


def description(scene: Scene, rng: random.Random) -> str:
    """Return a detailed description that names every object with size, colour and position."""
    if scene.place is None:
        return " ".join(_special(scene, rng))
    columns = [_column(scene, index, rng) for index in standing(scene)]
    if rng.random() < 0.15:
        columns.reverse()
    parts = [_opening(scene, rng), *columns]
    side = [r for r in scene.relations if r.name in ("left of", "right of", "next to")]
    if side and rng.random() < 0.15:
        relation = rng.choice(side)
        first, second = scene.objects[relation.subject], scene.objects[relation.object]
        parts.append(sentence(f"{the(first)} is {_side(relation.name, rng)} {the(second)}"))
    if rng.random() < 0.35:
        parts.append(rng.choice(WEATHER_SENTENCES[str(scene.weather)]))
    if rng.random() < 0.25:
        parts.append(_closing(scene, rng))
    return " ".join(parts)


def _opening(scene: Scene, rng: random.Random) -> str:
    place = PLACE_PHRASES[str(scene.place)]
    when = article(f"{scene.weather} {scene.time}")
    return rng.choice(
        (
            f"The picture shows {setting(scene)}.",
            f"This picture shows {setting(scene)}.",
            f"It is {setting(scene)}.",
            f"The image shows a scene {place} on {when}.",
            f"This is a drawing of {setting(scene)}.",
            f"We are {place} on {when}.",
        )
    )


def _column(scene: Scene, index: int, rng: random.Random) -> str:
    item = scene.objects[index]
    where = rng.choice(POSITION_PHRASES[item.position])
    relation = stacked_relations(scene).get(index)
    if relation is None:
        what = thing(item, rng)
        first = (f"{where} there is {what}", f"{where} we see {what}", f"{where} stands {what}")
        last = (f"{what} is {where}", f"{what} can be seen {where}")
        # Mostly the place first: who names a thing before its place must plan ahead.
        return sentence(rng.choice(last if rng.random() < 0.12 else first))
    top, base = thing(scene.objects[relation.subject], rng), thing(item, rng)
    return sentence(
        rng.choice(
            (
                f"{where} there is {top} {relation.name} {base}",
                f"{where} we see {top} {relation.name} {base}",
                f"{where} stands {base} with {top} {relation.name} it",
                f"{where} we see {base} with {top} {relation.name} it",
                f"{where} there is {base} and {top} is {relation.name} it",
            )
        )
    )


def _side(name: str, rng: random.Random) -> str:
    return rng.choice(("next to", "beside")) if name == "next to" else name


def _closing(scene: Scene, rng: random.Random) -> str:
    count = len(scene.objects)
    noun = "thing" if count == 1 else "things"
    verb = "is" if count == 1 else "are"
    return rng.choice(
        (
            f"There {verb} {NUMBERS[count]} {noun} in the picture.",
            "Nothing else can be seen.",
            f"In all there {verb} {NUMBERS[count]} {noun}.",
        )
    )


def _special(scene: Scene, rng: random.Random) -> list[str]:
    extra = scene.extra
    show = rng.choice(("The picture shows", "This picture shows", "The image shows", "We see"))
    if isinstance(extra, Dish):
        food = join(extra.ingredients)
        return [
            f"{show} {article(VESSELS[extra.name])} with {article(extra.name)}.",
            rng.choice(
                (
                    f"The {extra.name} has {food} in it.",
                    f"It is made with {food}.",
                    f"We can see {food} in the {extra.name}.",
                )
            ),
            *rng.choice(((), ("It looks fresh and tasty.",), ("The dish is ready to eat.",))),
        ]
    if isinstance(extra, Mockup):
        return _page(extra, show, rng)
    item = scene.objects[0]
    if isinstance(extra, Illness):
        return [
            f"{show} {thing(item, rng)} that looks sick.",
            rng.choice(
                (
                    f"The {item.kind} has {extra.symptom}.",
                    f"We can see {extra.symptom} on the {item.color} {item.kind}.",
                    f"There are signs of illness: {extra.symptom}.",
                )
            ),
        ]
    if isinstance(extra, Poster):
        return [
            f"{show} a film poster.",
            rng.choice(
                (
                    f"{sentence(thing(item, rng))[:-1]} is on {article(extra.ground)} ground.",
                    f"It has {thing(item, rng)} on {article(extra.ground)} ground.",
                    f"In the center there is {thing(item, rng)} and the ground is {extra.ground}.",
                )
            ),
        ]
    return [
        f"{show} a single product.",
        rng.choice(
            (
                f"It is {thing(item, rng)}.",
                f"{sentence(thing(item, rng))[:-1]} stands in the center.",
                f"In the center there is {thing(item, rng)}.",
            )
        ),
        *rng.choice(((), ("The ground is plain.",), ("It looks new.",))),
    ]


def _page(extra: Mockup, show: str, rng: random.Random) -> list[str]:
    buttons = count_of(extra.num_buttons, "button")
    box = "an image box" if extra.has_image_box else "no image box"
    verb = "is" if extra.num_buttons == 1 else "are"
    return [
        f"{show} a hand drawn sketch of a web page.",
        f"It has {article(extra.color)} header.",
        rng.choice(
            (
                f"Below it there {verb} {buttons}.",
                f"The page has {buttons}.",
                f"There {verb} {buttons} on it.",
            )
        ),
        f"The page has {box} and {list_of(extra.num_list_items)}.",
    ]
