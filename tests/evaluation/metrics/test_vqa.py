"""VQA accuracy by hand: the cases of its documentation and of its rules."""

from __future__ import annotations

import pytest

from evaluation.metrics.goldens import write_json
from minigpt4.errors import DataError, SettingsError
from minigpt4.evaluation.metrics.vqa import accuracy, score_answers, score_files
from minigpt4.evaluation.metrics.vqa_normal import normal


def annotation(*answers):
    """Return an annotation whose ten answers are given as (text, how often)."""
    texts = [text for text, count in answers for _ in range(count)]
    rows = [{"answer": text, "answer_id": number} for number, text in enumerate(texts, start=1)]
    return {"answers": rows, "question_type": "what", "answer_type": "other"}


def percent(answer, *answers, variant="official"):
    result = score_answers({1: answer}, {1: annotation(*answers)}, variant=variant)
    return result.totals["overall"]


@pytest.mark.parametrize(
    ("num_equal", "expected"), [(0, 0.0), (1, 30.0), (2, 60.0), (3, 90.0), (4, 100.0), (10, 100.0)]
)
def test_accuracy_is_the_mean_over_ten_sets_of_nine_people(num_equal, expected):
    # As documented: min(1, people who said it / 3), averaged over all choices of nine people. With
    # three of ten, seven sets have all three (1) and three have two (2/3): 0.9, not 1.
    answers = [("red", num_equal), ("blue", 10 - num_equal)]
    assert percent("red", *answers) == expected


def test_the_formula_without_leaving_out_would_be_another():
    people = ["cat"] * 3 + ["dog"] * 7
    assert accuracy("cat", people) == pytest.approx(0.9)
    assert min(1, people.count("cat") / 3) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Red", "red"),  # lower case
        ("the red bus.", "red bus"),  # articles and the period
        ("three", "3"),  # number words
        ("1.5", "1.5"),  # a period between digits stays
        ("1,000", "1000"),  # a comma between digits goes
        ("dont", "don't"),  # contractions come back
        ("it's $5 & 50%: #1", "it's $5 & 50%: #1"),  # marks that stay
        ("black-and-white", "black and white"),  # a mark becomes a blank
        ("yes , no", "yes no"),  # or nothing, if it stands alone
        ("The", ""),
        ("none", "0"),
        ("Im", "im"),  # an entry with a capital can't be reached
    ],
)
def test_normalization_follows_the_documented_rules(text, expected):
    assert normal(text) == expected


def test_unanimous_answers_are_compared_as_they_are_by_the_official_variant():
    answers = [("yes", 10)]
    assert percent("Yes", *answers) == 0
    assert percent("Yes", *answers, variant="minigpt4") == 100
    assert percent("yes.", *answers, variant="minigpt4") == 0
    assert percent("yes.", *answers, variant="lavis_old") == 100


def test_one_other_answer_makes_the_official_variant_normalize():
    assert percent("Yes.", ("yes", 9), ("no", 1)) == 100


def test_lavis_old_normalizes_the_people_by_punctuation_only():
    answers = [("Red", 6), ("blue-ish", 4)]
    assert percent("red", *answers) == 100
    assert percent("red", *answers, variant="lavis_old") == 0
    assert percent("blue ish", *answers, variant="lavis_old") == 100


def test_scoring_twice_gives_the_same():
    # The reference overwrites what it loaded; a second run with it is another result.
    note = annotation(("The cat", 6), ("dog", 4))
    first = score_answers({1: "cat"}, {1: note}).totals
    score_answers({1: "cat"}, {1: note}, variant="lavis_old")
    assert score_answers({1: "cat"}, {1: note}).totals == first
    assert first["overall"] == 100


def test_types_are_reported_apart():
    notes = {
        1: annotation(("a", 0), ("2", 10)) | {"answer_type": "number", "question_type": "how many"},
        2: annotation(("red", 10)),
    }
    totals = score_answers({1: "3", 2: "red"}, notes).totals
    assert totals["perAnswerType"] == {"number": 0.0, "other": 100.0}
    assert totals["perQuestionType"] == {"how many": 0.0, "what": 100.0}
    assert totals["overall"] == 50


def test_a_question_without_an_answer_is_named():
    with pytest.raises(DataError, match="1 of 2 questions have no answer, the first is 2"):
        score_answers({1: "a"}, {1: annotation(("a", 10)), 2: annotation(("a", 10))})


def test_an_answer_without_a_question_is_named():
    with pytest.raises(DataError, match="1 answers belong to no questions, for example 9"):
        score_answers({1: "a", 9: "b"}, {1: annotation(("a", 10))})


def test_an_unknown_variant_is_refused():
    with pytest.raises(SettingsError, match="wanted one of official, minigpt4, lavis_old"):
        percent("a", ("a", 10), variant="best")


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ({"1": "a"}, "wanted a list, got dict"),
        ([{"question_id": 1}], "entry 1: no answer; has question_id"),
        ([{"question_id": 1, "answer": 3}], "answer is 3; wanted a text"),
        ([{"question_id": 1, "answer": "a"}] * 2, "question_id 1 comes twice"),
    ],
)
def test_a_damaged_results_file_is_described(tmp_path, results, message):
    notes = {"annotations": [{"question_id": 1, "answers": [{"answer": "a"}]}]}
    with pytest.raises(DataError, match=message):
        score_files(
            write_json(tmp_path / "results.json", results),
            annotations=write_json(tmp_path / "annotations.json", notes),
        )
