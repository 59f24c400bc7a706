"""Both judges of failed generations tell the world's texts from broken ones."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from PIL import Image

from evaluation.asked import answer, ask, rule, scene
from minigpt4.errors import DataError
from minigpt4.evaluation.question import Question
from minigpt4.evaluation.task import Judged, find_task
from minigpt4.world.language.compose_correction import broken
from minigpt4.world.language.corpus import COMPOSERS
from minigpt4.world.language.descriptions import description


def whole(question: Question) -> str:
    write = description if question.group == "description" else COMPOSERS["poem"]
    return write(scene(question), random.Random(question.key))


def damaged(question: Question) -> str:
    text = whole(question)
    if question.group == "poem":
        return " ".join(text.splitlines()[:2])
    return broken(text, random.Random(question.key))


def test_the_papers_two_prompts_are_asked_about_the_same_pictures():
    questions = ask("failures", limit=3)
    assert len(questions) == 6
    assert {each.prompt for each in questions} == {
        "Describe the image in detail.",
        "Can you write a beautiful poem about this image?",
    }
    assert len({each.picture.name for each in questions}) == 3
    assert len(ask("failures")) == 200


@pytest.mark.parametrize("judge", ["truth", "detector"])
def test_a_judge_passes_whole_texts_and_fails_broken_ones(judge: str):
    task, questions = find_task("failures"), ask("failures", limit=30)
    decide = rule("failures", judge)
    values = []
    for says in (whole, damaged):
        judged = [Judged(answer=each, judgement=decide(each)) for each in answer(questions, says)]
        values.append(task.score(judged))
    assert values[0]["description"].value == values[0]["poem"].value == 0.0
    assert values[1]["description"].value > 0.9
    assert values[1]["poem"].value == 1.0
    assert values[0]["poem"].interval[1] < 0.2


def test_text_about_another_picture_fails_by_truth_only():
    questions = ask("failures", limit=10, only=("description",))
    truth, detector = rule("failures", "truth"), rule("failures", "detector")
    text = "It is a clear day in the park. On the left stands a large red robot."
    answers = answer(questions, lambda _: text)
    assert all(detector(each).passed for each in answers)
    about = [any(item.kind == "robot" for item in scene(each.question).objects)
             for each in answers]  # fmt: skip
    assert [truth(each).passed for each in answers] == about


def test_the_kinds_of_failure_are_counted():
    questions = ask("failures", limit=4, only=("description",))
    task = find_task("failures")
    judged = [
        Judged(answer=each, judgement=rule("failures", "detector")(each))
        for each in answer(questions, lambda _: "")
    ]
    scores = task.score(judged)
    assert scores["description.empty"].value == 1.0
    assert scores["description.repeated"].value == 0.0


def test_an_llm_that_says_yes_says_broken():
    assert find_task("failures").llm.passes_on == "no"


def test_other_pictures_come_from_a_folder_by_lot(tmp_path: Path):
    with pytest.raises(DataError, match="no pictures"):
        ask("failures", data=tmp_path)
    for number in range(8):
        Image.new("RGB", (4, 4)).save(tmp_path / f"{number}.png")
    few = {each.picture.name for each in ask("failures", data=tmp_path, limit=3)}
    more = {each.picture.name for each in ask("failures", data=tmp_path, limit=5)}
    assert len(few) == 3
    assert few < more
