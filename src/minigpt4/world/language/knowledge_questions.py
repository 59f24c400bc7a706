"""Questions about a drawn picture whose answers are in no pixel: films, illnesses, odd things.

They are the counterpart of OK-VQA and A-OKVQA: what is seen must be joined with what the LLM knows
of its world (`world/knowledge.py`).

Paper: Table 6.
"""

from __future__ import annotations

import random

from minigpt4.world.knowledge import CURES, FILM_BY_TITLE, FILMS
from minigpt4.world.language.short_questions import ShortQuestion, short_questions
from minigpt4.world.language.words import VESSELS, article
from minigpt4.world.scene import Dish, Illness, Incongruity, Poster, Scene
from minigpt4.world.vocabulary import FAMILIES, FAMILY_OF, POSITIONS

_NUM_CHOICES = 4
_FAMILY_SHARE = 0.35
"""Of the plain scenes; else nearly all questions would ask what sort of thing there is."""


def knowledge_questions(scene: Scene, rng: random.Random) -> list[ShortQuestion]:
    """Return the knowledge questions that a scene allows, in random order; perhaps none."""
    extra = scene.extra
    found: list[ShortQuestion] = []
    if isinstance(extra, Poster):
        found = _film(extra)
    elif isinstance(extra, Illness):
        cure = CURES[extra.name]
        causes = tuple(known.cause for known in CURES.values())
        names = tuple(known.name for known in CURES.values())
        found = [
            _asked("What illness does this plant have?", cure.name, names, about="illness"),
            _asked("What is the cause of this illness?", cure.cause, causes, about="illness"),
        ]
    elif isinstance(extra, Dish):
        vessels = (*dict.fromkeys(VESSELS.values()), "cup")
        found = [_asked("What is it served in?", VESSELS[extra.name], vessels, about="vessel")]
    elif isinstance(extra, Incongruity):
        # The other things of the picture are the wrong answers that tempt.
        kinds = tuple(dict.fromkeys((extra.subject, *(item.kind for item in scene.objects))))
        found = [_asked("What is odd in this picture?", extra.subject, kinds, about="odd")]
    elif scene.place is not None and rng.random() < _FAMILY_SHARE:
        found = _families(scene)
    if scene.kind == "product":
        family = FAMILY_OF[scene.objects[0].kind]
        found = [_asked("What sort of thing is this?", family, tuple(FAMILIES), about="family")]
    rng.shuffle(found)
    return found


def choices(
    question: ShortQuestion, rng: random.Random, *, more: tuple[str, ...] = ()
) -> list[str] | None:
    """Return four different choices in random order, the right one among them.

    Args:
        more: wrong answers to fill up with if the question has too few of its own.

    Returns:
        None if there are not enough.
    """
    right = {question.answer, *question.also}
    wrong = [option for option in dict.fromkeys(question.options) if option not in right]
    rng.shuffle(wrong)
    filling = [name for name in more if name not in right and name not in wrong]
    rng.shuffle(filling)
    chosen = [question.answer, *wrong, *filling][:_NUM_CHOICES]
    if len(chosen) < _NUM_CHOICES:
        return None
    rng.shuffle(chosen)
    return chosen


def with_perception(scene: Scene, rng: random.Random) -> list[ShortQuestion]:
    """Return knowledge questions first, then what is asked of the eye and is not yes or no.

    A count is left out: the number words would be wrong answers that are right.
    """
    seen = [
        made
        for made in short_questions(scene, rng)
        if made.structure == "query" and made.about != "count"
    ]
    return [*knowledge_questions(scene, rng), *seen]


def _film(poster: Poster) -> list[ShortQuestion]:
    film = FILM_BY_TITLE[poster.film]
    directors = tuple(dict.fromkeys(known.director for known in FILMS))
    genres = tuple(dict.fromkeys(known.genre for known in FILMS))
    titles = tuple(known.title for known in FILMS)
    return [
        _asked("Which film is this?", film.title, titles, about="film"),
        _asked("Who directed this film?", film.director, directors, about="film"),
        _asked("What genre is this film?", film.genre, genres, about="film"),
    ]


def _families(scene: Scene) -> list[ShortQuestion]:
    """Ask what sort of thing stands in a column that has just one thing."""
    columns = [item.position for item in scene.objects]
    return [
        _asked(
            f"What sort of thing is {'in the center' if side == 'center' else f'on the {side}'}?",
            FAMILY_OF[next(item.kind for item in scene.objects if item.position == side)],
            tuple(FAMILIES),
            about="family",
        )
        for side in POSITIONS
        if columns.count(side) == 1
    ]


def _asked(text: str, answer: str, options: tuple[str, ...], *, about: str) -> ShortQuestion:
    countable = answer.islower() and " " not in answer and answer not in ("food", "household")
    also = (article(answer),) if countable else ()
    return ShortQuestion(
        text=text, answer=answer, also=also, full=f"It is {(*also, answer)[0]}.", options=options,
        structure="query", semantic="cat", about=about,
    )  # fmt: skip
