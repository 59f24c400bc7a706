"""The paper's abilities as prompts."""

from __future__ import annotations

import pytest

from minigpt4.evaluation.world_questions import ABILITY_KINDS, DESCRIPTION
from minigpt4.serving.demo.abilities import DRAWN_WORLD, PHOTOGRAPHS
from minigpt4.world.language.compose_prompts import PROMPTS
from minigpt4.world.sample import sample_scene

# Paper, Table 1 and §3.3.
OF_THE_PAPER = {
    "description": "Describe this image in detail.",
    "explanation": "Explain why this meme is funny.",
    "recipe": "How should I make something like this?",
    "advertisement": "Help me draft a professional advertisement for this.",
    "poem": "Can you craft a beautiful poem about this image?",
}


@pytest.mark.parametrize("abilities", [DRAWN_WORLD, PHOTOGRAPHS])
def test_all_abilities_are_there_in_the_papers_words(abilities):
    prompts = {ability.task: ability.prompt for ability in abilities}
    assert set(prompts) == {DESCRIPTION, *ABILITY_KINDS}
    assert {task: prompts[task] for task in OF_THE_PAPER} == OF_THE_PAPER


def test_the_miniature_is_asked_in_words_it_has_read():
    for ability in DRAWN_WORLD[1:]:
        assert ability.prompt in PROMPTS[ability.task]
        assert ability.kind == ABILITY_KINDS[ability.task]


def test_an_ability_suits_pictures_it_makes_sense_of():
    recipe = next(ability for ability in DRAWN_WORLD if ability.task == "recipe")
    poem = next(ability for ability in DRAWN_WORLD if ability.task == "poem")
    dish = sample_scene("test", 1, 0, kind="dish")
    plant = sample_scene("test", 1, 0, kind="plant")
    assert (recipe.suits(dish), recipe.suits(plant)) == (True, False)
    assert poem.suits(dish)
    assert poem.suits(plant)
