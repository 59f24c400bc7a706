"""The review page in a real browser: what a reviewer presses, sees and never loses."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from curation.review.drawn import build_curation
from curation.review.reviewing import Served, served
from minigpt4.curation.report import write_report
from minigpt4.curation.review.drafts import DraftPile
from minigpt4.curation.review.questions import PersonQuestion, QuestionFile, write_questions
from minigpt4.curation.store import DraftStore

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium: apt-get install chromium (.ci/run tries to)"
)

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
NASTY = "A cat <b>and</b> <img src=x onerror=document.title='hacked'> & {{more}}."
KEY = "a key of this test".replace(" ", "-")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield running
        running.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DraftStore]:
    build_curation(tmp_path, 5, rejected=1)
    with DraftStore(tmp_path) as opened:
        yield opened


@pytest.fixture
def server(store: DraftStore) -> Iterator[Served]:
    with served(DraftPile(store, second_share=0.0)) as running:
        yield running


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages in browsers of different persons; each fault of a page fails the test."""
    contexts: dict[str, BrowserContext] = {}
    faults: list[str] = []

    def opened(address: str, who: str, *, width: int = 1280, height: int = 800) -> Page:
        if who not in contexts:
            contexts[who] = browser.new_context(viewport={"width": width, "height": height})
            contexts[who].set_default_timeout(30_000)
        page = contexts[who].new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address)
        return page

    yield opened
    for context in contexts.values():
        context.close()
    assert faults == []


def enter_name(page: Page, name: str) -> None:
    page.fill("#entry-value", name)
    page.press("#entry-value", "Enter")
    expect(page.locator("#picture")).to_be_visible()


def wait_for_text(page: Page, text: str | None) -> None:
    expect(page.locator("#text")).to_have_text(text or "")
    expect(page.locator("#picture")).to_be_visible()


def show_whole_text(page: Page) -> None:
    page.click("button[data-view=after]")


def verdicts(store: DraftStore) -> list[tuple[int, str, str, str]]:
    return [
        (draft.number, said.judge, said.decision, said.reason)
        for draft in store.drafts()
        for said in draft.verdicts
        if said.judge.startswith("person:")
    ]


def test_a_reviewer_decides_by_keyboard(server: Served, store: DraftStore, open_page):
    """Accept, edit, reject with a reason and one of one's own, undo; until nothing is left."""
    page = open_page(server.address, "anna")
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    enter_name(page, "anna")
    show_whole_text(page)
    texts = [draft.repaired for draft in store.drafts()]
    wait_for_text(page, texts[0])
    page.keyboard.press("a")
    wait_for_text(page, texts[1])
    page.keyboard.press("e")
    expect(page.locator("#editor")).to_have_value(texts[1])
    page.keyboard.press("Control+a")
    page.keyboard.type("A better text: auer?")  # holds the keys of all decisions
    page.keyboard.press("Control+Enter")
    wait_for_text(page, texts[2])
    page.keyboard.press("r")
    page.keyboard.press("2")
    wait_for_text(page, texts[3])
    page.keyboard.press("u")
    wait_for_text(page, texts[2])
    expect(page.locator("#earlier")).to_have_text(
        "Taken back: reject, wrong number, colour or place"
    )
    page.keyboard.press("r")
    page.locator("#reason").fill("too grim")
    page.keyboard.press("Enter")
    wait_for_text(page, texts[3])
    expect(page.locator("#count")).to_have_text("3 of 4 drafts")
    expect(page.locator("#pace")).to_contain_text("3 by you · ")
    page.keyboard.press("a")
    expect(page.locator("#done")).to_contain_text("4 drafts were judged by you.")
    assert verdicts(store) == [
        (0, "person:anna", "accept", ""),
        (1, "person:anna", "edit", ""),
        (2, "person:anna", "reject", "too grim"),
        (3, "person:anna", "accept", ""),
    ]
    assert store.load(1).text == "A better text: auer?"
    page.keyboard.press("u")
    wait_for_text(page, texts[3])
    assert all(url.startswith((server.address, "blob:", "data:")) for url in addresses)


def test_the_changes_of_the_repair_are_marked(server: Served, store: DraftStore, open_page):
    store.update(0, raw="A cat. A cat. On && a wall.", repaired="A cat. It's on a wall.")
    page = open_page(server.address, "anna")
    enter_name(page, "anna")
    assert page.locator("#text del").all_text_contents() == ["A cat. On &&"]
    assert page.locator("#text ins").all_text_contents() == ["It's on"]
    page.keyboard.press("d")
    expect(page.locator("#text")).to_have_text("A cat. It's on a wall.")
    assert page.locator("#text :is(del, ins)").count() == 0
    page.keyboard.press("d")
    expect(page.locator("#text")).to_have_text("A cat. A cat. On && a wall.")


def test_nobody_judges_a_picture_unseen(server: Served, store: DraftStore, open_page):
    page = open_page(server.address, "anna")
    page.route("**/api/picture/0", lambda _: None)  # It never comes.
    page.fill("#entry-value", "anna")
    page.press("#entry-value", "Enter")
    show_whole_text(page)
    expect(page.locator("#text")).to_have_text(store.load(0).repaired or "")
    page.keyboard.press("a")
    expect(page.locator("#said")).to_have_text("the picture is still coming")
    assert verdicts(store) == []


