"""Facts about the world's own films: fixed facts in varied wording.

The poster shows an emblem on a coloured ground; all else is known from text alone.
"""

from __future__ import annotations

import random

from minigpt4.world.knowledge import FILM_BY_TITLE, PLOTS, Film
from minigpt4.world.language.compose_words import named, say, shown
from minigpt4.world.language.words import article
from minigpt4.world.scene import Poster, Scene

_LOOK = (
    "the {thing} on {a_ground} ground is from {title}.",
    "this is the poster of {title}, with {a_thing} on {a_ground} ground.",
    "with {a_thing} on {a_ground} ground, this must be {title}.",
)
_FACTS = (
    "{title} is {a_genre} by {director} from {year}.",
    "it is {a_genre} from {year}, directed by {director}.",
    "{director} made this {genre} in {year}.",
    "the director of this {genre} is {director}, and it came out in {year}.",
)
_STAR = (
    "the star of the film is {star}.",
    "it stars {star}.",
    "{star} plays the main role.",
)
_PLOT = (
    "in the film {plot}.",
    "the story: {plot}.",
    "it tells how {plot}.",
)
_NO_FILM = (
    "this is not a film poster. It shows {shown}.",
    "I know no film like this. I only see {shown}.",
)


def film_facts(scene: Scene, rng: random.Random) -> str:
    """Say which film a poster belongs to, who made it, when, and what it is about."""
    poster = scene.extra
    if not isinstance(poster, Poster):
        return say(rng, _NO_FILM, shown=shown(scene))
    film = FILM_BY_TITLE[poster.film]
    item = scene.objects[0]
    slots = _film_slots(film) | {
        "thing": named(item), "a_thing": article(named(item)), "a_ground": article(poster.ground),
    }  # fmt: skip
    parts = [say(rng, _LOOK, **slots), say(rng, _FACTS, **slots)]
    parts += rng.sample([say(rng, _STAR, **slots), say(rng, _PLOT, **slots)], 2)
    return " ".join(parts)


def _film_slots(film: Film) -> dict[str, str]:
    """Return what is known of a film, as slots of a template."""
    return {
        "title": film.title, "director": film.director, "year": str(film.year),
        "genre": film.genre, "a_genre": article(film.genre), "star": film.star,
        "plot": PLOTS[film.title],
    }  # fmt: skip
