"""Advertisements: a product by its colour, a slogan, what it is good for, a price, a call."""

from __future__ import annotations

import random

from minigpt4.world.knowledge import FILM_BY_TITLE
from minigpt4.world.language.compose_words import LIVING, named, portion, say
from minigpt4.world.language.words import NUMBERS, PLACE_PHRASES, article, join
from minigpt4.world.scene import Dish, Illness, Mockup, Poster, Scene
from minigpt4.world.vocabulary import FAMILY_OF, PRODUCTS

PRICES = ("9", "19", "29", "49", "99")
_BENEFITS: dict[str, tuple[str, ...]] = {
    "bottle": ("it keeps every drink cold all day.", "it never leaks, wherever you go."),
    "cup": ("it keeps your tea warm for hours.", "it makes every morning a good one."),
    "lamp": ("it gives every room a warm glow.", "it needs almost no power."),
    "chair": ("it is so soft that you will never want to get up.", "it is good for your back."),
    "clock": ("it always tells the right time.", "you will never be late again."),
    "umbrella": ("it keeps you dry in any weather.", "no wind can break it."),
    "book": ("it is full of stories you will not forget.", "you will read it again and again."),
    "ball": ("it jumps higher than any other.", "it is made for hours of fun."),
    "robot": ("it cleans your home while you rest.", "it learns something new every day."),
    "car": ("it takes you anywhere, fast and safe.", "it is quiet and needs little power."),
    "bicycle": ("it rolls easily over every road.", "it keeps you fit and saves money."),
    "tent": ("it keeps you warm and dry on every trip.", "you can build it in one minute."),
}  # fmt: skip
_FAMILY_BENEFITS: dict[str, tuple[str, ...]] = {
    "animal": ("it is a true friend for life.", "it makes everybody smile."),
    "food": ("it is fresh every day.", "it is sweet and good, and everybody loves it."),
    "vehicle": ("it takes you anywhere, fast and safe.", "it is strong and needs little power."),
    "plant": ("it makes every garden better.", "it needs only a little water and care."),
    "building": ("it is safe and strong.", "you will feel at home at once."),
    "household": ("it makes your home better.", "it is made with care and lasts for years."),
    "toy": ("it is made for hours of fun.", "it makes everybody smile."),
}
_HEADLINE = (
    "meet the {thing}!",
    "new: the {thing}!",
    "the {thing} is here!",
    "are you looking for {a_thing}?",
    "bring home the {thing} today!",
)
_SLOGAN = (
    "small price, big joy.",
    "made for you, made to last.",
    "once you have it, you will love it.",
    "life is better with {a_thing}.",
    "simple, strong and {color}.",
)
_LOOK = (
    "its {color} color is bright and modern.",
    "the {color} color looks great everywhere.",
    "you have never seen a finer {kind}.",
)
_WHERE = ("you can find it {where}.", "come and see it {where}.", "we are waiting for you {where}.")
_PRICE = (
    "now for only {price} dollars.",
    "get it for {price} dollars and save money.",
    "the price is only {price} dollars.",
)
_CALL = ("order yours today!", "call us now!", "buy it today and smile tomorrow!", "do not wait!")


def advertisement(scene: Scene, rng: random.Random) -> str:
    """Write an advertisement for what a scene shows: its product, dish, film or a thing in it."""
    extra = scene.extra
    price = rng.choice(PRICES)
    if isinstance(extra, Dish):
        return _tell(_DISH_AD, rng, dish=extra.name, a_dish=portion(extra.name),
                     food=join(extra.ingredients), price=price)  # fmt: skip
    if isinstance(extra, Mockup):
        buttons = f"{NUMBERS[extra.num_buttons]} button{'s' if extra.num_buttons > 1 else ''}"
        return _tell(_PAGE_AD, rng, a_color=article(extra.color), buttons=buttons, price=price)
    if isinstance(extra, Poster):
        film = FILM_BY_TITLE[extra.film]
        return _tell(_FILM_AD, rng, title=film.title, a_genre=article(film.genre),
                     director=film.director, star=film.star, thing=named(scene.objects[0]),
                     a_thing=article(named(scene.objects[0])), price=price)  # fmt: skip
    if isinstance(extra, Illness):
        item = scene.objects[0]
        return _tell(_PLANT_AD, rng, thing=named(item), a_thing=article(named(item)),
                     symptom=extra.symptom, price=price)  # fmt: skip
    return _thing_ad(scene, price, rng)


def _thing_ad(scene: Scene, price: str, rng: random.Random) -> str:
    goods = [item for item in scene.objects if item.kind in PRODUCTS]
    item = rng.choice(goods or scene.objects)
    slots = {
        "thing": named(item), "a_thing": article(named(item)), "kind": item.kind,
        "color": item.color, "price": price,
    }  # fmt: skip
    benefits = rng.sample(_BENEFITS.get(item.kind, _FAMILY_BENEFITS[FAMILY_OF[item.kind]]), 2)
    parts = [
        say(rng, _HEADLINE, **slots),
        say(rng, _SLOGAN, **slots),
        say(rng, benefits[:1]),
        say(rng, benefits[1:]),
    ]
    if item.kind not in LIVING or rng.random() < 0.3:
        parts.insert(rng.choice((2, 4)), say(rng, _LOOK, **slots))
    if scene.place is not None and rng.random() < 0.6:
        parts.append(say(rng, _WHERE, where=PLACE_PHRASES[scene.place]))
    others = [other for other in scene.objects if other is not item]
    if others and rng.random() < 0.3:
        gift = named(rng.choice(others))
        parts.append(say(rng, ("and the {gift} comes as a free gift!",), gift=gift))
    return " ".join([*parts, say(rng, _PRICE, **slots), say(rng, _CALL)])


def _tell(plan: tuple[tuple[str, ...], ...], rng: random.Random, **slots: str) -> str:
    return " ".join(say(rng, step, **slots) for step in plan)


_DISH_AD = (
    ("are you hungry?", "taste our new {dish}!", "come and try our {dish}!"),
    ("it is made with fresh {food}.", "{food}: that is all it needs."),
    ("we cook {a_dish} like this every day.", "this {dish} is warm, fresh and good."),
    ("you will never want another {dish}.", "one bite, and you will love it."),
    _PRICE,
    ("come in today!", "bring your friends!", "order now!"),
)
_PAGE_AD = (
    ("do you need a web page?", "your new web page is here!"),
    ("it has {a_color} header and {buttons}.", "with {a_color} header and {buttons} it is easy."),
    ("simple, fast and modern.", "so simple that all can understand it."),
    ("we build it for you in one day.", "made with care, for you and your work."),
    _PRICE,
    ("call us now!", "order yours today!"),
)
_FILM_AD = (
    ("do not miss {title}!", "now showing: {title}!"),
    ("{a_genre} by {director} with {star}.", "{director} shows us {star} in {a_genre}."),
    ("who can forget the {thing}?", "everyone is talking about the {thing}."),
    ("you will laugh, cry and dream.", "it will touch your heart."),
    ("it costs only {price} dollars.", "see it for only {price} dollars."),
    ("come and see it tonight!", "bring your friends!"),
)
_PLANT_AD = (
    ("are you good with plants?", "this {thing} is looking for a new home!"),
    ("our {thing} is not well, but it is strong.", "bring home {a_thing} and help it."),
    ("it has {symptom}, and you can make it well again.",
     "do not be afraid of {symptom}: a little care will help."),
    ("it needs only a little water and care.", "soon it will make every garden better."),
    _PRICE,
    ("call us now!", "do not wait!"),
)  # fmt: skip
