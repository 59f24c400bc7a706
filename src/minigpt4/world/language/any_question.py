"""Questions in all the forms in which people and benchmarks ask, for the LLM's text-only corpus.

A chat LLM that knows one wording of each question answers every other wording with what it is used
to: the miniature's first LLMs answered "Is the boat left of or right of the bush?" with "Yes, there
is a boat." (docs/experiments.md). Vicuna has read questions of all kinds; so does this corpus.
"""

from __future__ import annotations

import random

from minigpt4.world.language.knowledge_questions import choices, with_perception
from minigpt4.world.language.prompts import SHORT_ANSWER
from minigpt4.world.language.questions import QuestionAnswer, question
from minigpt4.world.language.short_questions import ShortQuestion, short_questions
from minigpt4.world.language.words import article, sentence, stacked_relations
from minigpt4.world.scene import Scene
from minigpt4.world.vocabulary import KINDS

_WHERE = ("in the image", "in the picture", "here")
_LETTERS = "ABCD"


def any_question(scene: Scene, rng: random.Random) -> QuestionAnswer:
    """Return a question about a scene with a true answer, whole or, where it is wanted, short."""
    form = rng.choices(("plain", "presence", "stacked", "letter", "short"), (30, 14, 8, 5, 43))[0]
    if form == "presence" and scene.objects:
        return _presence(scene, rng)
    if form == "stacked" and stacked_relations(scene):
        return _stacked(scene, rng)
    if form == "plain" or not (made := _made(scene, rng)):
        return question(scene, rng)
    if form == "letter" and (listed := choices(made, rng)):
        return _by_letter(made, listed)
    if rng.random() < 0.55:
        return rng.choice(SHORT_ANSWER).replace("{}", made.text), made.answer
    return made.text, made.full


def _made(scene: Scene, rng: random.Random) -> ShortQuestion | None:
    maker = with_perception if rng.random() < 0.4 else short_questions
    made = maker(scene, rng)
    return rng.choice(made) if made else None


def _presence(scene: Scene, rng: random.Random) -> QuestionAnswer:
    """Ask for a thing as `Is there a dog in the image?`; half of them are not there."""
    here = {item.kind: item for item in scene.objects}
    is_so = rng.random() < 0.5
    kind = rng.choice(list(here) if is_so else [kind for kind in KINDS if kind not in here])
    ask = f"Is there {article(kind)} {rng.choice(_WHERE)}?"
    if not is_so:
        return ask, f"No, there is no {kind} in the picture."
    return ask, f"Yes, there is {article(f'{here[kind].color} {kind}')}."


def _stacked(scene: Scene, rng: random.Random) -> QuestionAnswer:
    """Ask whether a thing is on or under another."""
    relation = rng.choice(list(stacked_relations(scene).values()))
    top, base = scene.objects[relation.subject].kind, scene.objects[relation.object].kind
    first, second = rng.sample(("on", "under"), 2)
    ask = f"Is the {top} {first} or {second} the {base}?"
    if rng.random() < 0.5:
        return rng.choice(SHORT_ANSWER).replace("{}", ask), relation.name
    return ask, sentence(f"the {top} is {relation.name} the {base}")


def _by_letter(made: ShortQuestion, listed: list[str]) -> QuestionAnswer:
    shown = " ".join(f"({letter}) {each}" for letter, each in zip(_LETTERS, listed, strict=True))
    ask = f"{made.text} {shown} Answer with the letter of the right choice."
    return ask, _LETTERS[listed.index(made.answer)]
