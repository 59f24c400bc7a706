"""Poems about a scene: rhymed couplets that name what is there.

The rhyme words never depend on the objects, so a poem rhymes whatever the scene holds.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from minigpt4.world.knowledge import FILM_BY_TITLE
from minigpt4.world.language.compose_words import (
    capital,
    portion,
    shuffled,
    slots_of,
    stacked,
)
from minigpt4.world.language.words import NUMBERS, PLACE_PHRASES, article
from minigpt4.world.scene import Dish, Illness, Mockup, Poster, Scene, SceneObject

Couplet = tuple[str, str]

_SETTING: tuple[Couplet, ...] = (
    ("{where} the {time} is long,", "and the wind sings an old song."),
    ("come with me and you will see", "the {time} {where}, calm and free."),
    ("slow is the {time} and soft is the air,", "{where} there is peace everywhere."),
    ("there is a place I love to know:", "{where}, where the {time} winds blow."),
    ("{where} the {time} is here once more,", "as calm and quiet as before."),
    ("{where} we stop and take a rest,", "of all good things the {time} is best."),
)
_WEATHER: dict[str, tuple[Couplet, ...]] = {
    "clear": (
        ("the sky is clear, so wide and high,", "I love to look into the sky."),
        ("clear is the sky and clear is the air,", "a gentle wind goes everywhere."),
    ),
    "cloudy": (
        ("the clouds are drifting, soft and slow,", "over all the world below."),
        ("the clouds above are wide and grey,", "they slowly, slowly float away."),
    ),
    "rainy": (
        ("the rain falls down, the rain falls deep,", "and sings the quiet world to sleep."),
        ("the rain is falling, drop by drop,", "it seems the rain will never stop."),
    ),
    "snowy": (
        ("the snow falls soft, the snow falls deep,", "and all the quiet world can sleep."),
        ("the snow is falling, soft and slow,", "on all the silent world below."),
    ),
}
_ONE: tuple[Couplet, ...] = (
    ("I see {a_thing} in front of me,", "as fine as anything can be."),
    ("oh {thing}, so proud, so fine,", "I wish that I could call you mine."),
    ("{a_thing} is waiting there,", "without a worry, without a care."),
    ("the {thing} is bright and true,", "it keeps a secret just for you."),
    ("the {thing} is calm, the {thing} is proud,", "it never says a word aloud."),
    ("look at the {thing}, see it glow,", "a finer one I do not know."),
    ("the {thing} has found its part", "and keeps a warm place in my heart."),
)
_TWO: tuple[Couplet, ...] = (
    ("the {thing} and the {other}, old friends, they say,", "are dreaming the quiet hours away."),
    ("the {thing} and the {other} know what to do,", "they share this happy hour with you."),
    ("{a_thing} and {a_other} have come to stay,", "and nobody wants to go away."),
    ("I love the {thing} and the {other} too,", "they are a gift for me and you."),
)
_RELATED: tuple[Couplet, ...] = (
    ("{relation} the {other} the {thing} stays,", "content with all the quiet days."),
    ("see, {relation} the {other} the {thing} can dream,", "of gentle winds and a silver stream."),
)
_CLOSING: tuple[Couplet, ...] = (
    ("oh little moment, stay with me,", "as long as long can ever be."),
    ("and when I close my eyes at last,", "I keep this picture of the past."),
    ("I write these words so I will know", "how good it was so long ago."),
    ("so let us stay a little while", "and greet the world with a happy smile."),
    ("this is my poem, short and true,", "and now I give it all to you."),
)
_DISH: tuple[Couplet, ...] = (
    ("I made {a_dish} for us today,", "to chase the hungry hours away."),
    ("oh {dish}, so warm, so good, so fine,", "I wish that you were always mine."),
    ("come to me and take a seat,", "there is {a_dish} for us to eat."),
)
_INGREDIENTS: tuple[Couplet, ...] = (
    ("with {first} and with {second}, a happy sight,", "every bite is a pure delight."),
    ("the {first} is soft, the {second} is fine,", "they are as sweet as summer wine."),
    ("the {first} and the {second} are cooked with care,", "a warm smell is in the air."),
)
_SICK: tuple[Couplet, ...] = (
    ("with {symptom} it is not well today,", "but care will wash the pain away."),
    ("it has {symptom}, but do not fear,", "a gentle hand is always near."),
)
_FILM_TITLE: tuple[Couplet, ...] = (
    ("{title} makes us dream", "of things that are not what they seem."),
    ("{title} is a film to know,", "we saw it many years ago."),
)
_FILM_GENRE: tuple[Couplet, ...] = (
    ("the room goes dark, the film will start,", "{a_genre} that will touch your heart."),
    ("this {genre} will never end,", "it stays with you just like a friend."),
)
_PAGE: tuple[Couplet, ...] = (
    ("a page is drawn with pen and hand,", "so simple, all can understand."),
    ("with {buttons} it is done,", "to build this page is so much fun."),
)
_PAGE_COLOR: tuple[Couplet, ...] = (
    ("{a_color} header is on the page,", "it speaks to people of every age."),
    ("{a_color} header, short and clear,", "it says that you are welcome here."),
)


def poem(scene: Scene, rng: random.Random) -> str:
    """Write a poem of four to eight lines about a scene."""
    extra = scene.extra
    if isinstance(extra, Dish):
        couplets = _dish_couplets(extra, rng)
    elif isinstance(extra, Mockup):
        couplets = _page_couplets(extra, rng)
    elif isinstance(extra, Poster):
        couplets = _poster_couplets(extra, scene.objects[0], rng)
    elif isinstance(extra, Illness):
        couplets = [
            *_things(scene.objects[:1], rng),
            _filled(rng, _SICK, symptom=extra.symptom),
        ]
    elif scene.place is None:
        couplets = _things(scene.objects[:1] * 2, rng)
    else:
        couplets = _scene_couplets(scene, rng)
    if len(couplets) < 3 or (len(couplets) < 4 and rng.random() < 0.6):
        couplets.append(rng.choice(_CLOSING))
    return "\n".join(capital(line) for couplet in couplets for line in couplet)


def _scene_couplets(scene: Scene, rng: random.Random) -> list[Couplet]:
    where = PLACE_PHRASES[str(scene.place)]
    couplets = [_filled(rng, _SETTING, where=where, time=str(scene.time))]
    items = shuffled(scene.objects, rng)
    relation = stacked(scene)
    if relation is not None and rng.random() < 0.7:
        top, base = scene.objects[relation.subject], scene.objects[relation.object]
        slots = slots_of(top) | slots_of(base, "other")
        couplets.append(_filled(rng, _RELATED, relation=relation.name, **slots))
        items = [item for item in items if item not in (top, base)]
    elif len(items) >= 2:
        slots = slots_of(items.pop()) | slots_of(items.pop(), "other")
        couplets.append(_filled(rng, _TWO, **slots))
    couplets += _things(items[:1], rng)
    if rng.random() < 0.6 or len(couplets) < 3:
        weather = rng.choice(_WEATHER[str(scene.weather)])
        couplets.insert(rng.choice((1, len(couplets))), weather)
    return couplets[:4]


def _dish_couplets(dish: Dish, rng: random.Random) -> list[Couplet]:
    couplets = [_filled(rng, _DISH, dish=dish.name, a_dish=portion(dish.name))]
    names = rng.sample(dish.ingredients, len(dish.ingredients))
    pairs = (names[:2], names[2:])
    for template, pair in zip(rng.sample(_INGREDIENTS, 2), pairs, strict=True):
        if len(pair) == 2:
            couplets.append(_fill(template, {"first": pair[0], "second": pair[1]}))
    return couplets


def _page_couplets(page: Mockup, rng: random.Random) -> list[Couplet]:
    buttons = f"{NUMBERS[page.num_buttons]} button{'s' if page.num_buttons > 1 else ''}"
    slots = {"a_color": article(page.color), "buttons": buttons}
    colored = rng.choice(_PAGE_COLOR)
    return [_fill(couplet, slots) for couplet in rng.sample((*_PAGE, colored), 3)][:3]


def _poster_couplets(poster: Poster, emblem: SceneObject, rng: random.Random) -> list[Couplet]:
    title = _filled(rng, _FILM_TITLE, title=poster.film)
    genre = FILM_BY_TITLE[poster.film].genre
    feeling = _filled(rng, _FILM_GENRE, a_genre=article(genre), genre=genre)
    return [title, *_things((emblem,), rng), feeling][: rng.choice((2, 3, 3))]


def _things(items: Sequence[SceneObject], rng: random.Random) -> list[Couplet]:
    """Write one couplet for each object, none twice."""
    chosen = rng.sample(_ONE, len(items))
    return [_fill(couplet, slots_of(item)) for couplet, item in zip(chosen, items, strict=True)]


def _filled(rng: random.Random, couplets: Sequence[Couplet], **slots: str) -> Couplet:
    return _fill(rng.choice(couplets), slots)


def _fill(couplet: Couplet, slots: dict[str, str]) -> Couplet:
    return couplet[0].format(**slots), couplet[1].format(**slots)