def test_markup_of_a_model_stays_text(server: Served, store: DraftStore, open_page):
    store.update(0, raw=NASTY, repaired=NASTY, key=NASTY)
    page = open_page(server.address, "anna")
    enter_name(page, "anna")
    expect(page.locator("#text")).to_have_text(NASTY)
    assert page.locator("#text *").count() == 0
    page.keyboard.press("e")
    expect(page.locator("#editor")).to_have_value(NASTY)
    assert page.title() == "Review descriptions"


def test_the_next_picture_is_there_before_it_is_wanted(server: Served, open_page):
    page = open_page(server.address, "anna")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(server.address)))
    enter_name(page, "anna")
    page.wait_for_load_state("networkidle")
    assert [path for path in asked if "picture" in path] == ["/api/picture/0", "/api/picture/1"]
    server.stop()
    page.keyboard.press("a")
    expect(page.locator("#picture")).to_be_visible()
    shown = page.locator("#picture").evaluate("image => image.complete && image.naturalWidth")
    assert shown == 128
    server.start()


def test_nothing_is_lost_when_the_server_dies(server: Served, store: DraftStore, open_page):
    page = open_page(server.address, "anna")
    enter_name(page, "anna")
    page.wait_for_load_state("networkidle")
    server.stop()
    page.keyboard.press("a")
    expect(page.locator("#trouble")).to_contain_text("1 decision is kept in this browser")
    expect(page.locator("#picture")).to_be_visible()
    page.keyboard.press("e")
    page.keyboard.press("Control+a")
    page.keyboard.type("Written while nobody listened.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#trouble")).to_contain_text("2 decisions are kept")
    assert verdicts(store) == []
    page.close()  # The browser dies, too.
    server.start()
    page = open_page(server.address, "anna")
    expect(page.locator("#count")).to_have_text("2 of 4 drafts")
    assert verdicts(store) == [(0, "person:anna", "accept", ""), (1, "person:anna", "edit", "")]
    assert store.load(1).text == "Written while nobody listened."
    expect(page.locator("#trouble")).to_be_hidden()


def test_nothing_is_lost_while_the_server_cannot_write(
    server: Served, store: DraftStore, open_page
):
    page = open_page(server.address, "anna")
    enter_name(page, "anna")
    store.query("PRAGMA query_only = ON")
    page.keyboard.press("a")
    expect(page.locator("#trouble")).to_contain_text("1 decision is kept in this browser")
    expect(page.locator("#trouble")).to_contain_text("can't be written")
    store.query("PRAGMA query_only = OFF")
    expect(page.locator("#count")).to_have_text("1 of 4 drafts")
    expect(page.locator("#trouble")).to_be_hidden()
    page.route("**/api/decide", lambda route: route.fulfill(status=403, json={"error": "shut"}))
    page.keyboard.press("a")
    expect(page.locator("#trouble")).to_contain_text("shut; trying again. 1 decision is kept")
    page.unroute("**/api/decide")
    expect(page.locator("#count")).to_have_text("2 of 4 drafts")
    assert [said[0] for said in verdicts(store)] == [0, 1]


def test_what_could_not_be_sent_can_be_taken_back(server: Served, store: DraftStore, open_page):
    page = open_page(server.address, "anna")
    enter_name(page, "anna")
    show_whole_text(page)
    page.wait_for_load_state("networkidle")
    server.stop()
    page.keyboard.press("a")
    wait_for_text(page, store.load(1).repaired)
    page.keyboard.press("u")
    wait_for_text(page, store.load(0).repaired)
    server.start()
    page.keyboard.press("r")
    page.keyboard.press("1")
    wait_for_text(page, store.load(1).repaired)
    expect(page.locator("#count")).to_have_text("1 of 4 drafts")
    assert verdicts(store) == [(0, "person:anna", "reject", "names what is not there")]


def test_an_unfinished_edit_outlives_its_window(server: Served, store: DraftStore, open_page):
    page = open_page(server.address, "anna")
    enter_name(page, "anna")
    page.keyboard.press("a")
    expect(page.locator("#count")).to_have_text("1 of 4 drafts")
    expect(page.locator("#picture")).to_be_visible()
    page.keyboard.press("e")
    page.keyboard.press("Control+a")
    page.keyboard.type("Half a sen")
    page.close()
    page = open_page(server.address, "anna")
    expect(page.locator("#editor")).to_have_value("Half a sen")
    page.keyboard.press("End")
    page.keyboard.type("tence.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#count")).to_have_text("2 of 4 drafts")
    assert store.load(1).text == "Half a sentence."


def test_an_edit_that_changes_nothing_is_an_acceptance(server, store: DraftStore, open_page):
    page = open_page(server.address, "anna")
    enter_name(page, "anna")
    page.keyboard.press("e")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#count")).to_have_text("1 of 4 drafts")
    assert verdicts(store) == [(0, "person:anna", "accept", "")]


