"""What is asked: the paper's prompts about unseen pictures of the right kind."""

from __future__ import annotations

import numpy as np

from minigpt4.evaluation.world_questions import (
    ABILITY_KINDS,
    DESCRIPTION,
    MAX_NEW_TOKENS,
    PAPER_ABILITIES,
    ability_questions,
    description_questions,
)
from minigpt4.world.draw.picture import draw
from minigpt4.world.sample import sample_scene

PAPER_PROMPTS = {
    "explanation": "Explain why this meme is funny.",
    "recipe": "How should I make something like this?",
    "advertisement": "Help me draft a professional advertisement for this.",
    "poem": "Can you craft a beautiful poem about this image?",
}


def test_descriptions_are_asked_of_the_mixed_stream():
    questions = description_questions("test", 3, 50)
    assert [each.scene for each in questions] == [sample_scene("test", 3, i) for i in range(50)]
    assert {each.prompt for each in questions} == {"Describe this image in detail."}
    assert len({each.scene.kind for each in questions}) >= 5


def test_the_papers_abilities_are_asked_in_its_words():
    prompts = {each.task: each.prompt for each in ability_questions("test", 3, 1)}
    assert set(prompts) == set(ABILITY_KINDS)
    assert {task: prompts[task] for task in PAPER_ABILITIES} == PAPER_PROMPTS


def test_each_ability_has_pictures_of_its_own_kind_and_of_no_other_question():
    questions = [*ability_questions("test", 3, 25), *description_questions("test", 3, 200)]
    for question in questions:
        if question.task != DESCRIPTION:
            assert question.scene.kind == ABILITY_KINDS[question.task]
    assert len({each.scene.seed for each in questions}) == len(questions) == 8 * 25 + 200


def test_the_same_seed_asks_the_same_and_another_split_other_pictures():
    first = ability_questions("test", 3, 3)
    assert ability_questions("test", 3, 3) == first
    other = {each.scene.seed for each in ability_questions("train", 3, 3)}
    assert not other & {each.scene.seed for each in first}


def test_a_question_shows_the_picture_of_its_scene():
    question = description_questions("test", 3, 1)[0]
    assert np.array_equal(np.asarray(question.picture), np.asarray(draw(question.scene)))
    assert question.max_new_tokens == MAX_NEW_TOKENS[DESCRIPTION]
