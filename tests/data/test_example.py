"""Examples are plain values."""

from __future__ import annotations

from pathlib import Path

from minigpt4.data.example import Example, Turn, captioned, with_prompt


def test_a_caption_is_an_answer_without_a_prompt() -> None:
    example = captioned(Path("cat.jpg"), "a cat", key="7")
    assert example.turns == (Turn(prompt="", answer="a cat"),)


def test_a_prompt_goes_before_the_first_answer_only() -> None:
    turns = (Turn(prompt="", answer="a cat"), Turn(prompt="Colour?", answer="black"))
    example = Example(image=None, turns=turns, key="7")
    prompted = with_prompt(example, "Describe.")
    assert prompted.turns == (Turn(prompt="Describe.", answer="a cat"), turns[1])
    assert example.turns == turns
