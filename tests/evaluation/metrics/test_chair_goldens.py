"""CHAIR equals the reference script's: its oddities by option, its plain singulars by default."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluation.metrics.goldens import GOLDENS, NEAR, golden, systems
from minigpt4.evaluation.metrics.chair import coco_words, score_files, totals_of, truth_of
from minigpt4.evaluation.metrics.english_words import english_words
from minigpt4.evaluation.metrics.files import read_captions, read_instances
from minigpt4.evaluation.metrics.singular import reference_singular

INSTANCES = GOLDENS / "chair/instances_val2014.json"
CAPTIONS = GOLDENS / "chair/captions_val2014.json"
TOTALS = {
    "CHAIRs": "CHAIRs",
    "CHAIRi": "CHAIRi",
    "captions": "captions",
    "captions_with_hallucination": "captions_with_hallucination",
    "mentioned_words": "mentioned",
    "hallucinated_words": "hallucinated",
    "derived_recall": "recall",
    "derived_mean_length_words": "length",
}
ITEMS = {
    "words": "words",
    "mscoco_generated_words": "named",
    "mscoco_hallucinated_words": "hallucinated",
    "hallucination_idxs": "hallucinated_positions",
    "mscoco_gt_words": "truth",
    "recalled_words": "recalled",
    "length_words": "length",
    "CHAIRs": "CHAIRs",
    "CHAIRi": "CHAIRi",
}
REFERENCE = golden("chair/expected.json")
PLAIN = golden("chair/expected_plain_singular.json")
SYSTEMS = systems(REFERENCE["total"])


def test_every_token_equals_nltk():
    for text, tokens in golden("chair/tokens.json")["tokens_of_lowercased_caption"].items():
        assert english_words(text) == tokens


def test_every_singular_equals_pattern():
    forms = golden("chair/singular_forms.json")
    expected = forms["changed"] | {word: word for word in forms["unchanged"]}
    assert {word: reference_singular(word) for word in expected} == expected


def test_the_shipped_table_is_the_published_one():
    table = golden("chair/synonyms.json")
    published = {
        word.strip().lower(): name for name, words in table["categories"].items() for word in words
    }
    assert coco_words("repaired").object_of == published
    assert coco_words().merged == table["double_words"]
    # What the published table never finds because of how it is written, not because of singulars.
    dead = {word.strip().lower() for word in table["not_recognized_as_written"]}
    dead -= {"bus", "minibus", "airbus"}
    assert set(published) - set(coco_words("reference").object_of) == dead


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_caption_equals_the_reference(name):
    assert_items(score(name, coco_words("reference")).items, REFERENCE[name], ITEMS)


@pytest.mark.parametrize("name", SYSTEMS)
def test_totals_equal_the_reference(name):
    assert_totals(score(name, coco_words("reference")).totals, REFERENCE["total"][name])


@pytest.mark.parametrize("name", SYSTEMS)
def test_an_evaluated_file_gives_the_same_as_a_results_list(name):
    words = coco_words("reference")
    assert score(f"{name}_official", words) == score(name, words)


def test_the_truth_equals_the_reference():
    truth = truth_of(read_instances(INSTANCES), read_captions(CAPTIONS), coco_words("reference"))
    for picture, expected in REFERENCE["ground_truth_objects"].items():
        assert sorted(truth[int(picture)]) == expected["union"]


def test_the_pooled_systems_equal_the_reference():
    items = [item for name in SYSTEMS for item in score(name, coco_words("reference")).items]
    assert_totals(totals_of(items), REFERENCE["total"]["pooled"])


@pytest.mark.parametrize("name", SYSTEMS)
def test_repairing_the_listed_singulars_gives_the_repaired_goldens(name):
    overrides = PLAIN["singular_overrides"]
    words = replace(
        coco_words("reference"),
        singular=lambda word: overrides.get(word) or reference_singular(word),
    )
    result = score(name, words)
    assert_totals(result.totals, PLAIN["total"][name])
    assert_items(result.items, PLAIN[f"changed_{name}"], ITEMS)


@pytest.mark.parametrize("name", SYSTEMS)
def test_plain_english_by_default_gives_the_repaired_goldens(name):
    result = score(name)
    assert_totals(result.totals, PLAIN["total"][name])
    # Words that name nothing ("has") may differ: they are the reference's slips too.
    fields = {key: ours for key, ours in ITEMS.items() if key != "words"}
    assert_items(result.items, PLAIN[f"changed_{name}"], fields)


def test_plain_english_pooled_gives_the_repaired_goldens():
    items = [item for name in SYSTEMS for item in score(name).items]
    assert_totals(totals_of(items), PLAIN["total"]["pooled"])


def score(name, words=None):
    path = GOLDENS / f"chair/generated_{name}.json"
    return score_files(path, instances=INSTANCES, captions=CAPTIONS, words=words)


def assert_totals(totals, expected):
    assert set(expected) == set(TOTALS)
    for key, value in expected.items():
        assert totals[TOTALS[key]] == pytest.approx(value, abs=NEAR), key


def assert_items(items, expected, fields):
    ours = {item["image_id"]: item for item in items}
    for row in expected:
        item = ours[row["image_id"]]
        assert item["caption"] == row["caption"]
        for key, name in fields.items():
            value = pytest.approx(row[key], abs=NEAR) if key == "CHAIRi" else row[key]
            assert item[name] == value, (key, row["caption"])
