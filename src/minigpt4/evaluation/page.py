"""Judge a web page against the sketch it was made from.

Paper: §4.1 (a website from a hand-drawn mock-up).
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from minigpt4.world.scene import Mockup

_VOID = frozenset(("img", "br", "hr", "input", "meta", "link"))


class PageReader(HTMLParser):
    """Counts the elements of a page and checks that every one is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self.header_colors: list[str] = []
        self.open: list[str] = []
        self.fault = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count an element; remember the colour of a header."""
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag == "li" and "ul" not in self.open and "ol" not in self.open:
            self.fault = self.fault or "a list item outside a list"
        if tag == "h1":
            style = dict(attrs).get("style") or ""
            self.header_colors += re.findall(r"(?:^|[;\s])color:\s*([a-z]+)", style)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the element that is open; anything else is a fault."""
        if not self.open or self.open[-1] != tag:
            self.fault = self.fault or f"</{tag}> closes nothing"
            return
        self.open.pop()


def judge_page(sketch: Mockup, text: str) -> tuple[str, str]:
    """Return what is broken about a page and what is not as sketched; empty strings if nothing."""
    reader = PageReader()
    reader.feed(text.strip())
    reader.close()
    broken = _broken(text.strip(), reader)
    found = {
        "header color": " ".join(reader.header_colors),
        "buttons": reader.counts.get("button", 0),
        "images": reader.counts.get("img", 0),
        "list items": reader.counts.get("li", 0),
        "lists": reader.counts.get("ul", 0) + reader.counts.get("ol", 0),
    }
    wanted = {
        "header color": sketch.color,
        "buttons": sketch.num_buttons,
        "images": int(sketch.has_image_box),
        "list items": sketch.num_list_items,
        "lists": int(sketch.num_list_items > 0),
    }
    wrong = [
        f"{name}: {found[name]!r} instead of {wanted[name]!r}"
        for name in wanted
        if found[name] != wanted[name]
    ]
    return broken, ", ".join(wrong)


def _broken(text: str, reader: PageReader) -> str:
    if not text.startswith("<") or not text.endswith(">"):
        return "it is not an HTML document"
    if reader.fault:
        return reader.fault
    if reader.open:
        return f"<{reader.open[-1]}> is not closed"
    for tag in ("html", "body", "h1"):
        if reader.counts.get(tag) != 1:
            return f"it has {reader.counts.get(tag, 0)} <{tag}>"
    return ""
