"""The text-only corpus of the miniature's LLM: documents and conversations about told scenes.

No picture is involved: where a picture would be, the scene is told in words. A document is a list
of segments, because everything around an image is tokenised on its own (as at inference); the
words that tell a scene are read but not learned, since no one can predict them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from minigpt4.world.language import prompts
from minigpt4.world.language.any_question import any_question
from minigpt4.world.language.captions import caption, full_caption, web_caption
from minigpt4.world.language.compose_advertisement import advertisement
from minigpt4.world.language.compose_correction import broken
from minigpt4.world.language.compose_cure import cure
from minigpt4.world.language.compose_explanation import explanation
from minigpt4.world.language.compose_film import film_facts
from minigpt4.world.language.compose_page import page
from minigpt4.world.language.compose_poem import poem
from minigpt4.world.language.compose_prompts import PROMPTS
from minigpt4.world.language.compose_recipe import recipe
from minigpt4.world.language.compose_story import story
from minigpt4.world.language.descriptions import description
from minigpt4.world.language.questions import QuestionAnswer, question
from minigpt4.world.language.tell import TellStyle, tell, tell_in_places
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import Scene, SceneKind

SYSTEM = (
    "Give the following image: <Img>ImageContent</Img>. You will be able to see the image once I "
    "provide it to you. Please answer my questions."
)
Composer = Callable[[Scene, random.Random], str]
Asker = Callable[[Scene, random.Random], QuestionAnswer]
COMPOSERS: dict[str, Composer] = {
    "poem": poem,
    "story": story,
    "advertisement": advertisement,
    "recipe": recipe,
    "explanation": explanation,
    "cure": cure,
    "film_facts": film_facts,
    "page": page,
}
ABILITY_KINDS: dict[str, tuple[SceneKind, ...]] = {
    "poem": ("scene", "scene", "scene", "incongruous", "dish", "product", "plant"),
    "story": ("scene", "scene", "incongruous"),
    "advertisement": ("product", "product", "scene"),
    "recipe": ("dish",),
    "explanation": ("incongruous",),
    "cure": ("plant",),
    "film_facts": ("poster",),
    "page": ("mockup",),
}
"""The kinds of scenes that each composed text is written about."""

TASK_WEIGHTS = {
    "describe": 22,
    "caption": 12,
    "questions": 16,
    "poem": 10,
    "story": 6,
    "advertisement": 8,
    "recipe": 18,
    "explanation": 12,
    "cure": 6,
    "film_facts": 7,
    "page": 10,
    "correction": 4,
    "about": 1,
}
SMALL_TASK_WEIGHTS = {"caption": 60, "questions": 40}
"""The weaker LLM of the BLIP-2 step knows captions and short answers only."""


@dataclass(frozen=True)
class Segment:
    """A piece of text that is tokenised on its own; `learned` ones are predicted."""

    text: str
    learned: bool = True
    places: tuple[str, ...] = ()
    """The text in parts, of which each is read as the mean of its embeddings, as a picture is;
    (): word for word."""


IN_PLACES_SHARE = 0.5
"""Share of told scenes that are read place by place: a projected picture has no words to match, and
an LLM that only ever read words writes untrue recipes about it (docs/experiments.md)."""

Document = tuple[Segment, ...]


def sample_document(seed: int, index: int, *, small: bool = False) -> Document:
    """Return document `index` of a corpus; `small` asks for captions and short answers only."""
    rng = random.Random(f"{seed} {index} {small}")
    weights = SMALL_TASK_WEIGHTS if small else TASK_WEIGHTS
    task = rng.choices(list(weights), list(weights.values()))[0]
    if task == "about":
        return _conversation(None, [rng.choice(prompts.ABOUT)], rng)
    kind = rng.choice(ABILITY_KINDS[task]) if task in ABILITY_KINDS else None
    scene = sample_scene("train", seed, index, kind=kind)
    if task == "correction":
        text = description(scene, rng)
        ask = rng.choice(PROMPTS["correction"])
        return _conversation(None, [(f"{ask} {broken(text, rng)}", text)], rng)
    if task == "caption":
        return _caption_document(scene, rng, small=small)
    if task in COMPOSERS and rng.random() < 0.12:
        return _plain(scene, COMPOSERS[task](scene, rng), rng)
    ask = question if small else any_question
    return _conversation(scene, _turns(task, scene, rng, ask), rng)


def sample_retelling(seed: int, index: int) -> Document:
    """Return a scene told twice, the second time in another order: an exercise in looking up."""
    rng = random.Random(f"retelling {seed} {index}")
    scene = sample_scene("train", seed, index)
    styles: tuple[TellStyle, ...] = ("compact", "shuffled", "shuffled", "prose")
    if rng.random() < IN_PLACES_SHARE:
        first = _in_places(scene, rng)
    else:
        first = Segment(tell(scene, rng, style=rng.choice(styles)), learned=False)
    return (first, Segment(f"Again : {tell(scene, rng, style=rng.choice(styles))}\n"))


def _turns(task: str, scene: Scene, rng: random.Random, ask: Asker) -> list[QuestionAnswer]:
    """Return the turns of one conversation; its first is the task, more may follow."""
    if task == "questions":
        return [ask(scene, rng) for _ in range(rng.randint(1, 4))]
    if task in COMPOSERS:
        turns = [(rng.choice(PROMPTS[task]), COMPOSERS[task](scene, rng))]
    elif rng.random() < 0.06:
        return _continued(scene, rng)
    else:
        turns = [(rng.choice(prompts.DESCRIBE), description(scene, rng))]
        if rng.random() < 0.12:
            ability = rng.choice([a for a, kinds in ABILITY_KINDS.items() if scene.kind in kinds])
            turns.append((rng.choice(PROMPTS[ability]), COMPOSERS[ability](scene, rng)))
    if rng.random() < 0.15:
        turns.insert(rng.randint(0, len(turns)), ask(scene, rng))
    return turns


def _continued(scene: Scene, rng: random.Random) -> list[tuple[str, str]]:
    """Split a description in two answers, as the Continue turn of the curation does."""
    sentences = description(scene, rng).split(". ")
    cut = rng.randint(1, max(1, len(sentences) - 1))
    if cut == len(sentences):
        return [(rng.choice(prompts.DESCRIBE), ". ".join(sentences))]
    first, rest = ". ".join(sentences[:cut]) + ".", ". ".join(sentences[cut:])
    return [(rng.choice(prompts.DESCRIBE), first), (rng.choice(prompts.CONTINUE), rest)]


def _caption_document(scene: Scene, rng: random.Random, *, small: bool) -> Document:
    """A told scene and its caption: bare, as in stage 1, or asked for in a conversation."""
    if rng.random() < (0.15 if small else 0.25):
        return _conversation(scene, [(rng.choice(prompts.CAPTION), caption(scene, rng))], rng)
    write = rng.choice((full_caption, full_caption, web_caption) if small else (web_caption,))
    return (_told(scene, rng), Segment(write(scene, rng) + "\n"))


def _plain(scene: Scene, text: str, rng: random.Random) -> Document:
    """A document without a speaker: the text alone, or after the told scene."""
    if rng.random() < 0.5:
        return (Segment(text + "\n"),)
    return (_told(scene, rng), Segment(text + "\n"))


def _conversation(
    scene: Scene | None, turns: list[tuple[str, str]], rng: random.Random
) -> Document:
    """Lay turns out in the Vicuna form, as training or as chat writes it."""
    chat = rng.random() < 0.35
    system = SYSTEM if chat else ""
    before = "" if chat else " "
    segments: list[Segment] = []
    opening = f"{system}###Human: "
    if scene is not None and rng.random() < 0.85:
        segments.append(Segment(f"{opening}<Img>"))
        segments.append(_told(scene, rng))
        opening = "</Img> "
    elif scene is not None:
        segments.append(
            Segment(f"{opening}{rng.choice(('Here is a picture :', 'The scene :', 'Picture :'))}")
        )
        segments.append(_told(scene, rng))
        opening = ""
    for ask, answer in turns:
        segments.append(Segment(f"{opening}{ask}{before}###Assistant: "))
        segments.append(Segment(answer + "###"))
        opening = "Human: "
    return tuple(segments)


def _told(scene: Scene, rng: random.Random) -> Segment:
    if rng.random() < IN_PLACES_SHARE:
        return _in_places(scene, rng)
    styles: tuple[TellStyle, ...] = ("compact", "shuffled", "prose")
    text = tell(scene, rng, style=rng.choices(styles, (55, 25, 20))[0])
    return Segment(text, learned=False)


def _in_places(scene: Scene, rng: random.Random) -> Segment:
    places = tell_in_places(scene, rng)
    return Segment(" ; ".join(places), learned=False, places=tuple(places))
