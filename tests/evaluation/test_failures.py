"""The detector works on any English text: it lets good texts pass and names what is broken."""

from __future__ import annotations

import random

import pytest

from minigpt4.evaluation.failures import find_failures
from minigpt4.world.language.compose_correction import broken
from minigpt4.world.language.corpus import COMPOSERS
from minigpt4.world.language.descriptions import description
from minigpt4.world.sample import sample_scene

GOOD = [
    "The image shows a man in a yellow shirt who irons clothes on the back of a moving car. The "
    "car is on a busy street with other cars around it. He appears to enjoy his work, and the "
    "people passing by look at him in surprise.",
    "This is a photograph of a small wooden cabin by a lake. The cabin, which has a red door and "
    "two windows, stands under tall pine trees. Mountains tower behind it, and their peaks mirror "
    "in the water. On the shore lies a green canoe. The scene feels calm and quiet.",
    "The picture depicts Mr. Smith, a chef, in the kitchen of the restaurant. He stirs a pot at 5 "
    "p.m. on a Friday. There are pots, pans, and knives hanging on the wall.",
    'The image shows the logo of a coffee shop. The text "Good Morning" appears below the cup in '
    "brown letters. The background is white.",
    "Two dogs chase a ball across the lawn. One is brown; the other is white with black spots. A "
    "fence surrounds the garden. The owner watches from the porch.",
    "There is a large tree in the park. There is a small bench under it, and a woman is sitting "
    "on the bench with her very, very old dog. How calm they look!",
]
POEMS = [
    "In the quiet of the morning light,\nThe mountains rise, a wondrous sight,\nWith snow upon "
    "their ancient crown,\nThey watch the valley, looking down\n\nThe river sings its silver song",
    "O moon, O moon, above the sea,\nYou shine your silver light on me,\nO moon, O moon, so far "
    "away,\nStay with me until the day.",
]
BROKEN = [
    ("", "empty"),
    ("...", "empty"),
    ("The image shows a dog. The image shows a dog. It is on the beach with a ball.", "repeated"),
    ("The man is man is man is man is man is man is man is man is standing there.", "repeated"),
    ("The dog is on the the beach, and it plays with a red ball in the sun.", "repeated"),
    ("There is a red car in the street. There is a man. There is a red car in the street.",
     "repeated"),
    ("The image shows a beach. a red car near the water and two men.", "fragmentary"),
    ("The image shows a beach at night. A red umbrella. It is a calm scene.", "fragmentary"),
    ("The image shows a man with The car is red and it stands on the street.", "fragmentary"),
    ("The image shows a man standing in front of a building with a large", "unfinished"),
    ("I'm sorry, but I cannot see the image that you mean. Please send it again.", "off_topic"),
    ("The dog is on the beach. ###Human: What is the color of the dog in it?", "off_topic"),
    ("Photo by John, who is a photographer. Click here for more photos of dogs.", "off_topic"),
    ("A dog on the beach.", "off_topic"),
    ("Das Bild zeigt einen Hund, der auf der Wiese mit einem Ball spielt und froh ist.",
     "off_language"),
    ("这是一只狗在草地上玩球的图片", "off_language"),
    ("The dog @@ is on the beach, and it plays with a red ball == in the sun.", "off_language"),
    ("The dog is on the beach, and it plays und das a red ball in the sun.", "off_language"),
    ("The dog is on the beach, and it xx plays with a red ball in the sun.", "off_language"),
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_a_good_description_passes(text: str):
    assert find_failures(text, form="description") == {}


@pytest.mark.parametrize("text", POEMS)
def test_a_good_poem_passes_though_it_repeats_words_and_has_no_full_stops(text: str):
    assert find_failures(text, form="poem") == {}


@pytest.mark.parametrize(("text", "kind"), BROKEN)
def test_a_broken_description_is_found_by_its_kind(text: str, kind: str):
    assert kind in find_failures(text, form="description")


def test_what_was_cut_is_unfinished_whatever_it_ends_with():
    assert find_failures(GOOD[0], form="description", finished=False) == {
        "unfinished": "it was cut off"
    }


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (GOOD[0], "off_topic"),
        ("The day is here,\nthe red cat and the red cat\nThe sun is clear,\nand here I sat.",
         "repeated"),
        ("The moon is high,\nThe moon is high,\nIt lights the sky,\nAnd so do I.", "repeated"),
        ("The moon is high,\nIt lights the sky,\nThe night is near,\nAnd I am here with the",
         "unfinished"),
        ("The day is here,\nThe sun is clear,\nand so am I", "off_topic"),
    ],
)  # fmt: skip
def test_a_broken_poem_is_found_by_its_kind(text: str, kind: str):
    assert kind in find_failures(text, form="poem")


def test_the_worlds_own_texts_pass_and_its_broken_ones_do_not():
    passed = found = 0
    for index in range(100):
        scene, chance = sample_scene("validation", 4, index), random.Random(index)
        text = description(scene, chance)
        poem = COMPOSERS["poem"](scene, chance)
        passed += not find_failures(text, form="description")
        passed += not find_failures(poem, form="poem")
        found += bool(find_failures(broken(text, chance), form="description"))
    assert passed == 200
    assert found >= 97
