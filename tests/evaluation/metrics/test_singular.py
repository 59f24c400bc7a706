"""Singulars: plain English ones, and the reference's."""

from __future__ import annotations

import pytest

from minigpt4.evaluation.metrics.chair import coco_words, words_of_objects
from minigpt4.evaluation.metrics.singular import plain_singular, reference_singular
from minigpt4.world.vocabulary import DISHES, INGREDIENTS, KINDS

REGULAR = """
cars car boxes box benches bench brushes brush dresses dress babies baby ponies pony monkeys
monkey tomatoes tomato shoes shoe canoes canoe horses horse houses house vases vase noses nose
buses bus cactuses cactus walruses walrus lenses lens glasses glass gases gas ties tie pies pie
cookies cookie movies movie knives knife wives wife wolves wolf shelves shelf calves calf gloves
glove waves wave olives olive sleeves sleeve headaches headache beaches beach taxis taxi skis ski
zucchinis zucchini menus menu quizzes quiz sizes size tvs tv leaves leaf
"""
IRREGULAR = """
people person children child men man women woman policemen policeman snowmen snowman feet foot
teeth tooth geese goose mice mouse oxen ox cacti cactus
"""
ALONE = """
bus glass grass dress tennis this his was has is as its yes lens gas scissors sheep fish deer
series news always across specimen women's 's ' tie ski a
"""


@pytest.mark.parametrize("words", [REGULAR, IRREGULAR], ids=["regular", "irregular"])
def test_plurals_become_english_singulars(words):
    plurals, singulars = words.split()[::2], words.split()[1::2]
    assert [plain_singular(plural) for plural in plurals] == singulars


def test_words_that_are_no_plurals_stay():
    assert [plain_singular(word) for word in ALONE.split()] == ALONE.split()


@pytest.mark.parametrize(
    "objects",
    [coco_words().object_of, words_of_objects((*KINDS, *DISHES, *INGREDIENTS)).object_of],
    ids=["coco", "drawn"],
)
def test_every_object_is_found_by_its_plural(objects):
    # Words that are plurals already, or are never said in the plural.
    without = ("people", "children", "skis", "scissors", "knive", "suv")
    for word in [word for word in objects if word not in without and " " not in word]:
        assert objects[plain_singular(plural_of(word))] == objects[word]


def plural_of(word):
    """Return the regular plural, and the irregular ones that the tables have."""
    irregular = {"child": "children", "grandchild": "grandchildren", "ox": "oxen", "calf": "calves"}
    irregular |= {"mouse": "mice", "goose": "geese", "knife": "knives", "thief": "thieves"}
    if word in irregular:
        return irregular[word]
    if word.endswith("man"):
        return f"{word[:-3]}men"
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    es = word.endswith(("s", "x", "ch", "sh")) or word in ("potato", "tomato")
    return f"{word}es" if es else f"{word}s"


@pytest.mark.parametrize(
    ("word", "singular"),
    [
        ("bus", "bu"),
        ("ties", "ty"),
        ("glass", "glas"),
        ("tennis", "tenni"),
        ("has", "ha"),
        ("four", "fmy"),
        ("cookies", "cookies"),
        ("canoes", "cano"),
        ("pasta", "pastum"),
        ("slice", "slouse"),
        ("opera", "opus"),
        ("specimen", "speciman"),
        ("'", "'s"),
        ("'s", "'"),
        ("dogs'", "dog's"),
        ("mothers-in-law", "mother-in-law"),
        ("ink", "ink"),
        ("s", "s"),
        ("", ""),
        ("scissors", "scissors"),
        ("people", "person"),
        ("wolves", "wolf"),
        ("knives", "knife"),
        ("lives", "life"),
        ("gloves", "glove"),
        ("movies", "movie"),
        ("buses", "bus"),
        ("analyses", "analysis"),
    ],
)
def test_the_reference_rules_are_repeated_slips_included(word, singular):
    assert reference_singular(word) == singular
