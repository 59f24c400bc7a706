"""A-OKVQA: equal to the reference script, and by hand."""

from __future__ import annotations

import pytest

from evaluation.metrics.goldens import GOLDENS, NEAR, golden, write_json
from minigpt4.errors import DataError
from minigpt4.evaluation.metrics.aokvqa import direct_accuracy, score_answers, score_files

QUESTION = {
    "question_id": "q", "question": "?", "choices": ["tea", "soup", "pie", "cake"],
    "correct_choice_idx": 1, "direct_answers": ["soup"] * 2 + ["stew"] * 8,
    "difficult_direct_answer": False,
}  # fmt: skip


def test_totals_and_every_question_equal_the_reference():
    expected = golden("aokvqa/expected.json")
    result = score_files(
        GOLDENS / "aokvqa/predictions_val.json", questions=GOLDENS / "aokvqa/aokvqa_v1p0_val.json"
    )
    assert result.totals == pytest.approx(expected["total"], abs=NEAR)
    rows = {row["question_id"]: row for row in expected["questions"]}
    assert {item["question_id"] for item in result.items} == set(rows)
    for item in result.items:
        row = rows[item["question_id"]]
        assert item["multiple_choice"] == row["multiple_choice"]
        assert item["is_a_choice"] == row["mc_prediction_is_a_choice"]
        assert item["direct_answer"] == (
            None if row["direct_answer"] is None else pytest.approx(row["direct_answer"], abs=NEAR)
        )


def test_no_one_is_left_out_of_the_free_answers():
    # Two of ten: 2/3 here, where VQA accuracy would say 0.6.
    assert direct_accuracy("soup", QUESTION["direct_answers"]) == pytest.approx(2 / 3)
    assert direct_accuracy("stew", QUESTION["direct_answers"]) == 1


@pytest.mark.parametrize(
    ("chosen", "percent"), [("soup", 100), ("Soup", 0), ("soup.", 0), ("B", 0), ("tea", 0)]
)
def test_a_choice_is_right_letter_for_letter(chosen, percent):
    result = score_answers({"q": {"multiple_choice": chosen}}, {"q": QUESTION})
    assert result.totals == {"multiple_choice": percent, "n_multiple_choice": 1}
    assert "direct_answer" not in result.scores


def test_difficult_questions_have_no_free_answer():
    questions = {"q": QUESTION, "d": QUESTION | {"difficult_direct_answer": True}}
    said = {"multiple_choice": "soup", "direct_answer": "stew"}
    result = score_answers({"q": said, "d": said}, questions)
    assert result.totals["n_direct_answer"] == 1
    assert result.totals["n_multiple_choice"] == 2


def test_what_was_not_answered_is_wrong():
    questions = {"q": QUESTION, "r": QUESTION | {"question_id": "r"}}
    result = score_answers({"q": {"multiple_choice": "soup"}}, questions)
    assert result.totals["multiple_choice"] == 50


def test_the_test_split_has_no_truth():
    question = {"question_id": "q", "question": "?", "choices": ["a", "b", "c", "d"]}
    with pytest.raises(DataError, match="the test split has no truth"):
        score_answers({"q": {"multiple_choice": "a"}}, {"q": question})


def test_predictions_of_other_questions_are_refused(tmp_path):
    with pytest.raises(DataError, match="1 predictions belong to no question, first 'x'"):
        score_answers({"x": {"multiple_choice": "a"}}, {"q": QUESTION})
    listed = write_json(tmp_path / "p.json", ["a"])
    with pytest.raises(DataError, match=r"wanted \{QUESTION_ID"):
        score_files(listed, questions=write_json(tmp_path / "q.json", [QUESTION]))
