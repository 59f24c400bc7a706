"""The abilities: what the model composes about a picture, and whether that is what was asked for.

    minigpt4 evaluate abilities --model miniature

Table 1's meme, recipe, advertisement and poem, 25 pictures each, in its own words, and the other
abilities of §4.1. The paper's pictures were never released. The drawn counterparts are an odd
scene (meme), a dish, a product, any scene (poem, story), a film poster (facts), a sick plant
(plant), a sketched page (website). For `problem`, a problem in a photo and its solution, the drawn
world has nothing better than sick plants too, others than those of `plant`, asked for the cause.

Own pictures: `--data DIR` with `DIR/ABILITY/*.jpg`; a person or an LLM judges. What a picture
shows may stand in words beside it (`DIR/ABILITY/NAME.txt`): an LLM that judges reads it.

`ABILITY` is the share of requests fulfilled, by the truth judge only if nothing said is false of
the picture (`ABILITY.fulfilled` and `ABILITY.true` tell them apart); `all` is Table 1's total.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from minigpt4.errors import DataError
from minigpt4.evaluation.abilities import FULFILLED
from minigpt4.evaluation.pictures_beside import all_pictures
from minigpt4.evaluation.question import Answer, DrawnPicture, Question
from minigpt4.evaluation.shares import by_group, counted, share_of_part, share_of_passed
from minigpt4.evaluation.task import (
    Judged,
    Judgement,
    LLMPrompt,
    Scores,
    Task,
    TaskSettings,
    check_groups,
    scene_of,
)
from minigpt4.evaluation.world_questions import ABILITY_KINDS, MAX_NEW_TOKENS, ability_questions
from minigpt4.world.knowledge import CURES, FILM_BY_TITLE, RIDE_REASONS, RULE_SIGNS
from minigpt4.world.language.compose_prompts import PROMPTS
from minigpt4.world.language.descriptions import description
from minigpt4.world.scene import Illness, Incongruity, Mockup, Poster, Scene

ABILITIES = {
    "meme": "explanation",
    "recipe": "recipe",
    "advertisement": "advertisement",
    "poem": "poem",
    "facts": "film_facts",
    "plant": "cure",
    "website": "page",
    "story": "story",
    "problem": "cure",
}
"""The paper's abilities, and what the drawn world calls them."""
TABLE_1 = ("meme", "recipe", "advertisement", "poem")
PICTURES = 25
"""Of each ability, as in Table 1."""
PAPER_MAX_NEW_TOKENS = 300
"""On real pictures: the official chat's longest answer."""

LLM_PROMPT = (
    "There is a picture. What it shows: '{shown}' Someone asked about this picture: '{request}' "
    "The answer was: '{answer}' Does the answer fulfil the request completely, in the form that "
    "was asked for, without saying anything about the picture that is not so? Only answer yes or "
    "no without any explanation."
)

_OWN_PROMPTS = {
    "facts": "Can you introduce me briefly about this movie?",
    "website": "Write brief HTML/JS to turn this mock-up into a colorful website.",
    "plant": "What is wrong with my plant? What should I do?",
    "story": "Can you write a story about this image?",
    "problem": "What is the problem in this picture, and how can I solve it?",
}
_DRAWN_PROBLEM = "Why does my plant look like this? What should I do?"
_PROBLEM_INDEX = 200_000_000
"""Far behind the pictures of all other abilities."""


def questions(settings: TaskSettings) -> list[Question]:
    """Ask for each ability about pictures of its kind.

    Raises:
        SettingsError: for an unknown ability in `only`.
        DataError: for a data folder without pictures.
    """
    wanted = check_groups(settings, ABILITIES)
    if settings.data is not None:
        return _own_questions(settings.data, wanted, settings)
    count = settings.limit or PICTURES
    drawn = ability_questions(settings.split, settings.seed, count)
    asked = []
    for ability in wanted:
        name = ABILITIES[ability]
        places = [each.index for each in drawn if each.task == name]
        prompt = PROMPTS[name][0]
        if ability == "problem":
            places, prompt = [_PROBLEM_INDEX + number for number in range(count)], _DRAWN_PROBLEM
        length = settings.max_new_tokens or MAX_NEW_TOKENS[name]
        asked += [
            Question(
                key=f"{ability}/{number}",
                group=ability,
                picture=DrawnPicture(settings.split, settings.seed, place, ABILITY_KINDS[name]),
                prompt=prompt if settings.prompt is None else settings.prompt,
                decoding=replace(settings.decoding, max_new_tokens=length),
            )
            for number, place in enumerate(places)
        ]
    return asked


