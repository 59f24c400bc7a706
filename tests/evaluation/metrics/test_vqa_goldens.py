"""VQA accuracy equals the reference scripts', item by item and in total."""

from __future__ import annotations

import pytest

from evaluation.metrics.goldens import GOLDENS, NEAR, golden
from minigpt4.evaluation.metrics.vqa import score_files
from minigpt4.evaluation.metrics.vqa_normal import normal, normal_punctuation, normal_words

VARIANTS = ("official", "minigpt4", "lavis_old")
SETS = sorted(
    path.name.removesuffix("_expected.json") for path in (GOLDENS / "vqa").glob("*_expected.json")
)


def test_there_are_goldens():
    assert {"vqav2", "okvqa"} <= set(SETS)


def test_both_steps_of_the_normalization_equal_the_reference():
    for row in golden("vqa/normalization.json"):
        text = row["text"]
        ours = (normal_punctuation(text), normal_words(text), normal(text))
        assert ours == (row["processPunctuation"], row["processDigitArticle"], row["both"]), text


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", SETS)
def test_totals_equal_the_reference(name, variant):
    expected = golden(f"vqa/{name}_expected.json")["total"]
    totals = score(name, variant).totals
    assert {key: totals[key] for key in expected[variant]} == expected[variant]
    unrounded = expected[f"{variant}_unrounded_overall"]
    assert totals["unrounded_overall"] == pytest.approx(unrounded, abs=NEAR)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", SETS)
def test_every_question_equals_the_reference(name, variant):
    expected = {q["question_id"]: q for q in golden(f"vqa/{name}_expected.json")["questions"]}
    items = score(name, variant).items
    assert {item["question_id"] for item in items} == set(expected)
    for item in items:
        row = expected[item["question_id"]]
        # The script rounds each percentage to two digits.
        assert round(100 * item["accuracy"], 2) == row[f"accuracy_{variant}"], row
        if variant == "official":
            assert item["unanimous"] == row["unanimous"]
            if not row["unanimous"]:
                assert item["prediction"] == row["normalized_prediction"]
                counts = {text: item["answers"].count(text) for text in item["answers"]}
                assert counts == row["normalized_answers"]


def score(name, variant):
    return score_files(
        GOLDENS / f"vqa/{name}_results.json",
        annotations=GOLDENS / f"vqa/{name}_annotations.json",
        variant=variant,
    )
