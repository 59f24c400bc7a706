"""A figure as HTML: the picture, and the answers of the models side by side."""

from __future__ import annotations

import base64
import io
import re
from html import escape

from PIL import Image

from minigpt4.evaluation.question import Picture
from minigpt4.processing.images import load_image
from minigpt4.recipes.figure import FigureResult, PanelResult, Shown

_LARGEST_PX = 512
_NOTHING = (
    "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; img-src data:; "
    "style-src 'unsafe-inline'\">"
)
_GREY = "data:image/gif;base64,R0lGODlhAQABAIAAAMzMzP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="
"""One grey pixel, in the place of pictures that a written page names."""


def figure_html(result: FigureResult) -> str:
    """Return one figure with all its panels."""
    figure = result.figure
    if result.missing:
        body = f'<p class="none">{escape(result.missing)}</p>'
    else:
        body = "\n".join(map(_panel, result.panels))
    note = f'<p class="note">{escape(figure.note)}</p>' if figure.note else ""
    return f"""<section id="figure-{figure.number}">
<h3>Figure {figure.number}. {escape(figure.title)}</h3>
{note}{body}
</section>"""


def _panel(result: PanelResult) -> str:
    rows = "\n".join(
        f'<div class="shown-row">{_picture(picture)}<div class="answers">'
        f"{''.join(map(_answer, answers))}</div></div>"
        for picture, answers in zip(result.pictures, result.answers, strict=True)
    )
    return f"""<div class="panel">
<p><b>{escape(result.panel.title)}:</b>
<span class="prompt">{escape(result.panel.prompt)}</span></p>
{rows}
</div>"""


def _answer(shown: Shown) -> str:
    is_page = shown.text.lstrip().lower().startswith(("<html", "<!doctype"))
    kind = " code" if is_page else ""
    passed = " passed" if shown.passed else ""
    verdict = f'<p class="verdict">{escape(shown.verdict)}</p>' if shown.verdict else ""
    text = escape(shown.text) or '<span class="none">(no answer)</span>'
    said = f'<p class="text{kind}">{text}</p>'
    if is_page:
        said = f"{_frame(shown.text)}<details><summary>its HTML</summary>{said}</details>"
    name = escape(shown.model.short or shown.model.title)
    return f'<div class="answer{passed}"><h4>{name}</h4>{said}{verdict}</div>'


def _frame(page: str) -> str:
    """Show a page that a model wrote in a frame that runs no script and loads nothing."""
    harmless = re.sub(r'\bsrc\s*=\s*"[^"]*"', f'src="{_GREY}" width="60" height="40"', page)
    return f'<iframe sandbox="" title="the page" srcdoc="{escape(_NOTHING + harmless)}"></iframe>'


def _picture(picture: Picture) -> str:
    image = load_image(picture.load()).convert("RGB")
    image.thumbnail((_LARGEST_PX, _LARGEST_PX), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, format="PNG", optimize=True)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img src="data:image/png;base64,{data}" alt="{escape(picture.name)}">'
