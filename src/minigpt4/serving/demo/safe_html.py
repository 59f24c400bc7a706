"""Model text as text, and web pages of a model in a frame that can do nothing.

Whatever a model writes is shown letter by letter: no Markdown, no HTML, no LaTeX. Only an answer
that holds a whole HTML page is also rendered, in a frame without scripts, forms, storage or
network.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

# The page's own templates give a meaning to the last five.
_SPECIAL = str.maketrans({sign: f"&#{ord(sign)};" for sign in "&<>\"'{}$`\\"})

_PAGE = re.compile(
    r"(?:<!doctype\s+html\b|<html\b).*?(?:</html\s*>|\Z)", flags=re.DOTALL | re.IGNORECASE
)
_FENCED = re.compile(r"```html[^\S\n]*\n(.*?)(?:```|\Z)", flags=re.DOTALL | re.IGNORECASE)

FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "base-uri 'none'"
)
"""No scripts and nothing from any network, not even from here."""

_FRAME_STYLE = (
    "html{background:#fff;color:#111;font-family:system-ui,sans-serif}"
    "img:not([width]){min-width:11rem;min-height:6rem}"
    "img{background:#e8eaee;border:1px dashed #9aa3b2;display:block;margin:.5rem 0}"
)
"""Pictures cannot load in the frame, so a grey box shows where they would be."""


@dataclass(frozen=True)
class FoundPage:
    """A web page inside an answer."""

    before: str
    source: str
    after: str


def as_text(text: str) -> str:
    """Return HTML that shows exactly `text`."""
    return text.translate(_SPECIAL)


def find_page(text: str) -> FoundPage | None:
    """Return the web page in an answer: a document, or a block fenced as HTML."""
    found = _PAGE.search(text)
    if found is None:
        fenced = _FENCED.search(text)
        if fenced is None or not fenced[1].strip():
            return None
        start, end = fenced.span(1)
    else:
        start, end = found.span()
    return FoundPage(text[:start], text[start:end].strip(), text[end:])


def as_frame(source: str, *, title: str = "The page, rendered") -> str:
    """Return a frame that renders a page without giving it any power.

    `sandbox=""` forbids scripts, forms, popups and the way to this page; the policy inside
    forbids the network.
    """
    document = (
        '<!doctype html><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(FRAME_POLICY)}">'
        f"<style>{_FRAME_STYLE}</style>{source}"
    )
    return (
        f'<iframe class="mg-frame" sandbox="" referrerpolicy="no-referrer" '
        f'title="{as_text(title)}" srcdoc="{as_text(document)}"></iframe>'
    )
