"""POPE: equal to the reference script, better where it is plainly wrong, and by hand."""

from __future__ import annotations

import pytest

from evaluation.metrics.goldens import GOLDENS, NEAR, golden
from minigpt4.errors import DataError, SettingsError
from minigpt4.evaluation.metrics.files import read_pope_answers, read_pope_questions
from minigpt4.evaluation.metrics.pope import parse, score_answers, score_files
from minigpt4.evaluation.score import share_score

SETS = [name for name in golden("pope/expected.json")["total"] if name != "pooled"]


@pytest.mark.parametrize("name", SETS)
def test_totals_and_every_answer_equal_the_reference(name):
    expected = golden("pope/expected.json")
    result = score_files(
        GOLDENS / f"pope/answers_{name}.json",
        questions=GOLDENS / f"pope/coco_pope_{name}.json",
        rules="reference",
    )
    for key, value in expected["total"][name].items():
        assert result.totals[key] == pytest.approx(value, abs=NEAR), key
    assert result.totals["unclear"] == 0
    for item, row in zip(result.items, expected[name], strict=True):
        assert item == row


def test_the_pooled_sets_equal_the_reference():
    asked, said = [], []
    for name in SETS:
        asked += read_pope_questions(GOLDENS / f"pope/coco_pope_{name}.json")
        said += [row["answer"] for row in read_pope_answers(GOLDENS / f"pope/answers_{name}.json")]
    totals = score_answers(said, asked, rules="reference").totals
    for key, value in golden("pope/expected.json")["total"]["pooled"].items():
        assert totals[key] == pytest.approx(value, abs=NEAR), key


@pytest.mark.parametrize(
    ("answer", "reference", "english"),
    [
        ("Yes", "yes", "yes"),
        ("No, there is no dog.", "no", "no"),
        ("There is no dog in the image.", "no", "no"),
        ("Yes. There is no cat.", "yes", "yes"),
        # Where the reference is plainly wrong:
        ("NO", "yes", "no"),
        ("No!", "yes", "no"),
        ("1. No", "yes", "no"),
        ("no\n", "yes", "no"),
        ("None.", "yes", "no"),
        ("There isn't a dog.", "yes", "no"),
        ("Yes; no cat", "no", "yes"),
        ("yes, no doubt", "no", "yes"),
        # What says neither is nobody's yes:
        ("", "yes", "unclear"),
        ("cannot tell", "yes", "unclear"),
        ("I am not sure.", "no", "unclear"),
        ("The picture shows a street.", "yes", "unclear"),
        ("The picture shows a brown dog.", "yes", "yes"),
        ("There is a dog.", "yes", "yes"),
    ],
)
def test_answers_are_read_by_either_rule(answer, reference, english):
    question = "Is there a dog in the image?"
    assert parse(answer, question=question, rules="reference") == reference
    assert parse(answer, question=question) == english


def test_precision_and_recall_are_of_yes():
    # Labels yes yes no no no, said yes no yes no no.
    rows = [{"text": "", "label": label} for label in ("yes", "yes", "no", "no", "no")]
    totals = score_answers(["yes", "no", "yes", "no", "no"], rows).totals
    assert (totals["TP"], totals["FN"], totals["FP"], totals["TN"]) == (1, 1, 1, 2)
    assert totals["accuracy"] == pytest.approx(3 / 5)
    assert (totals["precision"], totals["recall"], totals["f1"]) == (0.5, 0.5, 0.5)
    assert totals["yes_ratio"] == pytest.approx(2 / 5)


def test_unclear_answers_are_wrong_and_no_yes():
    rows = [{"text": "", "label": label} for label in ("yes", "no")]
    totals = score_answers(["maybe", "maybe"], rows).totals
    assert (totals["accuracy"], totals["yes_ratio"], totals["unclear"]) == (0, 0, 2)
    assert totals["recall"] == 0


def test_a_model_that_never_says_yes_has_no_precision():
    totals = score_answers(["no"], [{"text": "", "label": "yes"}]).totals
    assert totals["precision"] is None
    assert totals["f1"] == 0


def test_files_in_another_order_are_refused(tmp_path):
    questions, answers = tmp_path / "q.json", tmp_path / "a.json"
    questions.write_text('{"question_id": 1, "text": "Is there a cat?", "label": "yes"}\n')
    answers.write_text('{"question": "Is there a dog?", "answer": "yes"}\n')
    with pytest.raises(DataError, match="both files must have the same order"):
        score_files(answers, questions=questions)
    answers.write_text('{"answer": "yes"}\n{"answer": "no"}\n')
    with pytest.raises(DataError, match=r"has 2 answers.*one line of answer for each"):
        score_files(answers, questions=questions)


def test_a_wrong_label_and_unknown_rules_are_refused(tmp_path):
    path = tmp_path / "q.json"
    path.write_text('{"text": "?", "label": "Yes"}\n')
    with pytest.raises(DataError, match="label 'Yes'; wanted yes or no"):
        read_pope_questions(path)
    with pytest.raises(SettingsError, match="wanted one of english, reference"):
        parse("yes", rules="strict")


@pytest.mark.parametrize(
    ("answer", "meant"),
    [
        ("A carpet lies on the floor.", "unclear"),
        ("There is a carpet.", "unclear"),
        ("There is a dog.", "unclear"),
        ("I can see a dog in the image.", "unclear"),
        ("It is a dog.", "unclear"),
        ("There is a car.", "yes"),
        ("Two cars stand there.", "yes"),
        ("There is.", "yes"),
        ("There is one.", "yes"),
        ("There are two of them in the image.", "yes"),
        ("I see one on the left.", "yes"),
        ("It is on the table.", "yes"),
    ],
)
def test_another_thing_is_no_yes(answer, meant):
    assert parse(answer, question="Is there a car in the image?") == meant
    assert parse(answer, question="Are there cars?") == meant


def test_names_of_several_words_and_odd_plurals_are_found():
    assert parse("Three traffic lights.", question="Is there a traffic light?") == "yes"
    assert parse("People walk by.", question="Is there a person in the image?") == "yes"
    # Where a thing is asked about, an answer may leave its place out.
    assert parse("There is a dog.", question="Is there a dog left of the tree?") == "yes"
    assert parse("There is a dog.") == "yes"  # of an unknown question


def test_f1_has_an_interval_of_answers():
    rows = [{"text": "", "label": label} for label in ["yes", "no"] * 50]
    said = ["yes"] * 75 + ["no"] * 25  # 37 or 38 of each of TP and FP, 12 FN
    result = score_answers(said, rows)
    counts, score = result.totals, result.scores["f1"]
    assert score.value == pytest.approx(result.totals["f1"])
    assert score.count == round(counts["TP"] + (counts["FP"] + counts["FN"]) / 2)
    # Counting each hit twice would promise what 125 answers do.
    low, high = score.interval
    twice = share_score(2 * counts["TP"], 2 * counts["TP"] + counts["FP"] + counts["FN"]).interval
    assert high - low > 1.1 * (twice[1] - twice[0])
    assert score_answers(said, rows).scores["f1"] == score
