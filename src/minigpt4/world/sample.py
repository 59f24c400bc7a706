"""Sample scenes: seeded, unlimited, and disjoint between train, validation and test.

`sample_scene(split, seed, index)` is a pure function. A split owns a stream of generators of its
own (`_SPLIT_KEYS`), so no seed of one split can meet a scene of another by construction.
"""

from __future__ import annotations

import itertools
import random
from typing import Literal

from minigpt4.errors import SettingsError
from minigpt4.world import knowledge as know
from minigpt4.world import vocabulary as voc
from minigpt4.world.scene import (
    SCENE_KINDS,
    Dish,
    Extra,
    Illness,
    Incongruity,
    Mockup,
    Poster,
    Relation,
    Scene,
    SceneKind,
    SceneObject,
)

Split = Literal["train", "validation", "test"]
_SPLIT_KEYS = {"train": 0, "validation": 1, "test": 2}

KIND_WEIGHTS: dict[SceneKind, int] = {
    "scene": 56,
    "incongruous": 9,
    "dish": 8,
    "product": 7,
    "plant": 7,
    "poster": 7,
    "mockup": 6,
}
NUM_OBJECTS_WEIGHTS = {1: 20, 2: 28, 3: 26, 4: 16, 5: 10}


def scene_seed(split: str, seed: int, index: int) -> int:
    """Return the seed of one scene; the split is its lowest digit in base 3.

    Raises:
        SettingsError: for an unknown split or a negative seed or index.
    """
    if split not in _SPLIT_KEYS:
        raise SettingsError(f"unknown split {split!r}; choose train, validation or test")
    if seed < 0 or index < 0:
        raise SettingsError(f"seed {seed} and index {index} must not be negative")
    return ((seed << 32) + index) * 3 + _SPLIT_KEYS[split]


def sample_scene(split: Split, seed: int, index: int, *, kind: SceneKind | None = None) -> Scene:
    """Return scene `index` of a split's stream `seed`; `kind` asks for one kind of picture."""
    number = scene_seed(split, seed, index)
    rng = random.Random(number)
    if kind is None:
        kind = rng.choices(SCENE_KINDS, [KIND_WEIGHTS[name] for name in SCENE_KINDS])[0]
    return _SAMPLERS[kind](number, rng)


def _sample_plain(number: int, rng: random.Random) -> Scene:
    place, time, weather = _sample_setting(rng)
    count = rng.choices(list(NUM_OBJECTS_WEIGHTS), list(NUM_OBJECTS_WEIGHTS.values()))[0]
    while True:
        objects, relations = _sample_columns(rng, count)
        scene = Scene(
            kind="scene", seed=number, place=place, time=time, weather=weather,
            objects=objects, relations=relations,
        )  # fmt: skip
        if not is_incongruous(scene):
            return scene


def _sample_setting(rng: random.Random) -> tuple[str, str, str]:
    return rng.choice(voc.PLACES), rng.choice(voc.TIMES), rng.choice(voc.WEATHERS)


def _sample_columns(
    rng: random.Random, count: int
) -> tuple[tuple[SceneObject, ...], tuple[Relation, ...]]:
    """Spread `count` objects over three columns, two to a column where one is on or under."""
    pairs = max(0, count - 3)
    if count in (2, 3, 4) and rng.random() < 0.35:
        pairs += 1
    columns = count - pairs
    positions = sorted(rng.sample(voc.POSITIONS, columns), key=voc.POSITIONS.index)
    paired = set(rng.sample(positions, pairs))
    kinds = rng.sample(voc.KINDS, len(voc.KINDS))  # no kind twice in a scene
    objects: list[SceneObject] = []
    stacked: list[Relation] = []
    for position in positions:
        if position not in paired:
            kind = kinds.pop()
            size = rng.choice(voc.SIZES)
            objects.append(_object(rng, kind, size, position))
            continue
        name = rng.choice(("on", "under"))
        bases = voc.SUPPORTS if name == "on" else voc.SHELTERS
        base = next(kind for kind in kinds if kind in bases)
        kinds.remove(base)
        top = next(kind for kind in kinds if voc.FAMILY_OF[kind] not in ("building", "vehicle"))
        kinds.remove(top)
        objects.append(_object(rng, base, "large", position))
        objects.append(_object(rng, top, "small", position))
        stacked.append(Relation(subject=len(objects) - 1, name=name, object=len(objects) - 2))
    return tuple(objects), (*stacked, *_side_relations(objects, stacked))


def _object(rng: random.Random, kind: str, size: str, position: str) -> SceneObject:
    return SceneObject(kind=kind, color=rng.choice(voc.COLORS), size=size, position=position)


def _side_relations(objects: list[SceneObject], stacked: list[Relation]) -> list[Relation]:
    """Relate the standing objects of different columns: left of, and next to for neighbours."""
    carried = {relation.subject for relation in stacked}
    standing = [index for index in range(len(objects)) if index not in carried]
    relations = []
    for first, second in itertools.pairwise(standing):
        relations.append(Relation(subject=first, name="left of", object=second))
        relations.append(Relation(subject=second, name="right of", object=first))
        columns = [voc.POSITIONS.index(objects[index].position) for index in (first, second)]
        if columns[1] - columns[0] == 1:
            relations.append(Relation(subject=first, name="next to", object=second))
    return relations


