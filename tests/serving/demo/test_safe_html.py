"""Model text is shown letter by letter; pages get a frame without power."""

from __future__ import annotations

import html
from html.parser import HTMLParser

import pytest

from minigpt4.serving.demo.safe_html import FRAME_POLICY, as_frame, as_text, find_page

PAGE = '<html>\n<body>\n<h1 style="color: red">Hi</h1>\n</body>\n</html>'

NASTY = [
    "~~struck~~ **bold** _it_ # head",
    "<b>bold</b><script>alert(1)</script>",
    "</p><img src=x onerror=alert(1)>",
    "$a^2$ \\(x\\) ${window.x = 1} {{value}} {{#each a}} `${1+1}`",
    "<s>[INST] &lt;b&gt; &amp; \"quoted\" 'single'",
]


class Collector(HTMLParser):
    """Collects tags and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def parse(text: str) -> Collector:
    collector = Collector()
    collector.feed(text)
    collector.close()
    return collector


@pytest.mark.parametrize("text", NASTY)
def test_text_is_shown_as_it_is(text: str):
    shown = parse(as_text(text))
    assert (shown.tags, shown.text) == ([], text)


@pytest.mark.parametrize("text", NASTY)
def test_text_gives_nothing_to_templates(text: str):
    assert not set(as_text(text)) & set("<>{}$`\\\"'")


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (PAGE, PAGE),
        (f"Here it is:\n{PAGE}\nEnjoy.", PAGE),
        (f"<!DOCTYPE html>\n{PAGE}", f"<!DOCTYPE html>\n{PAGE}"),
        ("<html><body><h1>cut in the mid", "<html><body><h1>cut in the mid"),
        ("```html\n<h1>part</h1>\n```", "<h1>part</h1>"),
    ],
)
def test_a_page_is_found(text: str, source: str):
    page = find_page(text)
    assert page is not None
    assert page.source == source


@pytest.mark.parametrize(
    "text", ["A red cat.", "Use the <b> tag.", "The html of it is short.", "```html\n```", ""]
)
def test_text_without_a_page_has_none(text: str):
    assert find_page(text) is None


def test_nothing_around_a_page_is_lost():
    page = find_page(f"before {PAGE} after")
    assert page is not None
    assert (page.before, page.after) == ("before ", " after")


def test_a_frame_has_no_power():
    ((tag, attributes),) = parse(as_frame(PAGE)).tags
    assert tag == "iframe"
    assert attributes["sandbox"] == ""
    assert not {"src", "allow", "name"} & set(attributes)


def test_a_page_cannot_leave_its_attribute():
    nasty = '"></iframe><script>parent.alert(1)</script><iframe srcdoc="'
    frame = parse(as_frame(nasty))
    assert [tag for tag, _ in frame.tags] == ["iframe"]
    assert nasty in str(frame.tags[0][1]["srcdoc"])


def test_the_policy_comes_before_anything_of_the_page():
    document = str(parse(as_frame(PAGE)).tags[0][1]["srcdoc"])
    assert html.unescape(document).index(FRAME_POLICY) < document.index(PAGE)
    assert "default-src 'none'" in FRAME_POLICY
    assert "script-src" not in FRAME_POLICY
