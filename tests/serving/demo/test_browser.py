"""The page in a real browser: what a visitor clicks, sees and is spared."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from minigpt4.serving.demo.abilities import DESCRIBE_PROMPT, DRAWN_WORLD
from minigpt4.serving.demo.asking import Speaker
from minigpt4.serving.demo.events import Contents
from minigpt4.serving.demo.examples import Example
from minigpt4.serving.demo.talk import Picture
from minigpt4.world.draw.picture import draw
from minigpt4.world.sample import sample_scene
from serving.demo.told import ToldEngine, served

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="needs Chromium: apt-get install chromium (.ci/run tries to)"
    ),
    # Gradio counts its events with what pandas gives up.
    pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning"),
]

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
MARKUP = "~~struck~~ **bold** <b>b</b><img src=x onerror=document.title='hacked'> $a^2$ {{value}}"
POEM, WEBSITE = DRAWN_WORLD[1].prompt, DRAWN_WORLD[-1].prompt
LONG = "a word and " * 400


class Outsider:
    """Another server, that pages of a model try to reach; it notes what was asked of it."""

    def __init__(self) -> None:
        noted = self.noted = []

        class Noting(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                noted.append(self.path)
                self.send_response(200)
                self.end_headers()

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Noting)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def nasty_page(outside: str) -> str:
    """Return a page that tries every way out."""
    return f"""<html><head><title>Jokes</title>
