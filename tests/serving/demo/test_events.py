"""What happens on a click, without a browser."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from minigpt4.generation.settings import CHAT, GREEDY
from minigpt4.serving.demo.abilities import DESCRIBE_PROMPT, DRAWN_WORLD
from minigpt4.serving.demo.asking import Speaker
from minigpt4.serving.demo.events import Contents, Events, Visitors, chosen_settings
from minigpt4.serving.demo.examples import Example
from minigpt4.serving.demo.talk import Picture
from minigpt4.world.draw.picture import draw
from minigpt4.world.sample import sample_scene
from serving.demo.told import ToldEngine

CONTROLS = (1, 0, 0.9, 300, None)
NO_PICTURES = {"text": "", "files": []}


def example(kind: Any) -> Example:
    scene = sample_scene("test", 3, 0, kind=kind)
    return Example(kind, Picture(draw(scene), scene))


class Page:
    """The events of a page with two example pictures, and one tab."""

    def __init__(self, engine: ToldEngine | None = None, *, drawn: bool = True) -> None:
        self.engine = engine or ToldEngine({})
        speakers = (Speaker("m", self.engine),)
        examples = [example(kind) for kind in ("scene", "dish")] if drawn else []
        contents = Contents(
            speakers=speakers, abilities=DRAWN_WORLD, examples=tuple(examples), draws=drawn
        )
        self.examples = examples
        self.visitors = Visitors(speakers)
        self.events = Events(contents, self.visitors)
        self.tab: Any = SimpleNamespace(session_hash="a")

    @property
    def talk(self):
        return self.visitors.find(self.tab).whole_talk

    def asked(self) -> list[str]:
        return [turn.question for turn in self.talk.turns]

    def ability(self, task: str) -> Any:
        tasks = [each.task for each in DRAWN_WORLD]
        return SimpleNamespace(index=tasks.index(task))


def collect(updates) -> list[tuple]:
    async def gather() -> list[tuple]:
        return [update async for update in updates]

    return asyncio.run(gather())


def test_the_first_click_on_an_example_asks_for_its_description():
    page = Page(ToldEngine({DESCRIBE_PROMPT: "A red cat."}))
    updates = collect(
        page.events.show_example(page.tab, SimpleNamespace(index=0), False, *CONTROLS)
    )
    assert "A red cat." in updates[-1][0]
    assert page.engine.requests[0].messages[0].images == (page.examples[0].picture.image,)


def test_another_example_begins_anew_unless_it_is_added():
    page = Page()
    first, second = SimpleNamespace(index=0), SimpleNamespace(index=1)
    collect(page.events.show_example(page.tab, first, False, *CONTROLS))
    collect(page.events.show_example(page.tab, second, True, *CONTROLS))
    assert len(page.talk.turns) == 2
    collect(page.events.show_example(page.tab, first, False, *CONTROLS))
    assert len(page.talk.turns) == 1


def test_behind_the_last_example_a_new_picture_is_drawn():
    page = Page()
    new = SimpleNamespace(index=len(page.examples))
    collect(page.events.show_example(page.tab, new, False, *CONTROLS))
    (picture,) = page.talk.pictures
    assert picture.scene is not None
    assert picture not in [each.picture for each in page.examples]


def test_an_ability_is_asked_of_the_picture_that_is_shown():
    page = Page()
    collect(page.events.show_example(page.tab, SimpleNamespace(index=0), False, *CONTROLS))
    collect(page.events.use_ability(page.tab, page.ability("poem"), NO_PICTURES, *CONTROLS))
    assert len(page.talk.turns) == 2
    assert page.talk.pictures == (page.examples[0].picture,)


def test_an_ability_finds_its_example():
    page = Page()
    collect(page.events.show_example(page.tab, SimpleNamespace(index=0), False, *CONTROLS))
    collect(page.events.use_ability(page.tab, page.ability("recipe"), NO_PICTURES, *CONTROLS))
    assert page.asked() == [DRAWN_WORLD[5].prompt]
    assert page.talk.pictures == (page.examples[1].picture,)


def test_without_pictures_an_ability_asks_for_one():
    page = Page(drawn=False)
    collect(page.events.use_ability(page.tab, page.ability("recipe"), NO_PICTURES, *CONTROLS))
    assert not page.engine.requests


def test_several_uploads_go_into_one_question(tmp_path):
    files = [str(tmp_path / f"{color}.png") for color in ("red", "blue")]
    for file in files:
        Image.new("RGB", (9, 9)).save(file)
    page = Page()
    collect(page.events.send(page.tab, {"text": "Which?", "files": files}, *CONTROLS))
    (message,) = page.engine.requests[0].messages
    assert (message.text, len(message.images)) == ("Which?", 2)


def test_a_picture_without_a_question_is_described(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    page = Page()
    value = {"text": "", "files": [str(tmp_path / "a.png")]}
    collect(page.events.send(page.tab, value, *CONTROLS))
    assert page.asked() == [DESCRIBE_PROMPT]


def test_errors_are_shown_as_text(tmp_path):
    (tmp_path / "<b>.png").write_text("no picture")
    page = Page()
    with pytest.raises(gr.Error, match="&#60;b&#62;"):
        collect(page.events.show_own(page.tab, [str(tmp_path / "<b>.png")], False, *CONTROLS))
    with pytest.raises(gr.Error, match="question is empty"):
        collect(page.events.send(page.tab, NO_PICTURES, *CONTROLS))


def test_regenerating_asks_the_last_question_again():
    page = Page(ToldEngine({"a?": "x"}))
    collect(page.events.send(page.tab, {"text": "a?", "files": []}, *CONTROLS))
    page.engine.texts["a?"] = "y"
    warm = (1, 0.7, 0.5, 20, 3)
    collect(page.events.again(page.tab, *warm))
    (turn,) = page.talk.turns
    assert (turn.question, turn.answers[0].text) == ("a?", "y")
    assert turn.settings == chosen_settings(*warm)


def test_regenerating_nothing_does_nothing():
    page = Page()
    collect(page.events.again(page.tab, *CONTROLS))
    assert not page.engine.requests


def test_the_conversation_can_be_taken_away():
    page = Page(ToldEngine({"a?": "~~x~~"}))
    collect(page.events.send(page.tab, {"text": "a?", "files": []}, *CONTROLS))
    values = json.loads(page.events.take(page.tab))
    assert values["models"] == ["m"]
    assert values["turns"][0]["answers"][0]["text"] == "~~x~~"


def test_a_closed_tab_gives_its_answer_up():
    page = Page(ToldEngine({"a?": "one " * 500}, seconds_a_word=0.01))
    visitor = page.visitors.find(page.tab)
    visitor.ask("a?", [], GREEDY)
    page.visitors.leave(page.tab)
    assert page.engine.tickets[0].cancelled
    assert len(page.visitors) == 0


def test_temperature_zero_takes_the_likeliest_token():
    settings = chosen_settings(3.0, 0, 0.5, 40.0, None)
    assert (settings.do_sample, settings.num_beams, settings.max_new_tokens) == (False, 3, 40)
    assert settings.repetition_penalty == GREEDY.repetition_penalty


def test_above_it_the_official_settings_hold():
    settings = chosen_settings(1, 0.7, 0.5, 40, 11.0)
    assert (settings.temperature, settings.top_p, settings.seed) == (0.7, 0.5, 11)
    assert settings.repetition_penalty == CHAT.repetition_penalty