def is_incongruous(scene: Scene) -> bool:
    """Say whether a scene breaks a rule of the world by chance."""
    kinds = {thing.kind for thing in scene.objects}
    if "snowman" in kinds and scene.place in know.MELTING_PLACES:
        return True
    if kinds & set(know.STRANDED) and scene.place in know.DRY_PLACES:
        return True
    for relation in scene.relations:
        top, base = scene.objects[relation.subject].kind, scene.objects[relation.object].kind
        if relation.name != "on":
            continue
        if (top in know.RIDERS and base in know.RIDDEN) or (
            top in know.HEAVY and base in know.FRAGILE
        ):
            return True
    return False


def _sample_incongruous(number: int, rng: random.Random) -> Scene:
    rule = rng.choice(know.INCONGRUITY_RULES)
    place, time, weather = _sample_setting(rng)
    position = rng.choice(voc.POSITIONS)
    relations: list[Relation] = []
    if rule in ("ride", "heavy"):
        tops, bases = (know.RIDERS, know.RIDDEN) if rule == "ride" else (know.HEAVY, know.FRAGILE)
        top, base = rng.choice(tops), rng.choice(bases)
        objects = [_object(rng, base, "large", position), _object(rng, top, "small", position)]
        relations = [Relation(subject=1, name="on", object=0)]
        extra = Incongruity(rule=rule, subject=top, setting=base)
        avoided = {*know.STRANDED, "snowman", *know.RIDERS}
        if place in know.DRY_PLACES and avoided & {"boat", "fish"} & {top, base}:
            place = rng.choice([p for p in voc.PLACES if p not in know.DRY_PLACES])
    else:
        subject = "snowman" if rule == "melt" else rng.choice(know.STRANDED)
        place = rng.choice(know.MELTING_PLACES if rule == "melt" else know.DRY_PLACES)
        if rule == "melt":
            weather = rng.choice(("clear", "cloudy", "rainy"))  # snow would explain it
        objects = [_object(rng, subject, "large", position)]
        extra = Incongruity(rule=rule, subject=subject, setting=place)
        avoided = {*know.STRANDED, "snowman"}
    if rng.random() < 0.5:
        objects, relations = _add_bystander(rng, objects, relations, avoided)
    return Scene(
        kind="incongruous", seed=number, place=place, time=time, weather=weather,
        objects=tuple(objects), relations=tuple(relations), extra=extra,
    )  # fmt: skip


def _add_bystander(
    rng: random.Random, objects: list[SceneObject], relations: list[Relation], avoided: set[str]
) -> tuple[list[SceneObject], list[Relation]]:
    """Put one ordinary thing beside the odd one, keeping objects in order from the left."""
    taken = objects[0].position
    position = rng.choice([p for p in voc.POSITIONS if p != taken])
    used = {thing.kind for thing in objects} | avoided
    kind = rng.choice([kind for kind in voc.KINDS if kind not in used])
    extra = _object(rng, kind, rng.choice(voc.SIZES), position)
    if voc.POSITIONS.index(position) < voc.POSITIONS.index(taken):
        shifted = [
            Relation(subject=r.subject + 1, name=r.name, object=r.object + 1) for r in relations
        ]
        objects = [extra, *objects]
        return objects, [*shifted, *_side_relations(objects, shifted)]
    objects = [*objects, extra]
    return objects, [*relations, *_side_relations(objects, relations)]


def _sample_dish(number: int, rng: random.Random) -> Scene:
    ingredients = tuple(rng.sample(voc.INGREDIENTS, rng.choice((2, 3, 3, 4))))
    return _special("dish", number, (), Dish(name=rng.choice(voc.DISHES), ingredients=ingredients))


def _sample_product(number: int, rng: random.Random) -> Scene:
    return _special("product", number, (_object(rng, rng.choice(voc.PRODUCTS), "large", "center"),))


def _sample_plant(number: int, rng: random.Random) -> Scene:
    illness = rng.choice(voc.ILLNESSES)
    # Plants are shown in the colours that leave the marks of the illness visible.
    color = rng.choice(("green", "red", "purple", "yellow", "blue"))
    thing = SceneObject(
        kind=rng.choice(voc.SICK_PLANTS), color=color, size="large", position="center"
    )
    return _special("plant", number, (thing,), Illness(name=illness, symptom=voc.SYMPTOMS[illness]))


def _sample_poster(number: int, rng: random.Random) -> Scene:
    film = rng.choice(know.FILMS)
    thing = SceneObject(kind=film.emblem, color=film.color, size="large", position="center")
    return _special("poster", number, (thing,), Poster(film=film.title, ground=film.ground))


def _sample_mockup(number: int, rng: random.Random) -> Scene:
    extra = Mockup(
        color=rng.choice([color for color in voc.COLORS if color != "white"]),
        num_buttons=rng.choice(voc.PAGE_BUTTONS),
        has_image_box=rng.random() < 0.5,
        num_list_items=rng.choice(voc.PAGE_LIST_ITEMS),
    )
    return _special("mockup", number, (), extra)


def _special(
    kind: SceneKind, number: int, objects: tuple[SceneObject, ...], extra: Extra | None = None
) -> Scene:
    return Scene(kind=kind, seed=number, objects=objects, extra=extra)


_SAMPLERS = {
    "scene": _sample_plain,
    "incongruous": _sample_incongruous,
    "dish": _sample_dish,
    "product": _sample_product,
    "plant": _sample_plant,
    "poster": _sample_poster,
    "mockup": _sample_mockup,
}
