from __future__ import annotations

import sqlite3
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from curation.review.reviewing import served
from minigpt4.curation.review.desk import Desk
from minigpt4.curation.review.form import Judgement
from minigpt4.curation.review.questions import (
    FULFILLED,
    NOT_FULFILLED,
    QUESTION_FORM,
    PersonQuestion,
    QuestionFile,
    write_questions,
)
from minigpt4.errors import CurationError

MODELS = ("blip2", "minigpt4")


@pytest.fixture
def questions(tmp_path: Path) -> list[PersonQuestion]:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "red.png")
    return [
        PersonQuestion(
            key=f"{model}/{number}", picture=tmp_path / "red.png",
            request="Can you craft a poem?", answer=f"Roses, {number} and {len(model)}.",
        )
        for number in range(20)
        for model in MODELS
    ]  # fmt: skip


@pytest.fixture
def path(tmp_path: Path, questions: list[PersonQuestion]) -> Path:
    assert write_questions(tmp_path / "new" / "people.sqlite", questions, persons=2) == 40
    return tmp_path / "new" / "people.sqlite"


def answer_all(file: QuestionFile, who: str, *, good: str) -> None:
    """Judge as somebody who likes what holds this word."""
    desk = Desk(file)
    while numbers := desk.hand_out(who, "tab"):
        fulfilled = good in file.card(numbers[0]).text
        desk.decide(
            Judgement(
                id=f"{who} {numbers[0]}", number=numbers[0], reviewer=who, seconds=2.0,
                decision=FULFILLED if fulfilled else NOT_FULFILLED,
            )
        )  # fmt: skip


def test_answers_come_shuffled_the_same_way_every_time(path: Path):
    with QuestionFile(path) as file:
        order = Desk(file).hand_out("anna", "tab", count=40)
        assert sorted(order) == list(range(1, 41))
        assert order != sorted(order)
        models = [len(file.card(number).text) for number in order]
    # Written by turns, they would stand by turns; so would they if sorted by model.
    turns = sum(one != other for one, other in pairwise(models))
    assert 8 <= turns <= 32


def test_nothing_that_reaches_the_browser_tells_whose_an_answer_is(path: Path):
    with QuestionFile(path) as file, served(file) as server:
        said = [server.ask("POST", "/api/hello", {})]
        for _ in range(5):
            window = {"reviewer": "anna", "tab": "t"}
            status, state = server.post("/api/state", window)
            assert status == 200
            assert all(card["request"] == "Can you craft a poem?" for card in state["cards"])
            said.append(server.ask("POST", "/api/state", window))
            number = state["cards"][0]["number"]
            said.append(server.ask("GET", f"/api/picture/{number}"))
            body = {**window, "id": f"decided {number}", "number": number, "decision": FULFILLED}
            said.append(server.ask("POST", "/api/decide", body))
        for status, headers, content in said:
            assert status == 200
            for word in (*MODELS, "red.png"):
                assert word not in str(headers)
                assert word.encode() not in content


def test_verdicts_and_agreement_are_read_back(path: Path):
    with QuestionFile(path) as file:
        answer_all(file, "anna", good="and 8")
        answer_all(file, "ben", good="and")
        verdicts, agreed = file.verdicts(), file.agreement()
    assert len(verdicts) == 80
    liked = {each.key for each in verdicts if each.person == "anna" and each.fulfilled}
    assert liked == {f"minigpt4/{number}" for number in range(20)}
    assert all(each.seconds == 2.0 and each.at for each in verdicts)
    assert (agreed.num_pairs, agreed.num_agreed, agreed.kappa) == (40, 20, 0.0)


def test_more_answers_may_be_added_and_nothing_is_lost(path: Path, questions):
    with QuestionFile(path) as file:
        answer_all(file, "anna", good="and")
    more = replace(questions[0], key="third/0", answer="Violets.")
    assert write_questions(path, [*questions, more], persons=1) == 41
    with QuestionFile(path) as file:
        assert len(file.verdicts()) == 40
        assert len(Desk(file).hand_out("anna", "tab")) == 1
        assert len(Desk(file).hand_out("ben", "tab", count=50)) == 0


def test_another_answer_under_the_same_key_is_refused(path: Path, questions):
    with pytest.raises(CurationError, match="had another request or answer"):
        write_questions(path, [replace(questions[0], answer="Violets.")], persons=1)


def test_a_picture_must_be_there(tmp_path: Path, questions):
    gone = replace(questions[0], picture=tmp_path / "gone.png")
    with pytest.raises(CurationError, match="picture of question 'blip2/0' is missing"):
        write_questions(tmp_path / "other.sqlite", [gone])


def test_another_form_may_be_given_and_stays(tmp_path: Path, questions):
    form = replace(QUESTION_FORM, question="Does caption 2 cover caption 1?")
    path = tmp_path / "other.sqlite"
    write_questions(path, questions[:2], form=form)
    with QuestionFile(path) as file:
        assert file.form == form
    with pytest.raises(CurationError, match="another form"):
        write_questions(path, questions[:2])


def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path):
    path = tmp_path / "other.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(CurationError, match="holds no questions"):
        QuestionFile(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
    connection.close()
    with pytest.raises(CurationError, match="no questions at"):
        QuestionFile(tmp_path / "none.sqlite")
