"""Short captions, as the web writes them: clean ones, and noisy, incomplete, off-topic ones."""

from __future__ import annotations

import random

from minigpt4.world.language.words import (
    NUMBERS,
    PLACE_PHRASES,
    VESSELS,
    article,
    join,
    setting,
    stacked_relations,
    standing,
    thing,
)
from minigpt4.world.scene import Dish, Illness, Mockup, Poster, Scene

OFF_TOPIC = (
    "click here for more",
    "free shipping on all orders",
    "photo of the week",
    "no title",
    "see the full story here",
    "image 12",
    "sign up today and save",
    "best price online",
)
TAILS = ("photo", "stock image", "free picture", "for sale", "best of the year", "art print", "hd")
HEADS = ("photo of", "image:", "drawing of", "picture of", "new:", "art :")


def caption(scene: Scene, rng: random.Random) -> str:
    """Return one clean short caption that names some of what the picture shows."""
    if scene.place is None:
        return _special_caption(scene, rng)
    phrases = object_phrases(scene, rng)
    count = len(phrases)
    kept = [p for p in phrases if count == 1 or rng.random() < 0.75] or [rng.choice(phrases)]
    where = PLACE_PHRASES[scene.place]
    what = join(kept)
    return rng.choice(
        (
            f"{what} {where}",
            f"{what} {where} on {article(str(scene.weather))} {scene.time}",
            f"{setting(scene)} with {what}",
            f"{what} on {article(str(scene.weather))} {scene.time}",
            f"{scene.weather} {scene.time} {where}, {what}",
            f"{what}",
        )
    )


def web_caption(scene: Scene, rng: random.Random) -> str:
    """Return a caption with the faults of the web: noise, cuts, and now and then off-topic."""
    if rng.random() < 0.04:
        return rng.choice(OFF_TOPIC)
    text = caption(scene, rng)
    if rng.random() < 0.12:
        text = f"{rng.choice(HEADS)} {text}"
    if rng.random() < 0.12:
        text = f"{text} {rng.choice(TAILS)}"
    if rng.random() < 0.05:
        words = text.split()
        text = " ".join(words[: max(3, int(len(words) * 0.7))])
    if rng.random() < 0.04:
        text = f"{text} {rng.choice(OFF_TOPIC)}"
    return text


def full_caption(scene: Scene, rng: random.Random) -> str:
    """Return one sentence that names everything, in a fixed order from the left."""
    if scene.place is None:
        return _special_caption(scene, rng)
    return f"{setting(scene)} with {join(object_phrases(scene, None, position=True))}"


def object_phrases(scene: Scene, rng: random.Random | None, *, position: bool = False) -> list[str]:
    """Return one phrase a column, e.g. `a small cat on a large table`; `rng` drops some sizes."""
    stacked = stacked_relations(scene)
    phrases = []
    for index in standing(scene):
        sized = rng is None or rng.random() < 0.4
        text = thing(scene.objects[index], rng, size=sized)
        if index in stacked:
            relation = stacked[index]
            top = thing(scene.objects[relation.subject], rng, size=sized)
            text = f"{top} {relation.name} {text}"
        if position:
            text = f"{text} {scene.objects[index].position}"
        phrases.append(text)
    return phrases


def _special_caption(scene: Scene, rng: random.Random) -> str:
    """Return a caption of what is not a place: everything it shows, in varied wording."""
    extra = scene.extra
    if isinstance(extra, Dish):
        food, name = join(extra.ingredients), extra.name
        return rng.choice(
            (
                f"{article(name)} with {food}",
                f"{name} made with {food}",
                f"{article(VESSELS[name])} with {name}, {food}",
                f"fresh {name} with {food}",
                f"{name} : {food}",
                f"{food} in {article(name)}",
            )
        )
    if isinstance(extra, Mockup):
        return _page_caption(extra, rng)
    item = scene.objects[0]
    sick = f"{item.color} {item.kind}"
    if isinstance(extra, Illness):
        return rng.choice(
            (
                f"{article(f'sick {sick}')} with {extra.symptom}",
                f"{article(sick)} that has {extra.symptom}",
                f"{extra.symptom} on {article(sick)}",
                f"what is wrong with my {sick}, it has {extra.symptom}",
                f"sick plant : {sick} with {extra.symptom}",
            )
        )
    if isinstance(extra, Poster):
        what, ground = thing(item, size=False), extra.ground
        return rng.choice(
            (
                f"film poster with {what} on {article(ground)} ground",
                f"movie poster with {what} on {ground}",
                f"{what} on {article(ground)} film poster",
                f"{ground} poster of a film with {what}",
                f"poster : {what}, {ground} ground",
            )
        )
    return rng.choice(
        (
            f"{thing(item, size=False)} as a product",
            f"a single {sick} for sale",
            f"{sick} in the shop",
            f"new {sick}, buy it today",
            f"product picture of {thing(item, size=False)}",
        )
    )


def _page_caption(extra: Mockup, rng: random.Random) -> str:
    header, buttons = extra.color, count_of(extra.num_buttons, "button")
    box = "an image box" if extra.has_image_box else "no image box"
    items = list_of(extra.num_list_items)
    return rng.choice(
        (
            f"sketch of a web page with {article(header)} header, {buttons}, {box} and {items}",
            f"hand drawn web page, {header} header, {buttons}, {box}, {items}",
            f"drawing of a page with {article(header)} header and {buttons}, {box} and {items}",
            f"web page sketch : {header} header, {items}, {buttons} and {box}",
            f"{article(header)} header, {buttons}, {box} and {items} on a sketch of a page",
        )
    )


def count_of(number: int, noun: str) -> str:
    """Say `one button`, `two buttons`, `no buttons`."""
    return f"{NUMBERS[number]} {noun}{'' if number == 1 else 's'}"


def list_of(items: int) -> str:
    """Say how long a list is."""
    return f"a list of {NUMBERS[items]} items" if items else "no list"
