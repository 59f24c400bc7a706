"""Stage 2 draws from the four official prompts."""

from __future__ import annotations

from minigpt4.data.prompts import STAGE2_PROMPTS, sample_prompt


def test_there_are_four_prompts_with_a_picture_each() -> None:
    assert len(set(STAGE2_PROMPTS)) == 4
    assert all(prompt.startswith("<Img><ImageHere></Img> ") for prompt in STAGE2_PROMPTS)


def test_every_prompt_is_drawn_and_the_draw_is_repeatable() -> None:
    drawn = [sample_prompt(step, seed=42) for step in range(64)]
    assert set(drawn) == set(STAGE2_PROMPTS)
    assert drawn == [sample_prompt(step, seed=42) for step in range(64)]
    assert drawn != [sample_prompt(step, seed=43) for step in range(64)]
