"""A conversation as HTML: questions with their pictures, answers side by side."""

from __future__ import annotations

from collections.abc import Sequence

from minigpt4.serving.demo.safe_html import as_frame, as_text, find_page
from minigpt4.serving.demo.talk import Answer, Talk, Turn
from minigpt4.world.language.tell import tell

_COPY = '<button type="button" class="mg-copy" data-copy title="Copy this answer">Copy</button>'
_DOTS = '<span class="mg-dots" role="status" aria-label="The model is thinking">•••</span>'


def render_talk(talk: Talk) -> str:
    """Return all turns."""
    return "".join(render_question(turn) + render_answers(turn.answers) for turn in talk.turns)


def render_question(turn: Turn) -> str:
    """Return a question with the pictures shown with it."""
    pictures = "".join(
        f'<img src="{picture.thumbnail}" alt="The picture that was shown">'
        for picture in turn.pictures
    )
    shown = f'<div class="mg-pictures">{pictures}</div>' if pictures else ""
    truths = "".join(
        f'<details class="mg-truth"><summary>What is really in it</summary>'
        f"<p>{as_text(tell(picture.scene))}</p></details>"
        for picture in turn.pictures
        if picture.scene is not None
    )
    return (
        f'<div class="mg-question">{shown}<p class="mg-asked">{as_text(turn.question)}</p>'
        f"{truths}</div>"
    )


def render_answers(answers: Sequence[Answer], *, coming: bool = False) -> str:
    """Return the answers to one question; several models stand side by side.

    While any is `coming`, pages are not rendered: each change would load them anew.
    """
    several = len(answers) > 1
    inside = "".join(_answer(answer, named=several, coming=coming) for answer in answers)
    return f'<div class="mg-answers{" mg-several" if several else ""}">{inside}</div>'


def _answer(answer: Answer, *, named: bool, coming: bool) -> str:
    name = f'<h3 class="mg-name">{as_text(answer.model)}</h3>' if named else ""
    notes = "".join(f'<span class="mg-note">{as_text(note)}</span>' for note in _notes(answer))
    copy = _COPY if answer.text and answer.ending != "coming" else ""
    error = f'<p class="mg-error">{as_text(answer.error)}</p>' if answer.error else ""
    body = _body(answer, coming=coming)
    return (
        f'<section class="mg-answer" data-ending="{answer.ending}">{name}{body}{error}'
        f'<div class="mg-foot">{notes}{copy}</div></section>'
    )


def _body(answer: Answer, *, coming: bool) -> str:
    """Return the text; with a page in it, its source and, once it is whole, the page itself."""
    if not answer.text:
        return f'<p class="mg-text">{_DOTS if answer.ending == "coming" else ""}</p>'
    page = find_page(answer.text)
    if page is None:
        return f'<p class="mg-text" data-text>{as_text(answer.text)}</p>'
    frame = '<div class="mg-frame mg-waiting">…</div>' if coming else as_frame(page.source)
    parts = [
        f'<p class="mg-text">{as_text(page.before.strip())}</p>' if page.before.strip() else "",
        '<div class="mg-page"><figure><figcaption>Source</figcaption>'
        f'<pre class="mg-source">{as_text(page.source)}</pre></figure>'
        f"<figure><figcaption>Rendered, without scripts or network</figcaption>{frame}</figure>"
        "</div>",
        f'<p class="mg-text">{as_text(page.after.strip())}</p>' if page.after.strip() else "",
        f"<span hidden data-text>{as_text(answer.text)}</span>",
    ]
    return "".join(parts)


def _notes(answer: Answer) -> list[str]:
    notes = []
    if answer.ending == "length":
        notes.append("cut at the longest length")
    if answer.ending == "stopped":
        notes.append("stopped")
    if answer.num_dropped_turns:
        notes.append(f"{answer.num_dropped_turns} old turns no longer fitted")
    return notes
