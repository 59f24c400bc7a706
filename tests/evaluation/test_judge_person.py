"""People judge blindly; their majority counts, and how far they agree is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.asked import answer, ask
from minigpt4.curation.review.desk import Desk
from minigpt4.curation.review.form import Judgement
from minigpt4.curation.review.questions import QuestionFile
from minigpt4.errors import SettingsError
from minigpt4.evaluation.judge_person import PersonJudge


def decide(path: Path, person: str, decisions: dict[str, str]) -> None:
    """Let a person judge all answers by their text, as the page does."""
    with QuestionFile(path) as file:
        desk = Desk(file)
        for item in file.items():
            decision = decisions[file.card(item.number).text]
            desk.decide(
                Judgement(
                    id=f"{person}-{item.number}",
                    number=item.number,
                    reviewer=person,
                    decision=decision,
                    reason="odd" if decision != "fulfilled" else "",
                )
            )


def test_answers_wait_until_people_have_judged_them_and_equal_ones_are_judged_once(tmp_path: Path):
    (question,) = ask("abilities", limit=1, only=("meme",))
    answers = answer([question] * 2, lambda _: "Ha.") + answer([question], lambda _: "Ho.")
    judge = PersonJudge("abilities", tmp_path)
    assert judge.judge(answers) == [None, None, None]
    assert judge.num_waiting == 2
    decide(judge.file, "anna", {"Ha.": "fulfilled", "Ho.": "not fulfilled"})
    said = judge.judge(answers)
    assert [each.passed for each in said] == [True, True, False]
    assert said[2].reason == "odd"
    assert judge.num_waiting == 0
    assert judge.own_agreement() is None


def test_the_page_shows_the_picture_the_request_and_nothing_of_the_model(tmp_path: Path):
    (question,) = ask("caption_coverage", limit=1)
    judge = PersonJudge("caption_coverage", tmp_path)
    judge.judge(answer([question], lambda _: "A dog."))
    with QuestionFile(judge.file) as file:
        (item,) = file.items()
        card = file.card(item.number)
        assert card.request == question.truth["caption"]
        assert card.text == "A dog."
        assert file.picture(item.number).read_bytes().startswith(b"\x89PNG")


def test_of_several_persons_more_than_half_must_agree(tmp_path: Path):
    questions = ask("abilities", limit=2, only=("poem",))
    answers = answer(questions, lambda question: question.key)
    judge = PersonJudge("abilities", tmp_path, persons=2)
    judge.judge(answers)
    first, second = (question.key for question in questions)
    decide(judge.file, "anna", {first: "fulfilled", second: "fulfilled"})
    decide(judge.file, "ben", {first: "fulfilled", second: "not fulfilled"})
    assert [each.passed for each in judge.judge(answers)] == [True, False]
    own = judge.own_agreement()
    assert (own.share.value, own.share.count) == (0.5, 2)


def test_metrics_ask_nobody(tmp_path: Path):
    with pytest.raises(SettingsError, match="no person judges pope"):
        PersonJudge("pope", tmp_path)
