"""Stories of five to seven sentences with the things of a scene as characters and props."""

from __future__ import annotations

import random

from minigpt4.world.knowledge import FILM_BY_TITLE
from minigpt4.world.language.compose_words import (
    LIVING,
    capital,
    portion,
    say,
    shuffled,
    slots_of,
    stacked,
)
from minigpt4.world.language.words import NUMBERS, PLACE_PHRASES, article, join
from minigpt4.world.scene import Dish, Illness, Mockup, Poster, Scene, SceneObject

PEOPLE = ("Mia", "Tom", "Anna", "Ben", "Lily", "Sam")
_SETTING = (
    "it was {a_weather} {time} {where}.",
    "the story begins {where} on {a_weather} {time}.",
    "one {weather} {time} something happened {where}.",
)
_HERO = (
    "{a_thing} was all alone and wished for a friend.",
    "{a_thing} had a big dream: it wanted to see the world.",
    "{a_thing} lived there and was known to everyone.",
)
_FOUND = (
    "{person} came by and found {a_thing}.",
    "a child called {person} saw {a_thing} and stopped.",
    "nobody knew who had left {a_thing} there, but {person} wanted to find out.",
)
_MEET = (
    "then the {thing} met {a_other}, and they became friends at once.",
    "soon it found {a_other} and was not alone any more.",
    "{a_other} was there too, and the {thing} asked it for help.",
)
_TOGETHER = (
    "the {thing} was {relation} the {other}, and this was their secret place.",
    "every {time} the {thing} stayed {relation} the {other} and felt safe.",
)
_MORE = (
    "the {thing} was there too and kept the secret.",
    "even the {thing} seemed to wait for the end.",
    "near them the {thing} was waiting, and it heard every word.",
)
_WEATHER = {
    "clear": ("the sky was clear, and the air was warm.", "not a drop of water fell all {time}."),
    "cloudy": ("the clouds were grey, but nobody was sad.", "the clouds were low and slow."),
    "rainy": ("the rain fell hard, and everything was wet.", "they heard the rain all {time}."),
    "snowy": ("the snow fell soft, and everything was cold.", "there was snow everywhere."),
}
_TURN = (
    "suddenly there was a loud noise, and for a moment everybody was afraid.",
    "but then the wind came and took everything away that was not heavy.",
    "they looked for a way home, and it was long and hard.",
    "they had one good idea and tried it at once.",
)
_SOLVED = (
    "but the {thing} was brave and saved them all.",
    "it was the {thing} that knew what to do.",
    "without the {thing} it would have ended badly.",
)
_END = (
    "in the end everyone was happy, and they went home together.",
    "from then on they met there again and again.",
    "and if you listen, you can still hear them laugh.",
    "they never forgot this {time}.",
    "that is how a small wish came true.",
)


def story(scene: Scene, rng: random.Random) -> str:
    """Write a story of five to seven sentences about a scene."""
    extra = scene.extra
    person = rng.choice(PEOPLE)
    if isinstance(extra, Dish):
        return _tell(_DISH_STORY, rng, dish=extra.name, a_dish=portion(extra.name),
                     food=join(extra.ingredients), first=extra.ingredients[0],
                     second=extra.ingredients[1], person=person)  # fmt: skip
    if isinstance(extra, Mockup):
        buttons = f"{NUMBERS[extra.num_buttons]} button{'s' if extra.num_buttons > 1 else ''}"
        return _tell(_PAGE_STORY, rng, a_color=article(extra.color), buttons=buttons, person=person)
    if isinstance(extra, Poster):
        film = FILM_BY_TITLE[extra.film]
        return _tell(_FILM_STORY, rng, title=film.title, a_genre=article(film.genre),
                     star=film.star, person=person, **slots_of(scene.objects[0]))  # fmt: skip
    if isinstance(extra, Illness):
        return _tell(_PLANT_STORY, rng, symptom=extra.symptom, person=person,
                     kind=scene.objects[0].kind, **slots_of(scene.objects[0]))  # fmt: skip
    if scene.place is None:
        return _tell(_PRODUCT_STORY, rng, person=person, **slots_of(scene.objects[0]))
    return _scene_story(scene, person, rng)


