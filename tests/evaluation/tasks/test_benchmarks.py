"""Tasks with a metric: right answers score one, wrong ones zero, official folders are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation.asked import ask, count
from minigpt4.errors import DataError
from minigpt4.evaluation.drawn_files import write_drawn
from minigpt4.evaluation.question import Question


def record(question: Question) -> dict[str, Any]:
    return question.truth["record"]


def most_given(question: Question) -> str:
    given = [each["answer"] for each in record(question)["answers"]]
    return max(given, key=given.count)


def the_choice(question: Question) -> str:
    row = record(question)
    text = row["choices"][row["correct_choice_idx"]]
    if question.group == "letter":
        return f"({'ABCD'[row['correct_choice_idx']]}) {text}"
    return text


def where(question: Question) -> str:
    row = record(question)
    return next(
        (each for each in question.candidates if f" {row['answer']} " in each),
        f"It is {row['answer']}.",
    )


RIGHT: dict[str, tuple[Callable[[Question], str], tuple[str, ...]]] = {
    "gqa": (lambda question: record(question)["answer"], ("accuracy", "exact", "lavis", "said")),
    "vqav2": (most_given, ("accuracy", "minigpt4", "said")),
    "okvqa": (most_given, ("accuracy", "minigpt4", "said")),
    "aokvqa": (the_choice, ("choice", "choice.sum", "letter", "direct", "direct.said")),
    "pope": (lambda question: record(question)["label"], ("random.accuracy", "popular.f1")),
    "spatial": (where, ("accuracy", "loss.accuracy")),
}


@pytest.mark.parametrize("task", RIGHT)
def test_right_answers_score_one_and_others_zero(task: str):
    says, names = RIGHT[task]
    questions = ask(task, limit=12)
    scores = count(task, questions, says)
    assert {name: scores[name].value for name in names} == dict.fromkeys(names, 1.0)
    wrong = count(task, questions, lambda question: (*question.candidates, "umbrella stand")[-1])
    assert all(wrong[name].value < 1 for name in names)


def test_gqa_reads_answers_out_of_sentences_beside_exact_match():
    asked = ask("gqa", limit=60)
    questions = [each for each in asked if "What color" in record(each)["question"]]
    scores = count("gqa", questions, lambda question: f"It is {record(question)['answer']}.")
    assert scores["said"].value == 1.0
    assert scores["accuracy"].value == 0.0


def test_letters_that_cannot_be_read_are_unparsable():
    questions = ask("aokvqa", limit=4, only=("letter",))
    assert "(A) " in questions[0].prompt
    assert "(D) " in questions[0].prompt
    score = count("aokvqa", questions, lambda question: "I do not know.")["letter"]
    assert (score.value, score.unparsable) == (0.0, 1.0)


def test_every_choice_gets_a_letter_or_the_question_is_refused(tmp_path: Path):
    write_drawn(tmp_path, count=4)
    file = tmp_path / "aokvqa.json"
    rows = json.loads(file.read_text())[:1]
    for choices, listed in ((5, "(E) more"), (9, None)):
        row = rows[0] | {"choices": [*rows[0]["choices"][:4], *["more"] * (choices - 4)]}
        file.write_text(json.dumps([row]))
        if listed is None:
            with pytest.raises(DataError, match="9 choices"):
                ask("aokvqa", data=str(tmp_path), only=("letter",))
            continue
        (question,) = ask("aokvqa", data=str(tmp_path), only=("letter",))
        assert listed in question.prompt


def test_the_choices_are_ranked_and_not_shown():
    (question,) = ask("aokvqa", limit=1, only=("choice",))
    assert question.candidates == tuple(record(question)["choices"])
    assert not any(choice in question.prompt for choice in question.candidates)


def test_an_unclear_answer_to_pope_is_wrong_but_yes_to_the_reference_script():
    questions = ask("pope", limit=10, only=("popular",))
    scores = count("pope", questions, lambda question: "Perhaps.")
    assert scores["popular.accuracy"].value == 0.0
    assert scores["popular.accuracy"].unparsable == 1.0
    assert scores["popular.reference"].value == 0.5


def test_chair_counts_by_hand():
    questions = ask("chair", limit=4, only=("long",))
    assert {each.prompt for each in questions} == {
        "Please describe this image as detailed as possible."
    }

    def says(question: Question) -> str:
        kinds = sorted(question.truth["objects"])
        other = next(kind for kind in ("clock", "robot", "plane") if kind not in kinds)
        return f"A {kinds[0]} and a {other}."

    scores = count("chair", questions, says)
    assert scores["long.chair_i"].value == 0.5
    assert scores["long.chair_i"].count == 8
    assert scores["long.chair_s"].value == 1.0
    assert scores["long.words"].value == 5.0


def test_captions_equal_to_a_reference_are_perfect():
    questions = ask("captions", limit=5)
    scores = count("captions", questions, lambda question: question.truth["captions"][0])
    assert scores["Bleu_4"].value == pytest.approx(1.0)
    assert scores["CIDEr"].value > 1.0


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("A red cat and a blue table.", "not that the cat is on the table"),
        ("On the left stands a large blue table and a small red cat is on it.", ""),
        ("There is a red cat on a table.", ""),
        ("There is a black cat on a blue table.", "the cat is not said to be red"),
        ("There is a blue table.", "no cat"),
        ("A red cat is under the blue table.", "not that the cat is on the table"),
    ],
)
def test_a_caption_is_covered_if_its_things_and_relations_are_said(text: str, lacking: str):
    from minigpt4.evaluation.tasks.caption_coverage import covers

    assert covers(text, "a red cat on a large blue table in the city") == lacking


def test_the_worlds_captions_cover_themselves():
    questions = ask("caption_coverage", limit=20)
    scores = count("caption_coverage", questions, lambda question: question.truth["caption"])
    assert scores["covered"].value == 1.0


def test_a_prompt_may_be_given_or_left_out():
    (asked,) = ask("gqa", limit=1, prompt="Q: {}")
    assert asked.prompt == f"Q: {record(asked)['question']}"
    (bare,) = ask("chair", limit=1, only=("short",), prompt="")
    assert bare.prompt == ""


TASKS = (*RIGHT, "chair", "captions", "caption_coverage")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("drawn") / "files"
    write_drawn(out, count=6)
    return out


@pytest.mark.parametrize("task", TASKS)
def test_a_folder_of_official_files_is_read_with_its_pictures(task: str, folder: Path):
    questions = ask(task, data=folder, limit=3)
    assert questions
    for question in questions:
        assert question.picture.load().is_file()
        assert question.picture.sha256


@pytest.mark.parametrize("task", TASKS)
def test_a_folder_without_the_files_is_refused_by_their_name(task: str, tmp_path: Path):
    with pytest.raises(DataError, match="give --data the file or its folder"):
        ask(task, data=tmp_path)


def test_a_picture_that_is_missing_is_named_with_the_option(folder: Path, tmp_path: Path):
    (question,) = ask("gqa", data=folder, images=tmp_path, limit=1)
    with pytest.raises(DataError, match="--images"):
        question.picture.load()
