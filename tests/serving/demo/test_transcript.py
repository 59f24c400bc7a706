"""A conversation as HTML."""

from __future__ import annotations

from dataclasses import replace

import pytest

from minigpt4.generation.settings import GREEDY
from minigpt4.serving.demo.talk import Answer, Picture, Talk, Turn
from minigpt4.serving.demo.transcript import render_answers, render_talk
from minigpt4.world.draw.picture import draw
from minigpt4.world.sample import sample_scene
from serving.demo.test_safe_html import NASTY, PAGE, parse


def classes(text: str) -> list[str]:
    return [name for _, each in parse(text).tags for name in (each.get("class") or "").split()]


@pytest.mark.parametrize("text", NASTY)
def test_questions_and_answers_are_shown_as_text(text: str):
    answer = Answer(model=text, text=text, ending="failed", error=text)
    turn = Turn(question=text, settings=GREEDY, answers=(answer, answer))
    shown = parse(render_talk(Talk().with_turn(turn)))
    assert shown.text.count(text) == 7
    assert {tag for tag, _ in shown.tags} <= {"div", "p", "section", "h3", "button"}


def test_a_page_stands_beside_its_source():
    answer = Answer(model="m", text=f"Here:\n{PAGE}\nDone.", ending="stop")
    shown = render_answers([answer])
    assert {"mg-source", "mg-frame"} <= set(classes(shown))
    assert PAGE in parse(shown).text
    assert "Here:" in parse(shown).text
    assert "Done." in parse(shown).text


def test_a_page_is_rendered_only_when_all_is_said():
    answer = Answer(model="m", text=PAGE, ending="stop")
    assert "<iframe" in render_answers([answer])
    assert "<iframe" not in render_answers([answer], coming=True)


def test_several_models_stand_side_by_side_with_their_names():
    answers = [Answer(model=name, text="x", ending="stop") for name in ("one", "two")]
    shown = render_answers(answers)
    assert "mg-several" in classes(shown)
    assert classes(shown).count("mg-name") == 2
    assert "mg-name" not in classes(render_answers(answers[:1]))


def test_an_answer_can_be_copied_once_it_is_whole():
    answer = Answer(model="m", text="x", ending="stop")
    assert "data-copy" in render_answers([answer])
    assert "data-copy" not in render_answers([replace(answer, ending="coming")])


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"ending": "length"}, "cut at the longest length"),
        ({"ending": "stopped"}, "stopped"),
        ({"ending": "stop", "num_dropped_turns": 2}, "2 old turns"),
    ],
)
def test_it_is_said_how_an_answer_ended(change, note: str):
    assert note in parse(render_answers([Answer(model="m", text="x", **change)])).text


def test_the_truth_of_a_drawn_picture_can_be_looked_up():
    scene = sample_scene("test", 5, 0, kind="product")
    pictures = (Picture(draw(scene), scene),)
    turn = Turn(question="a?", pictures=pictures, settings=GREEDY, answers=())
    assert scene.objects[0].kind in parse(render_talk(Talk().with_turn(turn))).text
