"""The world's own answers pass as every ability; another picture's or none does not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from PIL import Image

from evaluation.asked import answer, ask, count, rule, scene
from minigpt4.errors import DataError, SettingsError
from minigpt4.evaluation.question import Question
from minigpt4.evaluation.task import find_task
from minigpt4.evaluation.tasks.abilities import ABILITIES, TABLE_1, facts_in_words
from minigpt4.world.language.corpus import COMPOSERS


def compose(question: Question) -> str:
    return COMPOSERS[ABILITIES[question.group]](scene(question), random.Random(0))


def test_each_ability_is_asked_in_the_papers_words_about_its_own_pictures():
    questions = ask("abilities", limit=2)
    prompts = {each.group: each.prompt for each in questions}
    assert tuple(prompts) == tuple(ABILITIES)
    assert prompts["meme"] == "Explain why this meme is funny."
    assert prompts["recipe"] == "How should I make something like this?"
    assert prompts["advertisement"] == "Help me draft a professional advertisement for this."
    assert prompts["poem"] == "Can you craft a beautiful poem about this image?"
    assert len({each.picture.name for each in questions}) == len(questions) == 18


def test_without_a_limit_there_are_25_pictures_of_each():
    assert len(ask("abilities", only=("meme", "poem"))) == 50


def test_the_worlds_own_answers_pass_and_empty_ones_fail():
    questions = ask("abilities", limit=1)
    scores = count("abilities", questions, compose)
    assert {name: scores[name].value for name in ABILITIES} == dict.fromkeys(ABILITIES, 1.0)
    assert scores["all"].count == len(TABLE_1)
    assert scores["all"].value == 1.0
    empty = count("abilities", questions, lambda question: "")
    assert {empty[name].value for name in ABILITIES} == {0.0}


def test_an_answer_that_was_cut_is_not_fulfilled():
    (question,) = ask("abilities", limit=1, only=("poem",))
    (whole,) = answer([question], compose)
    cut = type(whole)(question=question, text=whole.text, finished=False)
    truth = rule("abilities", "truth")
    assert truth(whole).passed
    assert truth(cut).parts == {"fulfilled": False, "true": True}
    assert truth(cut).reason == "it was cut off"


def test_an_llm_that_judges_is_told_what_the_picture_shows_and_what_must_be_known():
    (question,) = ask("abilities", limit=1, only=("plant",))
    (given,) = answer([question], lambda _: "Give {shown} it water.")
    prompt = find_task("abilities").llm.about(given)
    assert facts_in_words(scene(question)) in prompt
    assert "The treatment:" in prompt
    assert "'Give {shown} it water.'" in prompt  # braces of an answer mean nothing


def test_own_pictures_are_read_from_a_folder_for_each_ability(tmp_path: Path):
    for name in ("meme/b.png", "meme/a.png", "problem/1.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4)).save(path)
    (tmp_path / "meme" / "a.txt").write_text("A cat drives a car.\n")
    questions = ask("abilities", data=tmp_path)
    assert [each.key for each in questions] == ["meme/a.png", "meme/b.png", "problem/1.png"]
    assert [each.truth for each in questions] == [{"shown": "A cat drives a car."}, {}, {}]
    with pytest.raises(SettingsError, match="drawn pictures only"):
        count("abilities", questions, lambda _: "Ha.")


def test_wrong_groups_and_folders_are_named(tmp_path: Path):
    with pytest.raises(SettingsError, match="no group 'memes'"):
        ask("abilities", only=("memes",))
    with pytest.raises(DataError, match="meme"):
        ask("abilities", data=tmp_path)