<meta http-equiv="refresh" content="0;url={outside}/refresh">
<link rel="stylesheet" href="{outside}/style"><script src="{outside}/script"></script>
<style>@import "{outside}/import"; h1 {{font-family: x}}
@font-face {{font-family: x; src: url({outside}/font)}}</style></head>
<body style="background:url({outside}/background)"><h1>My Jokes</h1>
<script>parent.document.title = "hacked"; document.body.innerHTML = "hacked"</script>
<img src="{outside}/image" onerror="parent.document.title = 'hacked'">
<form action="{outside}/form"><button>Send</button></form><a href="{outside}/link">away</a>
<iframe src="{outside}/frame"></iframe><object data="{outside}/object"></object></body></html>"""


def example(label: str, kind) -> Example:
    scene = sample_scene("test", 3, 0, kind=kind)
    return Example(label, Picture(draw(scene), scene))


@pytest.fixture(scope="module")
def outsider() -> Iterator[Outsider]:
    other = Outsider()
    yield other
    other.server.shutdown()
    other.server.server_close()


@pytest.fixture(scope="module")
def engines(outsider: Outsider) -> tuple[ToldEngine, ToldEngine]:
    texts = {DESCRIBE_PROMPT: "A red cat.", "Markup?": MARKUP, POEM: LONG}
    texts[WEBSITE] = nasty_page(outsider.address)
    return (
        ToldEngine(texts, seconds_a_word=0.02),
        ToldEngine({**texts, DESCRIBE_PROMPT: "A blue cat."}),
    )


@pytest.fixture(scope="module")
def addresses(engines) -> Iterator[list[str]]:
    """Where the page of one model and the page of two are."""
    with ExitStack() as stack:
        found = []
        for names in (("one",), ("one", "two")):
            speakers = tuple(Speaker(*each) for each in zip(names, engines, strict=False))
            contents = Contents(
                speakers=speakers,
                abilities=DRAWN_WORLD,
                examples=(example("A scene", "scene"), example("A sketch", "mockup")),
                draws=True,
                notice="It knows little.",
            )
            found.append(stack.enter_context(served(contents)))
        yield found


@pytest.fixture(scope="module")
def browser(addresses) -> Iterator[Browser]:
    # After the pages: playwright occupies this thread's event loop, which building them needs.
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield running
        running.close()


@pytest.fixture
def requests() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, addresses, requests) -> Iterator[Page]:
    yield from opened(browser, addresses[0], requests)


@pytest.fixture
def pair(browser: Browser, addresses, requests) -> Iterator[Page]:
    """The page on which two models answer."""
    yield from opened(browser, addresses[1], requests)


def opened(browser: Browser, address: str, requests: list[str]) -> Generator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.on("request", lambda request: requests.append(request.url))
    try:
        page.goto(address)
        page.wait_for_selector(".mg-tile")
        yield page
    finally:
        context.close()


def ask(page: Page, question: str) -> None:
    page.fill("#mg-box textarea", question)
    page.press("#mg-box textarea", "Enter")


def answers(page: Page):
    return page.locator(".mg-answer")


def wait_for_ending(page: Page, ending: str = "stop", *, count: int = 1) -> None:
    expect(page.locator(f"#mg-past .mg-answer[data-ending={ending}]")).to_have_count(
        count, timeout=60_000
    )


def test_a_visitor_is_served(page: Page, engines, requests, tmp_path):
    """First click, questions, markup, copy, upload, download, starting anew; nothing outside."""
    expect(page.locator("#mg-header")).to_contain_text("It knows little.")
    page.click(".mg-tile >> nth=0")
    wait_for_ending(page)
    expect(answers(page).first).to_contain_text("A red cat.")
    ask(page, "Markup?")
    wait_for_ending(page, count=2)
    assert page.locator("#mg-past [data-text]").last.text_content() == MARKUP
    assert page.locator("#mg-past :is(del, strong, b, s, .katex)").count() == 0
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#mg-past [data-copy]").last.click()
    expect(page.locator("#mg-past [data-copy]").last).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == MARKUP
    Image.new("RGB", (40, 30), "red").save(tmp_path / "own.png")
    page.set_input_files("#mg-box input[type=file]", str(tmp_path / "own.png"))
    page.wait_for_selector("#mg-box img")
    ask(page, "What is this?")
    wait_for_ending(page, count=3)
    assert [len(each.images) for each in engines[0].requests[-1].messages] == [1, 0, 0, 0, 1]
    with page.expect_download() as download:
        page.click("button:has-text('Download')")
    values = json.loads(download.value.path().read_text())
    assert [turn["question"] for turn in values["turns"]][1:] == ["Markup?", "What is this?"]
    page.click("button:has-text('New conversation')")
    expect(page.locator(".mg-question")).to_have_count(0)
    assert page.title() == "MiniGPT-4"
    assert outside(requests) == []


def test_a_page_is_rendered_without_any_power(page: Page, outsider: Outsider):
    page.click(f".mg-chip:has-text('{DRAWN_WORLD[-1].label}')")
    wait_for_ending(page)
    expect(page.locator(".mg-source")).to_contain_text("<h1>My Jokes</h1>")
    frame = page.frame_locator("iframe.mg-frame")
    expect(frame.locator("h1")).to_have_text("My Jokes")
    frame.locator("button").click()
    frame.locator("a").click()
    page.wait_for_timeout(700)
    assert page.title() == "MiniGPT-4"
    assert outsider.noted == []


def test_an_answer_can_be_stopped_and_made_again(page: Page, engines):
    page.click(".mg-tile >> nth=0")
    wait_for_ending(page)
    page.click(".mg-chip:has-text('Poem')")
    expect(answers(page).last).to_contain_text("a word and a word")
    page.click("#mg-box .stop-button")
    wait_for_ending(page, "stopped")
    expect(answers(page).last).to_contain_text("stopped")
    assert engines[0].tickets[-1].cancelled
    page.click("button:has-text('Regenerate')")
    expect(page.locator("#mg-live .mg-answer")).to_contain_text("a word and a word")
    expect(page.locator(".mg-question")).to_have_count(2)


def test_two_tabs_share_nothing_and_a_closed_one_gives_up(browser, addresses, engines):
    one = opened(browser, addresses[0], [])
    other = opened(browser, addresses[0], [])
    first, second = next(one), next(other)
    first.click(".mg-tile >> nth=0")
    wait_for_ending(first)
    expect(second.locator(".mg-question")).to_have_count(0)
    first.click(".mg-chip:has-text('Poem')")
    expect(first.locator("#mg-live .mg-answer")).to_contain_text("a word")
    ticket = engines[0].tickets[-1]
    second.click(".mg-tile >> nth=0")
    wait_for_ending(second)
    assert not ticket.done, "both were answered at the same time"
    one.close()
    end = time.monotonic() + 30
    while not ticket.cancelled:
        assert time.monotonic() < end, "the answer of a closed tab goes on"
        time.sleep(0.05)
    other.close()


def test_two_models_answer_side_by_side(pair: Page):
    pair.click(".mg-tile >> nth=0")
    wait_for_ending(pair, count=2)
    assert answers(pair).locator("h3").all_text_contents() == ["one", "two"]
    said = answers(pair).locator("[data-text]").all_text_contents()
    assert said == ["A red cat.", "A blue cat."]
    left, right = (each.bounding_box() for each in answers(pair).all())
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_everything_fits_the_screen(page: Page, width: int, height: int):
    page.set_viewport_size({"width": width, "height": height})
    page.click(".mg-tile >> nth=0")
    wait_for_ending(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for part in (".mg-tile >> nth=0", ".mg-chip >> nth=0", "#mg-box textarea", ".mg-answer"):
        expect(page.locator(part)).to_be_in_viewport()


def outside(requests: list[str]) -> list[str]:
    return [
        url for url in requests if not re.match(r"http://127\.0\.0\.1:|data:|blob:|about:", url)
    ]
