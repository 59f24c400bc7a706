"""Answers stay whatever happens, and are found again by what was asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from minigpt4.errors import DataError, ImageError
from minigpt4.evaluation.answer_store import AnswerStore, answer_id, missing_of
from minigpt4.evaluation.question import Answer, DrawnPicture, PictureFile, Question
from minigpt4.generation.settings import GREEDY

MADE_WITH = {"minigpt4": "0", "device": "cpu"}


def question(number: int = 0, **changes) -> Question:
    made = Question(
        key=str(number), picture=DrawnPicture("test", 0, number), prompt="What?", decoding=GREEDY
    )
    return replace(made, **changes)


def said(number: int, text: str = "A dog.") -> Answer:
    return Answer(question=question(number), text=text, finished=False, num_tokens=3)


def store_answers(out: Path, *numbers: int, rank: int = 0) -> Path:
    with AnswerStore(out, "model", rank=rank) as store:
        for number in numbers:
            store.add(said(number), computed_with=MADE_WITH)
        return store.path


def test_an_answer_is_found_by_picture_prompt_and_decoding_not_by_its_key(tmp_path: Path):
    store_answers(tmp_path, 0)
    store = AnswerStore(tmp_path, "model")
    found = store.find(question(0, key="other", group="x"))
    assert (found.text, found.finished, found.num_tokens) == ("A dog.", False, 3)
    assert found.question.key == "other"
    assert store.find(question(1)) is None
    assert store.find(question(0, prompt="Who?")) is None
    assert store.find(question(0, decoding=replace(GREEDY, max_new_tokens=5))) is None
    assert store.find(question(0, candidates=("a", "b"))) is None
    assert AnswerStore(tmp_path, "another model").find(question(0)) is None


def test_a_line_has_all_that_is_needed_to_answer_again(tmp_path: Path):
    row = json.loads(store_answers(tmp_path, 7).read_text())
    assert row["picture"] == "drawn/test/0/7"
    assert row["picture_sha256"] == DrawnPicture("test", 0, 7).sha256
    assert row["prompt"] == "What?"
    assert row["decoding"]["do_sample"] is False
    assert row["finish_reason"] == "length"
    assert row["computed_with"] == MADE_WITH


def test_a_run_that_was_killed_goes_on_behind_its_last_whole_line(tmp_path: Path):
    path = store_answers(tmp_path, 0, 1)
    whole = path.read_text()
    path.write_text(whole + whole[:50])
    questions = [question(number) for number in range(4)]
    assert [each.key for each in missing_of(questions, AnswerStore(tmp_path, "model"))] == [
        "2",
        "3",
    ]
    store_answers(tmp_path, 2)
    assert path.read_text().startswith(whole)
    assert len(path.read_text().splitlines()) == 3


def test_the_same_question_twice_is_asked_once(tmp_path: Path):
    store = AnswerStore(tmp_path, "model")
    assert len(missing_of([question(0), question(0, key="again")], store)) == 1


def test_the_first_process_joins_what_all_have_answered(tmp_path: Path):
    store_answers(tmp_path, 1, rank=1)
    path = store_answers(tmp_path, 0)
    with AnswerStore(tmp_path, "model") as store:
        store.join()
        assert len(store) == 2
    assert sorted(each.name for each in path.parent.iterdir()) == ["model.jsonl"]
    assert len(path.read_text().splitlines()) == 2


def test_two_evaluations_never_write_to_one_file(tmp_path: Path):
    with AnswerStore(tmp_path, "model") as first:
        first.add(said(0), computed_with=MADE_WITH)
        with pytest.raises(DataError, match="another evaluation"):
            AnswerStore(tmp_path, "model").add(said(1), computed_with=MADE_WITH)
    assert len(first.path.read_text().splitlines()) == 1


def test_a_file_of_something_else_is_left_alone(tmp_path: Path):
    path = tmp_path / "answers" / "model.jsonl"
    path.parent.mkdir()
    path.write_text('{"my": "notes"}\n')
    with pytest.raises(DataError, match=r"line 1 of .*model\.jsonl is no answer"):
        AnswerStore(tmp_path, "model")
    assert path.read_text() == '{"my": "notes"}\n'


def test_a_picture_file_is_known_by_its_content(tmp_path: Path):
    for name, color in (("a.png", "red"), ("b.png", "red"), ("c.png", "blue")):
        Image.new("RGB", (4, 4), color).save(tmp_path / name)
    one, same, other = (
        answer_id(question(0, picture=PictureFile(tmp_path / name)))
        for name in ("a.png", "b.png", "c.png")
    )
    assert one == same != other
    with pytest.raises(ImageError, match="--images"):
        answer_id(question(0, picture=PictureFile(tmp_path / "none.png")))


def test_drawn_pictures_of_different_kinds_differ():
    hashes = {DrawnPicture("test", 0, 3, kind).sha256 for kind in ("scene", "dish", "poster")}
    assert len(hashes) == 3


def test_odd_line_ends_within_an_answer_do_not_lock_the_store(tmp_path: Path):
    text = "A\u2028dog\u2029and\x85a\r\ncat."
    with AnswerStore(tmp_path, "model") as store:
        store.add(said(0, text), computed_with=MADE_WITH)
        store.add(said(1), computed_with=MADE_WITH)
    assert AnswerStore(tmp_path, "model").find(question(0)).text == text
    store_answers(tmp_path, 2)
    assert len(AnswerStore(tmp_path, "model")) == 3
