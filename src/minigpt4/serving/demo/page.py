"""The gradio page: what stands where.

Gradio lays out, carries events and streams. Everything that a model or a visitor wrote is shown by
`transcript`, so none of gradio's own Markdown is involved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from minigpt4.serving.demo.events import Contents, Events, Visitors
from minigpt4.serving.demo.safe_html import as_text

_CLICKED = """
element.addEventListener('click', event => {
  const button = event.target.closest('[data-index]');
  if (button) trigger('click', {index: Number(button.dataset.index)});
});
"""
_SAVE = "text => window.minigpt4.save(text)"


def build_page(contents: Contents, visitors: Visitors) -> gr.Blocks:
    """Lay the page out and connect its events."""
    with gr.Blocks(
        title="MiniGPT-4", analytics_enabled=False, fill_width=True, delete_cache=(600, 3600)
    ) as blocks:
        _html(_header(contents), elem_id="mg-header")
        with gr.Column(elem_id="mg-layout"):
            with gr.Column(elem_id="mg-left"):
                with gr.Column(elem_id="mg-choose"):
                    choosing = _choosing(contents)
                with gr.Column(elem_id="mg-settings"), gr.Accordion("Settings", open=False):
                    controls = _controls(contents.longest_answer)
            with gr.Column(elem_id="mg-talk"):
                parts = _talk(contents)
        _connect(Events(contents, visitors), parts, choosing, controls)
        blocks.unload(visitors.leave)
    return blocks


def _html(value: str = "", **settings: Any) -> gr.HTML:
    """Return HTML of ours without gradio's styles for prose."""
    return gr.HTML(value, apply_default_css=False, **settings)


def _header(contents: Contents) -> str:
    names = " and ".join(as_text(speaker.name) for speaker in contents.speakers)
    notice = f'<p class="mg-notice">{as_text(contents.notice)}</p>' if contents.notice else ""
    return f'<div class="mg-title"><h1>MiniGPT-4</h1><span>{names}</span></div>{notice}'


def _choosing(contents: Contents) -> dict[str, Any]:
    """Lay out where pictures come from."""
    parts: dict[str, Any] = {}
    if contents.examples or contents.draws:
        _html("<h2>Choose a picture</h2>", elem_classes="mg-heading")
        tiles = [
            f'<img src="{example.picture.thumbnail}" alt=""><span>{as_text(example.label)}</span>'
            for example in contents.examples
        ]
        if contents.draws:
            tiles.append('<span class="mg-plus" aria-hidden="true">+</span><span>A new one</span>')
        parts["tiles"] = _html(_buttons("mg-tile", tiles), elem_id="mg-tiles", js_on_load=_CLICKED)
    with gr.Row(elem_id="mg-sources"):
        parts["own"] = gr.UploadButton(
            "Show your own", size="sm", file_types=["image"], file_count="multiple", scale=0
        )
        parts["keep"] = gr.Checkbox(
            label="Add to the conversation", value=False, container=False, elem_id="mg-keep"
        )
    if contents.draws:
        _html(
            "<p>All are drawn here and were never trained on. The examples are chosen among those "
            "it describes truly; a new one is not.</p>",
            elem_classes="mg-hint",
        )
    return parts


def _controls(longest_answer: int) -> list[Any]:
    """Lay out how answers are made, in the order of `chosen_settings`."""
    return [
        gr.Slider(1, 8, 1, step=1, label="Beam width", info="1: no beam search"),
        gr.Slider(
            0, 2, 0, step=0.05, label="Temperature", info="0: the likeliest answer, always the same"
        ),
        gr.Slider(0.05, 1, 0.9, step=0.05, label="Top-p", info="only above temperature 0"),
        gr.Slider(
            16, longest_answer, min(300, longest_answer), step=1, label="Longest answer, in tokens"
        ),
        gr.Number(
            None, label="Seed", info="same seed, same answer; empty: by chance", precision=0,
            minimum=0,
        ),
    ]  # fmt: skip


def _talk(contents: Contents) -> dict[str, Any]:
    """Lay out the conversation and what one can say in it."""
    parts: dict[str, Any] = {}
    where = "Choose a picture" if contents.examples else "Show a picture"
    welcome = (
        f'<div class="mg-welcome"><h2>{where}</h2><p>The model describes it at once. '
        "Then ask about it, or choose below what to do with it.</p></div>"
    )
    with gr.Column(elem_id="mg-scroll"):
        parts["past"] = _html(elem_id="mg-past")
        parts["live"] = _html(elem_id="mg-live")
        _html(welcome, elem_id="mg-welcome")
    labels = [as_text(ability.label) for ability in contents.abilities]
    parts["chips"] = _html(_buttons("mg-chip", labels), elem_id="mg-chips", js_on_load=_CLICKED)
    parts["box"] = gr.MultimodalTextbox(
        elem_id="mg-box",
        placeholder="Ask about the pictures",
        label="Your question",
        file_types=["image"],
        file_count="multiple",
        sources=["upload"],
        show_label=False,
        container=False,
        max_lines=6,
    )
    with gr.Row(elem_id="mg-actions"):
        parts["again"] = gr.Button("Regenerate", size="sm")
        parts["save"] = gr.Button("Download", size="sm")
        parts["forget"] = gr.Button("New conversation", size="sm")
    parts["taken"] = gr.Textbox(visible="hidden", elem_id="mg-taken")
    return parts


def _connect(
    events: Events, talk: dict[str, Any], choosing: dict[str, Any], controls: list[Any]
) -> None:
    outputs = [talk["past"], talk["live"], talk["box"]]
    private: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    # Everybody's answers come at the same time: the engine has a queue of its own.
    asks = private | {"outputs": outputs, "concurrency_limit": None, "trigger_mode": "multiple"}
    at_once = private | {"queue": False}
    box, keep = talk["box"], choosing["keep"]
    box.submit(events.send, [box, *controls], **asks)
    talk["chips"].click(events.use_ability, [box, *controls], **asks)
    talk["again"].click(events.again, controls, **asks)
    choosing["own"].upload(events.show_own, [choosing["own"], keep, *controls], **asks)
    if "tiles" in choosing:
        choosing["tiles"].click(events.show_example, [keep, *controls], **asks)
    box.stop(events.stop, **at_once)
    talk["forget"].click(events.forget, outputs=outputs, **at_once)
    talk["save"].click(events.take, outputs=talk["taken"], **at_once).then(
        None, talk["taken"], js=_SAVE, **private
    )


def _buttons(name: str, insides: Sequence[str]) -> str:
    """Return a row of buttons that tell their index when clicked."""
    return "".join(
        f'<button type="button" class="{name}" data-index="{index}">{inside}</button>'
        for index, inside in enumerate(insides)
    )
