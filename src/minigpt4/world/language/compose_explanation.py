"""Explanations of what is odd in an incongruous scene, and of why nothing is odd in others.

The reason is a fact of the world (`world/knowledge.py`); the wording varies.
"""

from __future__ import annotations

import random

from minigpt4.world.knowledge import RIDE_REASONS
from minigpt4.world.language.compose_words import named, say, shown
from minigpt4.world.language.words import PLACE_PHRASES, article
from minigpt4.world.scene import Incongruity, Scene, SceneObject
from minigpt4.world.vocabulary import PLACES

_OPEN = (
    "the picture is funny because it shows {a_subject} {where}.",
    "this is funny: {a_subject} is {where}.",
    "the joke is that {a_subject} is {where}.",
    "we see {a_subject} {where}, and that is odd.",
)
_CLOSE = (
    "nobody expects this, and that makes us laugh.",
    "it could never happen in real life.",
    "that is why it makes people smile.",
    "such a thing is impossible, so it is funny.",
)
_WHY: dict[str, tuple[str, ...]] = {
    "ride": (
        "{a_kind} {reason}, so it can not drive {a_setting}.",
        "{a_setting} needs a driver with hands, but {a_kind} {reason}.",
        "in real life {a_kind} {reason} and could never drive {a_setting}.",
    ),
    "melt": (
        "{a_kind} is made of snow and would melt in the heat of the {setting}.",
        "the {setting} is hot, so {a_kind} would melt there in a few minutes.",
        "{a_kind} needs cold and ice, but in the heat of the {setting} it would melt at once.",
    ),
    "dry": (
        "{a_kind} needs water {use}, but there is no water {where}.",
        "there is no water {where}, and without water {a_kind} can not {do}.",
        "{a_kind} should be in the water, but {where} everything is dry.",
    ),
    "heavy": (
        "{a_kind} is far too heavy for {a_setting}, which would break at once.",
        "{a_setting} can not carry such a heavy animal and would break under {a_kind}.",
        "in real life the {kind} is so heavy that the {setting} would break.",
    ),
}
_MORE: dict[str, tuple[str, ...]] = {
    "ride": ("{a_setting} is made for people, not for animals.", "but here it looks quite happy."),
    "melt": ("it belongs to a cold winter.", "it came to the wrong place for a holiday."),
    "dry": ("it came to the wrong place.", "somebody must have made a big mistake."),
    "heavy": ("but here it rests as if it had no weight.", "the {setting} must be very strong."),
}
_USE = {"boat": ("to float", "float"), "fish": ("to breathe and to swim", "live")}
_NOTHING = (
    "I can not find a joke here.",
    "there is nothing odd in this picture.",
    "nothing is funny here, all is as it should be.",
)
_NORMAL = (
    "it shows {shown}, and that is quite normal.",
    "I see {shown}, just as in real life.",
    "{shown}: all of it is normal.",
)


def explanation(scene: Scene, rng: random.Random) -> str:
    """Explain what is funny in a scene; say that nothing is where nothing is."""
    odd = scene.extra
    if not isinstance(odd, Incongruity):
        return no_joke(scene, rng)
    subject = _the_object(scene, odd.subject)
    use, do = _USE.get(odd.subject, ("", ""))
    if odd.setting in PLACES:
        where = PLACE_PHRASES[odd.setting]
        seen = where
    else:
        base = _the_object(scene, odd.setting)
        where = f"on {article(odd.setting)}"
        seen = f"on {article(named(base))}"
    slots = {
        "a_subject": article(named(subject)), "where": seen, "kind": odd.subject,
        "a_kind": article(odd.subject), "setting": odd.setting, "a_setting": article(odd.setting),
        "use": use, "do": do, "reason": RIDE_REASONS.get(odd.subject, ("", ()))[0],
    }  # fmt: skip
    parts = [say(rng, _OPEN, **slots), say(rng, _WHY[odd.rule], **slots | {"where": where})]
    if rng.random() < 0.6:
        parts.append(say(rng, _MORE[odd.rule], **slots))
    return " ".join([*parts, say(rng, _CLOSE)])


def no_joke(scene: Scene, rng: random.Random) -> str:
    """Say that nothing is odd in a scene, and what is there."""
    what = shown(scene)
    if scene.place is not None:
        what = f"{what} {PLACE_PHRASES[scene.place]}"
    return f"{say(rng, _NOTHING)} {say(rng, _NORMAL, shown=what)}"


def _the_object(scene: Scene, kind: str) -> SceneObject:
    return next(item for item in scene.objects if item.kind == kind)
