"""Narratives: what a picture shows, told thing after thing in one wording, as people spoke it.

The counterpart of Localized Narratives, on which the paper trains MiniGPT-4 LocNa: true and as
detailed as a description, yet each sentence is built as the one before.

Paper: §4.3, Figures 4b, 13 and 14. Source of the style: Pont-Tuset et al. 2020, "Connecting Vision
and Language with Localized Narratives".
"""

from __future__ import annotations

from minigpt4.world.language.captions import count_of, list_of
from minigpt4.world.language.words import (
    PLACE_PHRASES,
    POSITION_PHRASES,
    VESSELS,
    article,
    stacked_relations,
    standing,
    thing,
)
from minigpt4.world.scene import Dish, Illness, Mockup, Poster, Scene


def narrative(scene: Scene) -> str:
    """Return a narrative; the same scene is always told in the same words."""
    first, *others = _shown(scene)
    told = [f"In this picture we can see {first}.", *(f"We can see {each}." for each in others)]
    if scene.place is not None:
        told.append(f"In the background we can see {_background(scene)}.")
    return " ".join(told)


def _shown(scene: Scene) -> list[str]:
    if scene.place is not None:
        return [_column(scene, index) for index in standing(scene)]
    extra = scene.extra
    if isinstance(extra, Dish):
        food = [f"{each} in it" for each in extra.ingredients]
        return [f"{article(VESSELS[extra.name])} with {article(extra.name)}", *food]
    if isinstance(extra, Mockup):
        return [
            "a sketch of a web page",
            f"{article(extra.color)} header",
            count_of(extra.num_buttons, "button"),
            "an image box" if extra.has_image_box else "no image box",
            list_of(extra.num_list_items),
        ]
    item = thing(scene.objects[0])
    if isinstance(extra, Illness):
        return [item, f"{extra.symptom} on it"]
    if isinstance(extra, Poster):
        return ["a poster", item, f"{article(extra.ground)} ground"]
    return [item]


def _column(scene: Scene, index: int) -> str:
    item = scene.objects[index]
    where = POSITION_PHRASES[item.position][0]
    relation = stacked_relations(scene).get(index)
    if relation is None:
        return f"{thing(item)} {where}"
    top = thing(scene.objects[relation.subject])
    return f"{top} {relation.name} {thing(item)} {where}"


def _background(scene: Scene) -> str:
    return f"{article(f'{scene.weather} {scene.time}')} {PLACE_PHRASES[str(scene.place)]}"
