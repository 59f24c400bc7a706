"""The drawn questions of Table 6 are asked and answered as VQAv2, OK-VQA and A-OKVQA are."""

from __future__ import annotations

from minigpt4.data.questions import VQA_PROMPT
from minigpt4.recipes.sources import open_named
from minigpt4.world.language.knowledge_questions import knowledge_questions


def test_answers_are_short_and_half_of_them_in_no_pixel() -> None:
    source = open_named("world:questions?split=train&seed=5&count=40", clean=False)
    turns = [source[index].turns[0] for index in range(40)]
    before, after = VQA_PROMPT.split("{}")
    assert all(turn.prompt.startswith(before) and turn.prompt.endswith(after) for turn in turns)
    assert all(not turn.answer.endswith(".") for turn in turns)
    assert sum(len(turn.answer.split()) == 1 for turn in turns) >= 30
    assert len({turn.prompt for turn in turns}) >= 25
    assert 5 <= sum(_of_knowledge(source, index) for index in range(40)) <= 30


def _of_knowledge(source, index: int) -> bool:
    import random

    scene = source.pictures.scene(index)
    asked = source[index].turns[0].prompt
    rng = random.Random(0)
    return any(made.text in asked for _ in range(20) for made in knowledge_questions(scene, rng))
