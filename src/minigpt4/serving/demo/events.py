"""What happens on each click of the page.

Every question, typed or clicked, goes through `_answer`: it hands the question to the models and
then looks, some times a second, how far they are. Waiting happens in coroutines, so a hundred open
tabs need no hundred threads.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr

from minigpt4.errors import MiniGPT4Error
from minigpt4.generation.settings import CHAT, GREEDY, GenerationSettings
from minigpt4.serving.demo.abilities import DESCRIBE_PROMPT, Ability
from minigpt4.serving.demo.asking import Speaker, Visitor
from minigpt4.serving.demo.examples import Example, draw_new
from minigpt4.serving.demo.safe_html import as_text
from minigpt4.serving.demo.talk import Picture
from minigpt4.serving.demo.transcript import render_answers, render_question, render_talk

LOOK_SECONDS = 0.06
"""Time between two looks at an answer that is coming: smooth for the eye, cheap otherwise."""

Updates = AsyncIterator[tuple[Any, Any, Any]]
"""New contents of the talk so far, of the answers that are coming, and of the question box."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a page is made of, besides its looks."""

    speakers: tuple[Speaker, ...]
    """One model, or two that answer side by side."""
    abilities: tuple[Ability, ...]
    examples: tuple[Example, ...] = ()
    """Drawn pictures; empty for models that don't know the drawn world."""
    draws: bool = False
    """Whether new pictures of the drawn world can be asked for."""
    notice: str = ""
    """What a visitor must know before he believes the model."""
    longest_answer: int = 1000
    """The most tokens an answer may be given."""


@dataclass
class Visitors:
    """The open tabs, by the name that gradio gives to each."""

    speakers: tuple[Speaker, ...]
    _open: dict[str, Visitor] = field(default_factory=dict)

    def find(self, request: gr.Request) -> Visitor:
        """Return the visitor of a request, a new one at his first."""
        return self._open.setdefault(str(request.session_hash), Visitor(self.speakers))

    def leave(self, request: gr.Request) -> None:
        """Stop what a closed tab had asked for, and forget it."""
        visitor = self._open.pop(str(request.session_hash), None)
        if visitor is not None:
            visitor.stop()

    def __len__(self) -> int:
        return len(self._open)


