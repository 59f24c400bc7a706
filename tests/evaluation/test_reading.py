"""Short answers and letters are read out of sentences, and only where they are there."""

from __future__ import annotations

import pytest

from minigpt4.evaluation.reading import read_letter, says


@pytest.mark.parametrize(
    ("text", "answer", "question", "right"),
    [
        ("The dog is red.", "red", "What color is the dog?", True),
        ("It is a blue dog.", "red", "What color is the dog?", False),
        ("It is covered in mud.", "red", "What color is the dog?", False),
        ("Red", "red", "What color is the dog?", True),
        ("Yes, there is a dog.", "yes", "Is there a dog?", True),
        ("There is a dog.", "yes", "Is there a dog?", True),
        ("No, there is no dog.", "yes", "Is there a dog?", False),
        ("There is a cat.", "no", "Is there a dog?", False),
        ("It is red.", "red", "Is the dog red or blue?", True),
        ("It is red or blue.", "red", "Is the dog red or blue?", False),
        ("It is the desert.", "desert", "Is this the forest or the desert?", True),
        ("The forest, not the desert.", "desert", "Is this the forest or the desert?", False),
        ("It is left of the bush.", "left", "Is the boat left of or right of the bush?", True),
        ("I see a cat. The dog is red.", "red", "What color is the dog?", False),
        ("The bell is in the middle.", "center", "Where is the bell?", True),
        ("In the center.", "center", "Is it in the middle or on the left?", True),
        ("It is on the left.", "center", "Where is the bell?", False),
        ("", "red", "What color is the dog?", False),
    ],
)
def test_the_first_sentence_gives_the_answer_or_not(text, answer, question, right):
    assert says(text, answer, question=question) is right


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("B", 1),
        ("(C) a train", 2),
        ("The answer is D.", 3),
        ("It is a bus.", 1),
        ("A bus.", 1),
        ("the toy car", 0),
        ("a car and a bus", None),
        ("a train and a bus", None),
        ("I do not know", None),
        ("", None),
    ],
)
def test_a_letter_or_the_one_choice_that_is_named(text, place):
    assert read_letter(text, ("toy car", "bus", "train", "car")) == place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("The answer is a bus.", 1),
        ("The correct choice is a bus", 1),
        ("The answer: a train", 2),
        ("Answer: A bus", 1),
        ("The answer is A because it has wheels.", 0),
        ("The right answer is a", 0),
        ("The answer is a, the car.", 0),
        ("Option b.", 1),
        ("Answer\n\nC", 2),
        ("b", 1),
        ("(b)", 1),
        ("**B**", 1),
        ("**B** because of its size", 1),
        ("**Answer:** B", 1),
        ("The answer is **b**", 1),
        ("`D`", 3),
        ("_D_", 3),
        ("[D]", 3),
        ("B\nbecause of its size", 1),
        ("B - because of its size", 1),
        ("a car", 0),
        ("A-frame", None),
        ("d.h. the bus", 1),
    ],
)
def test_an_article_is_no_letter_and_a_letter_may_be_small_or_marked(text, place):
    assert read_letter(text, ("car", "bus", "train", "bike")) == place
