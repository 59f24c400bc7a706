"""Find what any answer gets wrong about a scene, whatever its form."""

from __future__ import annotations

import re

from minigpt4.evaluation.truth import (
    dishes_named,
    distinct,
    false_relations,
    miscolored,
    objects_named,
)
from minigpt4.evaluation.wording import beside_itself, words_of
from minigpt4.world.knowledge import FILM_BY_TITLE, FILMS
from minigpt4.world.scene import Dish, Illness, Mockup, Poster, Scene
from minigpt4.world.vocabulary import COLORS, PLACES, SYMPTOMS

YEAR = r"\b(?:1[89]|20)\d\d\b"
_WEATHER_SIGNS = {
    "cloudy": ("cloud", "clouds", "cloudy"),
    "rainy": ("rain", "rainy", "raining"),
    "snowy": ("snow", "snowy", "snowing"),
}


def untruth(scene: Scene, text: str) -> str:
    """Say what an answer of any form gets wrong about a scene; empty if nothing.

    Wrong are objects, dishes and ingredients that are not there, wrong colours, another place,
    `night` or `evening` at another time, rain, snow or clouds that the scene does not have, and a
    thing that stands beside itself: no scene has two of a kind.
    """
    if isinstance(scene.extra, Poster):
        if foreign := _foreign_film(scene.extra, text):
            return f"{foreign} does not belong to {scene.extra.film}"
        text = text.replace(scene.extra.film, " ")  # "Bird Song" on its poster names no bird
    if same := beside_itself(text):
        return f"there is only one of {same}"
    named = distinct([*objects_named(text), *dishes_named(text)])
    here = {item.kind for item in scene.objects}
    if isinstance(scene.extra, Dish):
        here |= {scene.extra.name, *scene.extra.ingredients}
    for kind, _ in named:
        if kind not in here:
            return f"there is no {kind}"
    for kind, color in miscolored(scene, named):
        return f"the {kind} is not {color}"
    for relation in false_relations(scene, text):
        return f"there is no {relation}"
    ill = scene.extra.name if isinstance(scene.extra, Illness) else None
    for name, symptom in SYMPTOMS.items():
        if name != ill and says(text.lower(), symptom.removeprefix("a ")):
            return f"there is no sign of {symptom}"
    words = set(words_of(text))
    if isinstance(scene.extra, Mockup) and (wrong := _wrong_header(scene.extra, text)):
        return wrong
    if scene.place is None:
        return ""
    for word in sorted(words & (set(PLACES) | {"night", "evening"}) - {scene.place, scene.time}):
        return f"it is not {word}"
    return _wrong_weather(scene, text)


def _foreign_film(poster: Poster, text: str) -> str:
    """Find a title, name, year, genre or ground that is not of this poster and its film."""
    film = FILM_BY_TITLE[poster.film]
    names = {name for other in FILMS for name in (other.title, other.director, other.star)}
    own = {film.title, film.director, film.star, film.genre, str(film.year)}
    genres = {other.genre for other in FILMS} & set(words_of(text))
    found = {name for name in names if name in text} | genres | set(re.findall(YEAR, text))
    grounds = re.findall(rf"\b({'|'.join(COLORS)}) ground", text.lower())
    found |= {f"{color} ground" for color in grounds if color != poster.ground}
    return ", ".join(sorted(found - own))


def _wrong_weather(scene: Scene, text: str) -> str:
    words = set(words_of(text.replace("made of snow", " ")))
    for weather, signs in _WEATHER_SIGNS.items():
        if weather != scene.weather and words & set(signs):
            return f"it is not {weather}"
    return ""


def _wrong_header(sketch: Mockup, text: str) -> str:
    """Compare header colour and number of buttons, where a text about a sketch names them."""
    for color in re.findall(rf"\b({'|'.join(COLORS)}) header", text.lower()):
        if color != sketch.color:
            return f"the header is not {color}"
    numbers = ("no", "one", "two", "three", "four", "five")
    for number in re.findall(rf"\b({'|'.join(numbers)}) buttons?\b", text.lower()):
        if numbers.index(number) != sketch.num_buttons:
            return f"there are not {number} buttons"
    return ""


def says(text: str, phrase: str) -> bool:
    """Say whether a lowercase text holds a phrase as whole words."""
    return re.search(rf"\b{re.escape(phrase)}\b", text) is not None
