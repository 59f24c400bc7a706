"""Judge the composed answers: was the request fulfilled, and is all of it true of the picture?

As people did for the paper, but by the world's own data. `fulfilled` is about the form and about
saying what was asked for; `true` is about saying nothing wrong. An answer counts if it is both.

Paper: Table 1 and §4.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from minigpt4.evaluation.page import judge_page
from minigpt4.evaluation.truth import dishes_named, objects_named
from minigpt4.evaluation.untruth import YEAR, says, untruth
from minigpt4.evaluation.wording import repetition, sentences_of, words_of
from minigpt4.world.knowledge import (
    CURES,
    FILM_BY_TITLE,
    FILMS,
    PLOTS,
    RIDE_REASONS,
    RULE_SIGNS,
)
from minigpt4.world.scene import Dish, Illness, Incongruity, Mockup, Poster, Scene
from minigpt4.world.vocabulary import INGREDIENTS, SYMPTOMS


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether an answer does what was asked, and whether it is true; why not."""

    fulfilled: bool
    true: bool
    reason: str

    @property
    def passed(self) -> bool:
        """Fulfilled and true: what the score table counts."""
        return self.fulfilled and self.true


def fulfilled_poem(scene: Scene, text: str) -> Verdict:
    """Judge a poem: four lines or more that name something of the picture."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return _verdict(
        scene,
        text,
        (len(lines) < 4, f"a poem has four lines or more, this has {len(lines)}"),
        (any(len(words_of(line)) > 14 for line in lines), "its lines are too long for a poem"),
        (not _names_something(scene, text), "it names nothing of the picture"),
    )


def fulfilled_story(scene: Scene, text: str) -> Verdict:
    """Judge a story: five sentences or more, told in the past, about something of the picture."""
    told = _STORY_WORDS & set(words_of(text))
    return _verdict(
        scene,
        text,
        (len(sentences_of(text)) < 5, "a story has five sentences or more"),
        (len(told) < 2, "nothing happens in it"),
        (not _names_something(scene, text), "it names nothing of the picture"),
    )


def fulfilled_advertisement(scene: Scene, text: str) -> Verdict:
    """Judge an advertisement: it names the product and asks to buy it."""
    calls = _SELLING_WORDS & set(words_of(text))
    return _verdict(
        scene,
        text,
        (len(sentences_of(text)) < 3, "an advertisement has three sentences or more"),
        (len(calls) < 2, "it offers nothing"),
        (not _names_something(scene, text), "it does not name the product"),
    )


def fulfilled_recipe(scene: Scene, text: str) -> Verdict:
    """Judge a recipe: all visible ingredients listed and used, no other one, numbered steps."""
    dish = scene.extra
    if not isinstance(dish, Dish):
        return _unasked("recipe", "a dish")
    steps = [line for line in text.splitlines() if re.match(r"\d+\. \w", line)]
    used = {name for name, _ in dishes_named("\n".join(steps))} & set(INGREDIENTS)
    missing = sorted(set(dish.ingredients) - used)
    listed = {name for name, _ in dishes_named(text.split("\n1.")[0])}
    return _verdict(
        scene,
        text,
        (len(steps) < 3, f"a recipe has three steps or more, this has {len(steps)}"),
        (bool(missing), f"its steps do not use {', '.join(missing)}"),
        (not set(dish.ingredients) <= listed, "its list lacks an ingredient"),
        (dish.name not in words_of(text), f"it does not say that it is {dish.name}"),
    )


def fulfilled_explanation(scene: Scene, text: str) -> Verdict:
    """Judge an explanation: it names what is odd, where, and the right reason."""
    odd = scene.extra
    words = words_of(text)
    if not isinstance(odd, Incongruity):
        denied = bool(re.search(r"nothing (?:is )?(?:odd|funny)|not find a joke", text.lower()))
        return _verdict(scene, text, (not denied, "it finds a joke where there is none"))
    signs = RIDE_REASONS[odd.subject][1] if odd.rule == "ride" else RULE_SIGNS[odd.rule]
    reason = any(re.search(rf"\b{sign}", text.lower()) for sign in signs)
    return _verdict(
        scene,
        text,
        (odd.subject not in words, f"it does not name the {odd.subject}"),
        (odd.setting not in words, f"it does not name the {odd.setting}"),
        (not reason, f"it does not give the reason ({' or '.join(signs)})"),
        untrue=_false_reason(odd, text),
    )


def fulfilled_cure(scene: Scene, text: str) -> Verdict:
    """Judge a diagnosis: plant, symptom or illness, and the whole treatment of this illness."""
    illness = scene.extra
    if not isinstance(illness, Illness):
        return _unasked("cure", "a sick plant")
    lower = text.lower()
    facts = CURES[illness.name]
    symptom = SYMPTOMS[illness.name].removeprefix("a ")
    advice = [sign for cure in CURES.values() for sign in cure.signs if says(lower, sign)]
    wrong = [sign for sign in facts.signs if not says(lower, sign)]
    others = [
        phrase
        for name, cure in CURES.items()
        for phrase in (cure.name, SYMPTOMS[name].removeprefix("a "), *_only_signs(name))
        if name != illness.name and says(lower, phrase)
    ]
    untrue = f"the treatment lacks {', '.join(wrong)}" if wrong else ""
    return _verdict(
        scene,
        text,
        (scene.objects[0].kind not in words_of(text), f"no word of the {scene.objects[0].kind}"),
        (not (says(lower, symptom) or says(lower, facts.name)), "no symptom and no illness"),
        (len(advice) < 2, "it gives no treatment"),
        untrue=f"it speaks of {others[0]}" if others else untrue,
    )


def fulfilled_film_facts(scene: Scene, text: str) -> Verdict:
    """Judge the facts about a film: title, director and year, and nothing of another film."""
    poster = scene.extra
    if not isinstance(poster, Poster):
        return _unasked("film", "a film poster")
    film = FILM_BY_TITLE[poster.film]
    years = re.findall(YEAR, text)
    foreign = [title for title, plot in PLOTS.items() if plot in text and title != film.title]
    return _verdict(
        scene,
        text,
        (not any(other.title in text for other in FILMS), "it names no film"),
        (not any(other.director in text for other in FILMS), "it names no director"),
        (not years, "it names no year"),
        untrue=f"it speaks of {foreign[0]}" if foreign else "",
    )


def fulfilled_page(scene: Scene, text: str) -> Verdict:
    """Judge a web page: it parses, and its header colour, buttons, image and list are as drawn."""
    if not isinstance(scene.extra, Mockup):
        return _unasked("page", "a sketch of a page")
    broken, untrue = judge_page(scene.extra, text)
    return Verdict(fulfilled=not broken, true=not untrue, reason=broken or untrue)


FULFILLED: dict[str, Callable[[Scene, str], Verdict]] = {
    "poem": fulfilled_poem,
    "story": fulfilled_story,
    "advertisement": fulfilled_advertisement,
    "recipe": fulfilled_recipe,
    "explanation": fulfilled_explanation,
    "cure": fulfilled_cure,
    "film_facts": fulfilled_film_facts,
    "page": fulfilled_page,
}

_STORY_WORDS = frozenset(
    """was were had said came saw found began met knew went fell happened asked wanted stopped
    looked lived made took loved never suddenly once""".split()  # noqa: SIM905
)
_SELLING_WORDS = frozenset(
    """buy order call price dollars free get meet bring come save miss
    wait""".split()  # noqa: SIM905
)


def _names_something(scene: Scene, text: str) -> bool:
    """Say whether a text names an object, an ingredient, the dish, or the header of a page."""
    words = words_of(text)
    if isinstance(scene.extra, Mockup):
        return not {"header", "button", "buttons"}.isdisjoint(words)
    if isinstance(scene.extra, Dish):
        names = {name for name, _ in dishes_named(text)}
        return not names.isdisjoint((scene.extra.name, *scene.extra.ingredients))
    kinds = {kind for kind, _ in objects_named(text)}
    return not kinds.isdisjoint(item.kind for item in scene.objects)


def _false_reason(odd: Incongruity, text: str) -> str:
    """Find a reason that belongs to another odd thing."""
    words = " ".join(words_of(text))
    reasons = {
        r"\bmelt|made of snow": odd.rule == "melt",
        r"\bslow": odd.subject == "snail",
        r"\bfloat": odd.subject == "boat",
        r"\bbreathe|\bswim|lives? in water|no legs": odd.subject == "fish",
        r"\bbreak": odd.rule == "heavy",
        r"too heavy": odd.rule == "heavy" or odd.subject == "elephant",
        r"no water|needs? water": odd.rule == "dry",
        r"can not drive|never drive|a driver": odd.rule == "ride",
    }
    for pattern, allowed in reasons.items():
        if not allowed and (found := re.search(pattern, words)):
            return f"{found.group()!r} is no reason here"
    return ""


def _only_signs(name: str) -> list[str]:
    """Return the signs of a treatment that no text about another illness needs."""
    general = {"dry", "air", "morning", "space", "burn", "beetles"}
    return [sign for sign in CURES[name].signs if sign not in general]


def _unasked(ability: str, needed: str) -> Verdict:
    reason = f"a {ability} is judged only where the picture shows {needed}"
    return Verdict(fulfilled=False, true=False, reason=reason)


def _verdict(scene: Scene, text: str, *faults: tuple[bool, str], untrue: str = "") -> Verdict:
    """Collect the first fault of form and the first untruth."""
    text = text.strip()
    unfinished = "it does not end" if not text or text[-1] not in '.!?"' else repetition(text)
    fault = next((reason for failed, reason in faults if failed), unfinished)
    wrong = untrue or untruth(scene, text)
    return Verdict(fulfilled=not fault, true=not wrong, reason=fault or wrong)