class Events:
    """The page's listeners; one object serves all visitors.

    Gradio passes what a function is annotated with (`gr.Request`, `gr.EventData`) by itself and
    the values of the page's controls behind it.
    """

    def __init__(self, contents: Contents, visitors: Visitors) -> None:
        self._contents = contents
        self._visitors = visitors

    async def send(self, request: gr.Request, box: dict[str, Any], *controls: Any) -> Updates:
        """Ask what was typed about the pictures that were added; without words: describe."""
        pictures = await _loaded(box["files"])
        question = box["text"].strip() or (DESCRIBE_PROMPT if pictures else "")
        async for update in self._answer(request, question, pictures, controls):
            yield update

    async def use_ability(
        self, request: gr.Request, event: gr.EventData, box: dict[str, Any], *controls: Any
    ) -> Updates:
        """Ask for an ability: of the pictures just added, or those shown, or a fitting example."""
        ability = self._contents.abilities[event.index]
        visitor = self._visitors.find(request)
        pictures = await _loaded(box["files"])
        if not pictures:
            shown = visitor.pictures
            fits = shown and (shown[-1].scene is None or ability.suits(shown[-1].scene))
            example = None if fits else self._example(ability)
            if example is not None:
                visitor.forget()
                pictures = [example.picture]
            elif not shown:
                gr.Info("Show a picture first, then choose what to do with it.")
                yield gr.skip(), gr.skip(), gr.skip()
                return
        async for update in self._answer(request, ability.prompt, pictures, controls):
            yield update

    async def show_example(
        self, request: gr.Request, event: gr.EventData, keep: bool, *controls: Any
    ) -> Updates:
        """Describe an example picture; the tile behind the last one draws a new picture."""
        examples = self._contents.examples
        new = event.index >= len(examples)
        picture = draw_new() if new else examples[event.index].picture
        async for update in self._describe(request, [picture], keep, controls):
            yield update

    async def show_own(
        self, request: gr.Request, files: list[str], keep: bool, *controls: Any
    ) -> Updates:
        """Describe uploaded pictures."""
        async for update in self._describe(request, await _loaded(files), keep, controls):
            yield update

    async def again(self, request: gr.Request, *controls: Any) -> Updates:
        """Ask the last question again, with the settings of now."""
        turn = self._visitors.find(request).take_back()
        if turn is None:
            gr.Info("There is no answer yet.")
            yield gr.skip(), gr.skip(), gr.skip()
            return
        settings = chosen_settings(*controls)
        if not settings.do_sample:
            gr.Info("At temperature 0 the answer stays the same. Raise it for another one.")
        elif settings.seed is not None:
            gr.Info("With a seed the answer stays the same. Clear it for another one.")
        async for update in self._answer(request, turn.question, turn.pictures, controls):
            yield update

    def stop(self, request: gr.Request) -> None:
        """Stop the answer that is coming; what has come stays."""
        self._visitors.find(request).halt()

    def forget(self, request: gr.Request) -> tuple[Any, Any, Any]:
        """Begin a new conversation."""
        self._visitors.find(request).forget()
        return "", "", _idle_box(empty=True)

    def take(self, request: gr.Request) -> str:
        """Return the conversation as JSON text."""
        values = self._visitors.find(request).whole_talk.as_json()
        values["models"] = [speaker.name for speaker in self._contents.speakers]
        return json.dumps(values, ensure_ascii=False, indent=2)

    async def _describe(
        self, request: gr.Request, pictures: Sequence[Picture], keep: bool, controls: Sequence[Any]
    ) -> Updates:
        if not keep:
            self._visitors.find(request).forget()
        async for update in self._answer(request, DESCRIBE_PROMPT, pictures, controls):
            yield update

    async def _answer(
        self,
        request: gr.Request,
        question: str,
        pictures: Sequence[Picture],
        controls: Sequence[Any],
    ) -> Updates:
        visitor = self._visitors.find(request)
        try:
            # Engines read the pictures in the caller's thread.
            asking = await asyncio.to_thread(
                visitor.ask, question, pictures, chosen_settings(*controls)
            )
        except MiniGPT4Error as error:
            raise _shown(error) from error
        turn = asking.turn
        last = turn.answers
        yield (
            render_talk(visitor.talk) + render_question(turn),
            render_answers(last, coming=True),
            gr.MultimodalTextbox(value=None, submit_btn=False, stop_btn=True),
        )
        while not asking.done:
            await asyncio.sleep(LOOK_SECONDS)
            if visitor.asking is not asking:
                return  # Another question took over and has taken this one into the talk.
            if asking.answers != last:
                last = asking.answers
                yield gr.skip(), render_answers(last, coming=True), gr.skip()
        if visitor.settle(asking):
            yield render_talk(visitor.talk), "", _idle_box()

    def _example(self, ability: Ability) -> Example | None:
        fitting = (each for each in self._contents.examples if each.kind == ability.kind)
        return next(fitting, None)


def chosen_settings(
    num_beams: float, temperature: float, top_p: float, length: float, seed: float | None
) -> GenerationSettings:
    """Return the settings of the page's controls; temperature 0 takes the likeliest token."""
    base = replace(CHAT, temperature=temperature, top_p=top_p) if temperature > 0 else GREEDY
    return replace(
        base,
        num_beams=int(num_beams),
        max_new_tokens=int(length),
        seed=None if seed is None else int(seed),
    )


async def _loaded(files: Sequence[str] | None) -> list[Picture]:
    try:
        return [await asyncio.to_thread(Picture.load, file) for file in files or ()]
    except MiniGPT4Error as error:
        raise _shown(error) from error


def _idle_box(*, empty: bool = False) -> Any:
    if empty:
        return gr.MultimodalTextbox(value=None, submit_btn=True, stop_btn=False)
    return gr.MultimodalTextbox(submit_btn=True, stop_btn=False)


def _shown(error: MiniGPT4Error) -> gr.Error:
    """Return the error as gradio shows it: in a corner, as text."""
    return gr.Error(as_text(str(error)), title="That did not work", print_exception=False)
