"""What ails a plant and what helps: the facts are fixed for each illness, the wording varies."""

from __future__ import annotations

import random

from minigpt4.world.knowledge import CURES
from minigpt4.world.language.compose_words import named, say, shown
from minigpt4.world.scene import Illness, Scene

_DIAGNOSIS = (
    "the {thing} has {symptom}. this is {illness}.",
    "your {thing} is sick: the {symptom} are a sign of {illness}.",
    "I see {symptom} on the {thing}. it has {illness}.",
    "{illness} is the reason for the {symptom} on the {thing}.",
)
_CAUSE = (
    "it comes from {cause}.",
    "the cause is {cause}.",
    "plants get it from {cause}.",
)
_STEPS = (
    "first, {one}. then {two}. after that, {three}.",
    "{one}. next, {two}. in the end, {three}.",
    "what to do: 1. {one}. 2. {two}. 3. {three}.",
    "to help it, {one}. also {two}, and {three}.",
)
_HOPE = (
    "in a few weeks the {kind} will be well again.",
    "with a little care the {kind} will soon be healthy.",
    "do this and your {kind} will live.",
)
_HEALTHY = (
    "I see no sick plant here. the picture shows {shown}.",
    "there is no illness in this picture, only {shown}.",
)


def cure(scene: Scene, rng: random.Random) -> str:
    """Name the plant, its symptom and illness, and the three steps of the treatment."""
    illness = scene.extra
    if not isinstance(illness, Illness):
        return _sentences(say(rng, _HEALTHY, shown=shown(scene)))
    item = scene.objects[0]
    facts = CURES[illness.name]
    one, two, three = (rng.choice(wordings) for wordings in facts.steps)
    diagnosis = say(rng, _DIAGNOSIS, thing=named(item), symptom=illness.symptom, illness=facts.name)
    if illness.symptom in ("white powder", "a black stem"):
        diagnosis = diagnosis.replace(f"{illness.symptom} are", f"{illness.symptom} is")
    parts = [diagnosis.replace("the a ", "the ")]  # "the black stem", though it is "a black stem"
    if rng.random() < 0.6:
        parts.append(say(rng, _CAUSE, cause=facts.cause))
    parts.append(say(rng, _STEPS, one=one, two=two, three=three))
    parts.append(say(rng, _HOPE, kind=item.kind))
    return _sentences(" ".join(parts))


def _sentences(text: str) -> str:
    """Start every sentence with a capital letter."""
    return ". ".join(part[:1].upper() + part[1:] for part in text.split(". "))
