"""GQA: equal to the reference scripts, and by hand."""

from __future__ import annotations

import pytest

from evaluation.metrics.goldens import GOLDENS, NEAR, golden, write_json
from minigpt4.errors import DataError, SettingsError
from minigpt4.evaluation.metrics.gqa import score_answers, score_files

NAMES = {
    "exact": "official_exact_balanced_only",
    "minigpt4": "minigpt4_all_questions",
    "lavis": "lavis_all_questions",
}


@pytest.mark.parametrize("variant", NAMES)
def test_every_question_and_the_accuracy_equal_the_reference(variant):
    expected = golden("gqa/expected.json")
    result = score_golden(variant)
    total = expected["total"][NAMES[variant]]
    accuracy = total["accuracy"] if variant == "exact" else total
    assert result.totals["accuracy"] == pytest.approx(accuracy, abs=NEAR)
    rows = {row["question_id"]: row for row in expected["questions"]}
    assert [item["question_id"] for item in result.items] == list(rows)
    for item in result.items:
        row = rows[item["question_id"]]
        assert item["right"] == row[variant], row
        assert item["balanced"] == row["balanced"]
        assert item["saved_prediction"] == row["minigpt4_saved_pred"]


def test_the_official_groups_equal_the_reference():
    expected = golden("gqa/expected.json")["total"][NAMES["exact"]]
    totals = score_golden("exact").totals
    for name in ("binary", "open", "distribution"):
        assert totals[name] == pytest.approx(expected[name], abs=NEAR)
    for name in ("accuracyPerStructuralType", "accuracyPerSemanticType"):
        assert set(totals[name]) == set(expected[name])
        for value, (percent, count) in expected[name].items():
            assert totals[name][value] == (pytest.approx(percent, abs=NEAR), count)


def test_the_authors_own_list_of_questions_gives_the_same():
    listed = score_files(
        GOLDENS / "gqa/predictions.json",
        questions=GOLDENS / "gqa/minigpt4_list.json",
        variant="minigpt4",
    )
    assert listed.totals["accuracy"] == score_golden("minigpt4").totals["accuracy"]


def question(answer, *, structural="query", balanced=True, group=None):
    return {
        "question": "?", "answer": answer, "isBalanced": balanced,
        "types": {"structural": structural, "semantic": "attr", "detailed": "x"},
        "groups": {"global": group, "local": None},
    }  # fmt: skip


def test_the_three_variants_differ_as_described():
    questions = {
        "1": question("red"),
        "2": question("red"),
        "3": question("yes", structural="verify"),
        "4": question("yes", structural="verify", balanced=False),
    }
    answers = {"1": "red", "2": "Red", "3": "yes.", "4": "yes"}
    accuracy = {
        variant: score_answers(answers, questions, variant=variant).totals["accuracy"]
        for variant in NAMES
    }
    assert accuracy == {"exact": pytest.approx(100 / 3), "minigpt4": 75, "lavis": 100}


def test_open_and_binary_questions_are_told_apart():
    questions = {"1": question("red"), "2": question("no", structural="logical")}
    totals = score_answers({"1": "red", "2": "yes"}, questions).totals
    assert (totals["open"], totals["binary"]) == (100, 0)


def test_the_distribution_is_chi_square_over_a_hundred():
    # Right: red 2, blue 2. Said: red 4. Chi-square (4-2)²/2 + (0-2)²/2 = 4; other words are none.
    questions = {str(n): question(a, group="color") for n, a in enumerate("rrbb")}
    said = dict.fromkeys(questions, "r")
    assert score_answers(said, questions).totals["distribution"] == pytest.approx(0.04)
    perfect = {key: q["answer"] for key, q in questions.items()}
    assert score_answers(perfect, questions).totals["distribution"] == 0


def test_predictions_for_other_questions_are_passed_over():
    result = score_answers({"1": "red", "7": "x"}, {"1": question("red")})
    assert len(result.items) == 1


def test_a_missing_prediction_is_named():
    with pytest.raises(DataError, match="1 of 1 questions have no answer, the first is '1'"):
        score_answers({}, {"1": question("red")})


def test_an_unknown_variant_is_refused():
    with pytest.raises(SettingsError, match="wanted one of exact, minigpt4, lavis"):
        score_answers({}, {}, variant="official")


def test_a_file_of_another_form_is_described(tmp_path):
    predictions = write_json(tmp_path / "p.json", [{"question_id": "1", "answer": "a"}])
    with pytest.raises(DataError, match="no questionId and no prediction; has question_id, answer"):
        score_files(predictions, questions=GOLDENS / "gqa/questions.json")


def score_golden(variant):
    return score_files(
        GOLDENS / "gqa/predictions.json",
        questions=GOLDENS / "gqa/questions.json",
        variant=variant,
    )