def _scene_story(scene: Scene, person: str, rng: random.Random) -> str:
    time, weather = str(scene.time), str(scene.weather)
    items = shuffled(scene.objects, rng)
    hero = next((item for item in items if item.kind in LIVING), items[0])
    slots = {"time": time, "person": person} | slots_of(hero)
    sentences = [
        say(rng, _SETTING, where=PLACE_PHRASES[str(scene.place)], weather=weather,
            a_weather=article(weather), time=time),
        say(rng, _HERO if hero.kind in LIVING else _FOUND, **slots),
    ]  # fmt: skip
    others = [item for item in items if item is not hero]
    relation = stacked(scene)
    if relation is not None and hero is scene.objects[relation.subject]:
        base = scene.objects[relation.object]
        pair = slots | slots_of(base, "other")
        sentences.append(say(rng, _TOGETHER, relation=relation.name, **pair))
        others.remove(base)
    elif others and hero.kind in LIVING:
        other = others.pop()
        sentences.append(say(rng, _MEET, **slots, **slots_of(other, "other")))
    if others:
        sentences.append(say(rng, _MORE, **slots_of(others.pop())))
    if rng.random() < 0.5 or len(sentences) < 3:
        sentences.append(say(rng, _WEATHER[weather], time=time))
    sentences.append(say(rng, _TURN))
    sentences.append(say(rng, _SOLVED, **slots_of(_solver(hero, others, rng))))
    sentences.append(say(rng, _END, time=time))
    return " ".join(sentences)


def _solver(hero: SceneObject, others: list[SceneObject], rng: random.Random) -> SceneObject:
    return rng.choice((hero, *others[:1]))


def _tell(plan: tuple[tuple[str, ...], ...], rng: random.Random, **slots: str) -> str:
    return " ".join(capital(rng.choice(step).format(**slots)) for step in plan)


_DISH_STORY = (
    ("{person} was hungry after a long way home.", "one evening {person} had many guests."),
    ("there was only {food} in the kitchen.", "in the kitchen {person} found {food}."),
    ("so {person} began to cook {a_dish}.", "it was enough to make {a_dish}."),
    ("the {first} went in first, and the {second} came next.",
     "first {person} took the {first}, then the {second}."),
    ("soon a warm smell was in the air.", "the smell was so good that the neighbors came."),
    ("in the end the {dish} was gone, and everyone was happy.",
     "they all said it was the best {dish} of their life."),
)  # fmt: skip
_PAGE_STORY = (
    ("{person} had an idea for a web page.", "one night {person} could not sleep and took a pen."),
    ("first {person} drew {a_color} header.", "the page began with {a_color} header."),
    ("then came {buttons}, drawn with care.", "below it {person} drew {buttons}."),
    ("a friend saw it and loved it at once.", "the next day everybody wanted to see it."),
    ("together they made the page in one day.", "it was a lot of work, but they had fun."),
    ("now people from all over the world visit it.", "that is how a small idea became big."),
)
_FILM_STORY = (
    ("{person} saw the poster of {title} and stopped.",
     "{person} still had an old poster of {title}."),
    ("it showed {a_thing}, and nothing more.", "there was only {a_thing} on it."),
    ("that night {person} went to see the film.", "so {person} wanted to know what it was about."),
    ("it was {a_genre} with {star}.", "{star} was the star of {a_genre} full of secrets."),
    ("for days {person} could think of nothing but the {thing}.",
     "when the {thing} came, everybody was silent."),
    ("the poster has a place on the wall to this day.", "{person} never forgot this film."),
)  # fmt: skip
_PLANT_STORY = (
    ("{person} had {a_thing} and loved it very much.", "in the garden of {person} was {a_thing}."),
    ("one day it had {symptom}.", "but one day {person} found {symptom} on it."),
    ("{person} was sad and asked an old gardener for help.",
     "{person} was afraid to lose it and asked a gardener."),
    ("the gardener looked at the {thing} and knew what to do.",
     '"do not worry," said the gardener and looked at the {thing}.'),
    ("every day {person} took care of it.", "they worked together for many days."),
    ("in the end the {kind} was well again.", "soon the {kind} was strong and healthy again."),
)  # fmt: skip
_PRODUCT_STORY = (
    ("{a_thing} had waited in a shop for a long time.", "in a small shop there was {a_thing}."),
    ("nobody wanted it, and it was sad.", "people came and went, but nobody took it home."),
    ("then {person} came by and stopped.", "one day {person} came in with a few coins."),
    ('"this {thing} is just what I need," said {person}.',
     "{person} saw the {thing} and loved it at once."),
    ("they went home together.", "on the way home both of them were happy."),
    ("from then on the {thing} was never alone again.",
     "to this day the {thing} has the best place in the room."),
)  # fmt: skip