def test_two_windows_and_two_persons_never_show_the_same(server: Served, store, open_page):
    seen = []
    for who in ("anna", "anna", "ben"):
        page = open_page(server.address, who)
        if who == "ben" or not seen:
            page.fill("#entry-value", who)
            page.press("#entry-value", "Enter")
        if who == "ben":
            expect(page.locator("#done")).to_be_visible()
            continue
        expect(page.locator("#picture")).to_be_visible()
        show_whole_text(page)
        seen.append(page.locator("#text").text_content())
    # Each window holds two of four drafts.
    assert seen == [store.load(0).repaired, store.load(2).repaired]


def test_drafts_judged_twice_show_agreement(store: DraftStore, open_page):
    with served(DraftPile(store, second_share=1.0)) as server:
        for who, keys in (("anna", "aara"), ("ben", "aaar")):
            page = open_page(server.address, who)
            enter_name(page, who)
            for place, letter in enumerate(keys):
                expect(page.locator("#pace")).to_contain_text(f"{place} by you")
                expect(page.locator("#picture")).to_be_visible()
                page.keyboard.press(letter)
                if letter == "r":
                    page.keyboard.press("1")
            expect(page.locator("#done")).to_be_visible()
            told = {"anna": "4 wait for one more person", "ben": "4 drafts were judged by you."}
            expect(page.locator("#done-text")).to_contain_text(told[who])
        # Agreed on 2 of 4, each rejecting one: expected 10/16, so (0.5 - 0.625) / 0.375.
        expect(page.locator("#agreement")).to_have_text("judged twice: 4, 50 % agree, κ -0.33")


def test_a_page_for_others_asks_for_the_key(store: DraftStore, open_page):
    with served(DraftPile(store), key=KEY, reviewer="anna") as server:
        page = open_page(server.address, "anna")
        expect(page.locator("#entry-title")).to_have_text("Key")
        assert page.locator("#picture").is_hidden()
        page.fill("#entry-value", "wrong")
        page.press("#entry-value", "Enter")
        expect(page.locator("#entry-title")).to_have_text("Key")
        page.fill("#entry-value", KEY)
        page.press("#entry-value", "Enter")
        expect(page.locator("#picture")).to_be_visible()
        page = open_page(f"{server.address}/#key={KEY}", "ben")
        expect(page.locator("#picture")).to_be_visible()
        assert KEY not in page.url


def test_a_picture_that_vanished_is_said_to_be_missing(server, store: DraftStore, open_page):
    store.picture_path(store.load(0)).unlink()
    page = open_page(server.address, "anna")
    page.fill("#entry-value", "anna")
    page.press("#entry-value", "Enter")
    expect(page.locator("#missing")).to_contain_text("missing picture: 000000.png")
    page.keyboard.press("r")
    page.keyboard.press("7")
    expect(page.locator("#picture")).to_be_visible()


def test_answers_of_unnamed_models_are_judged(tmp_path: Path, open_page):
    Image.new("RGB", (64, 48), "red").save(tmp_path / "red.png")
    questions = [
        PersonQuestion(
            key=model, picture=tmp_path / "red.png", request="Write a <b>poem</b>.", answer=NASTY
        )
        for model in ("one", "two")
    ]
    write_questions(tmp_path / "people.sqlite", questions)
    with QuestionFile(tmp_path / "people.sqlite") as file:
        with served(file, reviewer="anna") as server:
            page = open_page(server.address, "anna")
            expect(page.locator("#picture")).to_be_visible()
            expect(page.locator("#request")).to_have_text("Write a <b>poem</b>.")
            expect(page.locator("#text")).to_have_text(NASTY)
            expect(page.locator("#views")).to_be_hidden()
            page.keyboard.press("f")
            expect(page.locator("#count")).to_have_text("1 of 2 answers")
            expect(page.locator("#picture")).to_be_visible()
            page.keyboard.press("n")
            expect(page.locator("#done")).to_be_visible()
        assert sorted(each.fulfilled for each in file.verdicts()) == [False, True]


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_everything_fits_the_screen(server: Served, store, open_page, width: int, height: int):
    long = "There is a long sentence about a very small thing in it. " * 40
    store.update(0, raw=long, repaired=long)
    page = open_page(server.address, "anna", width=width, height=height)
    enter_name(page, "anna")
    for mode in (None, "r", "Escape", "e"):
        if mode:
            page.keyboard.press(mode)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.documentElement.scrollHeight") <= height
        for place in ("#picture", "#count", "#buttons button >> nth=-1"):
            expect(page.locator(place)).to_be_in_viewport(ratio=0.99)
    size = page.locator("#picture").bounding_box()
    assert size is not None
    assert min(size["width"], size["height"]) >= min(width, height) * 0.6


@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_fits_the_screen(store: DraftStore, open_page, width: int):
    write_report(store, store.folder / "report.html")
    page = open_page(f"file://{store.folder / 'report.html'}", "anna", width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.locator("svg").first).to_be_visible()
    sizes = page.locator("img").evaluate_all("all => all.map((each) => each.naturalWidth)")
    assert sizes
    assert set(sizes) == {128}