def judge_by_truth(answer: Answer) -> Judgement:
    """Judge whether a drawn picture's request was fulfilled and nothing untrue said."""
    verdict = FULFILLED[ABILITIES[answer.question.group]](scene_of(answer), answer.text)
    fulfilled = verdict.fulfilled and answer.finished
    reason = verdict.reason or ("" if answer.finished else "it was cut off")
    return Judgement(
        passed=fulfilled and verdict.true,
        reason=reason,
        parts={"fulfilled": fulfilled, "true": verdict.true},
    )


def told_to_llm(answer: Answer) -> dict[str, str]:
    """Return what an LLM that judges reads: the picture in words, the request, the answer."""
    question = answer.question
    shown = question.truth.get("shown", "")
    if isinstance(question.picture, DrawnPicture):
        shown = facts_in_words(question.picture.scene)
    return {
        "shown": shown or "(not described)",
        "request": question.prompt,
        "answer": answer.text,
    }


def score(judged: Sequence[Judged]) -> Scores:
    """Return the share that passed of each ability and of Table 1's four together."""
    scores = {}
    for ability, answers in by_group(judged).items():
        scores[ability] = share_of_passed(answers)
        for part in ("fulfilled", "true"):
            scores[f"{ability}.{part}"] = share_of_part(answers, part)
    table = [each for each in judged if each.group in TABLE_1]
    return counted({"all": share_of_passed(table), **scores})


def facts_in_words(scene: Scene) -> str:
    """Say what a drawn picture shows, and what must be known to answer the requests about it."""
    shown = description(scene, random.Random(scene.seed))
    extra = scene.extra
    if isinstance(extra, Poster):
        film = FILM_BY_TITLE[extra.film]
        return (
            f"{shown} It is the poster of the {film.genre} film {film.title} of {film.year} by "
            f"{film.director} with {film.star}."
        )
    if isinstance(extra, Illness):
        cure = CURES[extra.name]
        steps = "; ".join(first for first, _ in cure.steps)
        return f"{shown} The plant has {cure.name} from {cure.cause}. The treatment: {steps}."
    if isinstance(extra, Incongruity):
        ride = extra.rule == "ride"
        signs = RIDE_REASONS[extra.subject][1] if ride else RULE_SIGNS[extra.rule]
        return (
            f"{shown} It is odd to see the {extra.subject} with the {extra.setting}. The reason "
            f"has to do with: {', '.join(signs)}."
        )
    if isinstance(extra, Mockup):
        return f"{shown} It is a sketch, to be turned into one HTML page with these parts."
    return shown


def _own_questions(folder: Path, wanted: Sequence[str], settings: TaskSettings) -> list[Question]:
    asked = []
    length = settings.max_new_tokens or PAPER_MAX_NEW_TOKENS
    present = [ability for ability in wanted if (folder / ability).is_dir()]
    if not present:
        raise DataError(f"no folder {folder / wanted[0]}; wanted pictures in {folder}/ABILITY")
    for ability in present:
        for picture in all_pictures(folder / ability)[: settings.limit]:
            note = picture.path.with_suffix(".txt")
            prompt = _OWN_PROMPTS.get(ability) or PROMPTS[ABILITIES[ability]][0]
            shown = note.read_text(encoding="utf-8").strip() if note.is_file() else ""
            asked.append(
                Question(
                    key=f"{ability}/{picture.path.name}",
                    group=ability,
                    picture=picture,
                    prompt=prompt if settings.prompt is None else settings.prompt,
                    decoding=replace(settings.decoding, max_new_tokens=length),
                    truth={"shown": shown} if shown else {},
                )
            )
    return asked


TASK = Task(
    about="are requests fulfilled: memes, recipes, poems, web pages ...",
    paper="Table 1",
    questions=questions,
    score=score,
    truth=judge_by_truth,
    llm=LLMPrompt(text=LLM_PROMPT, fields=told_to_llm),
    person_asks="Does the answer do what was asked, and is it true of the picture?",
)
