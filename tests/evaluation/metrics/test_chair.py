"""CHAIR by hand: its definition, its rules, and what is right where the reference is not."""

from __future__ import annotations

import pytest

from evaluation.metrics.goldens import write_json
from minigpt4.errors import DataError, SettingsError
from minigpt4.evaluation.metrics.chair import (
    coco_words,
    mentions,
    score_captions,
    score_files,
    truth_of,
    words_of_objects,
)
from minigpt4.world.vocabulary import KINDS


def named(text, words=None):
    return [name for _, name in mentions(text, words).named]


def test_the_definition_of_rohrbach_et_al_2018():
    # CHAIRi: hallucinated objects over all objects mentioned; CHAIRs: sentences with one over all.
    captions = {
        1: "A dog and a cat on a bench.",  # three named, the bench is not there
        2: "A man rides a horse.",  # two named, both there
        3: "It is raining.",  # nothing named
        4: "A pizza, a pizza and a cup.",  # three named; the two pizzas are not there
    }
    truth = {1: {"dog", "cat"}, 2: {"person", "horse", "car"}, 3: {"umbrella"}, 4: {"cup"}}
    result = score_captions(captions, truth)
    assert result.totals["CHAIRi"] == pytest.approx(3 / 8)
    assert result.totals["CHAIRs"] == pytest.approx(2 / 4)
    assert [item["CHAIRi"] for item in result.items] == [1 / 3, 0.0, 0.0, 2 / 3]
    assert result.items[3]["hallucinated"] == [["pizza", "pizza"], ["pizza", "pizza"]]
    # Found are dog, cat; person, horse; none; cup: five of seven different ones.
    assert result.totals["recall"] == pytest.approx(5 / 7)
    assert result.totals["length"] == pytest.approx((8 + 5 + 3 + 7) / 4)
    assert result.scores["CHAIRi"].value == result.totals["CHAIRi"]
    low, high = result.scores["CHAIRi"].interval
    assert 0 <= low <= 3 / 8 <= high <= 1


def test_truth_is_what_is_annotated_or_said_by_the_references():
    truth = truth_of({1: ["dog"], 2: []}, {1: ["A puppy with a man.", "A frisbee."]})
    assert truth == {1: {"dog", "person", "frisbee"}, 2: set()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Two women and a boy", ["person", "person"]),
        ("a hot dog", ["hot dog"]),
        ("a baby elephant with its mother", ["elephant", "person"]),
        ("the train tracks", []),
        ("a passenger train", ["train"]),
        ("the toilet seat", ["toilet"]),
        ("the seat of the toilet", ["toilet"]),
        ("a seat", ["chair"]),
        ("a bow tie", ["tie"]),
        ("a horse-drawn cart", []),
        ("knives, mice and geese", ["knife", "mouse", "bird"]),
        ("a stove top oven", ["oven", "oven"]),
        ("the man's dogs' ball", ["person", "dog", "sports ball"]),
    ],
)
def test_words_are_merged_and_looked_up(text, expected):
    assert named(text) == expected


@pytest.mark.parametrize(
    ("text", "right", "reference"),
    [
        ("a bus", ["bus"], []),
        ("two buses", ["bus"], ["bus"]),
        ("a minibus and an airbus", ["bus", "airplane"], []),
        ("two ties", ["tie"], []),
        ("a tennis racket", ["tennis racket"], ["tennis racket"]),
        ("a glass of wine, a wine glass", ["wine glass"], ["wine glass"]),
        ("two collies and two canoes", ["dog", "boat"], []),
    ],
)
def test_plain_english_finds_what_the_reference_misses(text, right, reference):
    assert named(text) == right
    assert named(text, coco_words("reference")) == reference


def test_dead_entries_live_only_in_the_repaired_table():
    text = "a cheesecake, a motor bike and an iPhone"
    assert named(text) == named(text, coco_words("reference")) == []
    assert named(text, coco_words("repaired")) == ["cake", "motorcycle", "cell phone"]


def test_positions_count_words_before_merging():
    said = mentions("a hot dog beside a cat")
    assert said.words == ("a", "hot dog", "beside", "a", "cat")
    assert said.positions == (1, 5)


def test_positions_slip_behind_a_dropped_seat():
    # As in the reference: the word after the dropped "seat" takes its position.
    said = mentions("the seat, the toilet")
    assert said.named == (("toilet", "toilet"),)
    assert said.positions == (3,)


def test_the_drawn_kinds_have_words_of_their_own():
    words = words_of_objects(KINDS)
    text = "Two snowmen, cacti, buses, churches and a puppy in a dining room."
    assert named(text, words) == ["snowman", "cactus", "bus", "church"]
    assert all(named(f"a {kind} and two {kind}s", words)[0] == kind for kind in KINDS)


def test_synonyms_and_pairs_can_be_given():
    words = words_of_objects({"dog": ("puppy", "hot dog"), "teddy bear": ()})
    assert named("puppies, hot dogs and a teddy bear", words) == ["dog", "dog", "teddy bear"]
    with pytest.raises(SettingsError, match="'pet' cannot stand for 'cat'"):
        words_of_objects({"cat": ("pet",), "dog": ("pet",)})
    with pytest.raises(SettingsError, match="wanted one or two words"):
        words_of_objects(["stop and go sign"])


def test_names_in_the_plural_are_found():
    objects = {"clouds": (), "glasses": (), "Grapes": (), "trousers": ("jeans", "blue jeans")}
    words = words_of_objects(objects)
    text = "Clouds, a cloud, glasses, grapes, jeans, blue jeans, trousers and a bus."
    assert named(text, words) == [
        "clouds", "clouds", "glasses", "Grapes", "trousers", "trousers", "trousers",
    ]  # fmt: skip
    assert truth_of({1: ["clouds", "Grapes"]}, {}, words) == {1: {"clouds", "Grapes"}}
    with pytest.raises(SettingsError, match="'glass' cannot stand for"):
        words_of_objects(["glass", "glasses"])


def test_a_foreign_category_asks_for_a_table():
    with pytest.raises(DataError, match="category 'snowman' is not in the table of words"):
        truth_of({1: ["snowman"]}, {})


def test_captions_without_truth_are_refused():
    with pytest.raises(DataError, match="1 of 2 captions are of pictures without a truth"):
        score_captions({1: "a dog", 2: "a cat"}, {1: {"dog"}})


def test_an_empty_set_has_no_shares():
    result = score_captions({}, {})
    assert result.totals["CHAIRi"] is None
    assert result.scores == {}


def test_files_are_scored_and_damaged_ones_described(tmp_path):
    instances = {
        "images": [{"id": 1}],
        "categories": [{"id": 7, "name": "dog"}],
        "annotations": [{"image_id": 1, "category_id": 7}],
    }
    captions = {"annotations": [{"image_id": 1, "caption": "A dog with a ball."}]}
    files = {
        "instances": write_json(tmp_path / "instances.json", instances),
        "captions": write_json(tmp_path / "captions.json", captions),
    }
    results = write_json(tmp_path / "r.json", [{"image_id": 1, "caption": "A dog and a cat."}])
    assert score_files(results, **files).totals["CHAIRi"] == 0.5
    write_json(tmp_path / "instances.json", instances | {"categories": [{"id": 8, "name": "cat"}]})
    with pytest.raises(DataError, match="category_id 7 is none of its 1 categories"):
        score_files(results, **files)


def test_unknown_rules_are_refused():
    with pytest.raises(SettingsError, match="wanted one of english, reference, repaired"):
        coco_words("official")
