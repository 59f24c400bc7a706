"""Signs of trouble in captions: what is odd is seen, what is plain is left alone."""

from __future__ import annotations

import pytest
from PIL import Image

from minigpt4.data.example import captioned
from minigpt4.data.suspicion import suspicions, text_suspicions


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("a <b>red</b> car", "markup"),
        ("bread &amp; butter", "markup"),
        ("see https://example.org", "address"),
        ("mail me@example.org now", "address"),
        ("IMG_20394", "file name"),
        ("sunset-final.jpg", "file name"),
        ("A dog, royalty-free stock photo", "boilerplate"),
        ("the cafÃ© at night", "broken letters"),
        ("it\ufffds a dog", "broken letters"),
        ("a dog\x07", "control signs"),
        ("12 / 2019", "no letters"),
        ("собака на траве", "not in Latin script"),
        ("一只狗在草地上", "not in Latin script"),
        ("ein Hund auf der Wiese mit einem Ball", "not English"),
        ("un chien dans le jardin avec des fleurs", "not English"),
        ("un perro con una pelota en el parque", "not English"),
    ],
)
def test_what_is_odd_is_named(text: str, sign: str) -> None:
    assert text_suspicions(text) == [sign]


@pytest.mark.parametrize(
    "text",
    [
        "a cat",
        "A café by the sea, in the early morning.",
        "Die Hard is on at the cinema tonight, and the queue is long",
        "two men & a dog; one of them is smiling (the taller one)",
        "The sum is 3 < 4 > 2 in this picture of a blackboard.",
        "portrait of señor García in El Paso",
    ],
)
def test_what_is_plain_is_left_alone(text: str) -> None:
    assert text_suspicions(text) == []


@pytest.mark.parametrize(
    ("size", "signs"),
    [
        ((200, 100), []),
        ((200, 20), ["tiny picture (a side below 32 px)", "long strip (sides above 5 to 1)"]),
        ((400, 70), ["long strip (sides above 5 to 1)"]),
    ],
)
def test_odd_sizes_are_named(size: tuple[int, int], signs: list[str]) -> None:
    example = captioned(Image.new("RGB", (1, 1)), "a cat", key="1")
    assert suspicions(example, width=size[0], height=size[1]) == signs
