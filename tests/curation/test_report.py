from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from curation.review.drawn import build_curation
from minigpt4.curation.draft import Draft, Verdict, utc_now
from minigpt4.curation.report import gather, write_report
from minigpt4.curation.report_charts import bar_chart, funnel_chart, length_charts
from minigpt4.curation.store import DraftStore

NASTY = '<script>alert(1)</script> & "quoted" <img src=x onerror=alert(1)>'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DraftStore]:
    build_curation(tmp_path / "meadow", 8, rejected=2)
    with DraftStore(tmp_path / "meadow") as opened:
        opened.add([Draft(number=8, key="torn", picture="", fault="truncated picture: torn.png")])
        say(opened, 0, "accept", "person:anna")
        say(opened, 0, "accept", "person:ben")
        say(opened, 1, "edit", "person:anna", text=f"Better. {NASTY}")
        say(opened, 2, "reject", "person:anna", reason="broken language")
        say(opened, 2, "accept", "person:ben")
        for number, decision in ((0, "accept"), (1, "accept"), (2, "reject")):
            say(opened, number, decision, "truth")
        yield opened


def say(store: DraftStore, number: int, decision: str, judge: str, **values) -> None:
    values.setdefault("reason", "")
    store.record(number, Verdict(decision=decision, judge=judge, at=utc_now(), **values))


def written(store: DraftStore, **options) -> str:
    path = store.folder / "report.html"
    write_report(store, path, **options)
    return path.read_text(encoding="utf-8")


class Reader(HTMLParser):
    """Notes each element and what it refers to, and that all are closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_from_anywhere(store: DraftStore):
    page = Reader(written(store))
    assert page.open == []
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert all(re.match(r"#reason-\d+$|data:image/jpeg;base64,", each) for each in page.addresses)


def test_what_models_and_people_wrote_stays_text(store: DraftStore):
    page = Reader(written(store))
    assert "alert(1)" in page.text
    assert NASTY.split()[0] in page.text


def test_every_reason_has_its_count_and_examples(store: DraftStore):
    found = gather(store)
    assert {name: len(drafts) for name, drafts in found.rejected.items()} == {
        "rule:apology": 2, "person: broken language": 1
    }  # fmt: skip
    page = Reader(written(store))
    for told in ("rule:apology · 2", "person: broken language · 1", "truncated picture · 1"):
        assert told in page.text


def test_the_repairs_changes_are_marked(store: DraftStore):
    page = Reader(written(store))
    assert page.tags.count("del") > 0
    draft = store.load(0)
    assert draft.joined != draft.repaired
    assert gather(store).changed_median is not None


def test_people_are_compared_with_each_other_and_with_truth(store: DraftStore):
    found = gather(store)
    # Drafts 0 (both keep) and 2 (anna rejects, ben keeps).
    assert (found.people.num_pairs, found.people.num_agreed) == (2, 1)
    # Truth with anna 3 of 3, with ben 1 of 2.
    assert (found.truth.num_pairs, found.truth.num_agreed) == (5, 4)
    assert "People among each other agree on 50 % of 2 pairs" in Reader(written(store)).text


def test_a_judgement_of_truth_alone_is_called_so(tmp_path: Path):
    build_curation(tmp_path, 2, rejected=0)
    with DraftStore(tmp_path) as store:
        say(store, 0, "accept", "truth")
        assert "No person has looked at these texts." in Reader(written(store)).text
        say(store, 0, "accept", "person:anna")
        assert "No person has looked at these texts." not in Reader(written(store)).text


def test_a_picture_that_vanished_leaves_a_place(store: DraftStore):
    store.picture_path(store.load(7)).unlink()
    assert "missing picture" in Reader(written(store)).text


def test_a_curation_that_has_only_begun_has_a_report(tmp_path: Path):
    with DraftStore(tmp_path, create=True) as store:
        assert "pictures" in Reader(written(store)).text
        store.add([Draft(number=0, key="a", picture="a.png")])
        assert Reader(written(store)).open == []


def test_the_number_of_examples_is_a_choice(store: DraftStore):
    assert Reader(written(store, num_examples=0)).tags.count("img") == 0
    one = Reader(written(store, num_examples=1))
    # One repair, one of each of two reasons, one edit.
    assert one.tags.count("img") == 4


def test_the_same_drafts_give_the_same_examples(store: DraftStore):
    assert gather(store, num_examples=2) == gather(store, num_examples=2)


def test_charts_show_their_numbers():
    chart = funnel_chart((("pictures", 5000), ("accepted", 3500)))
    assert all(told in chart for told in ("5,000 · 100 %", "3,500 · 70 %", "−1,500"))
    assert funnel_chart((("pictures", 0),)).count("<rect") == 1
    chart = bar_chart({"a <b>": 3}, links={"a <b>": "reason-0"}, title="why")
    assert "a &lt;b&gt; · 3" in chart
    assert 'href="#reason-0"' in chart


def test_a_histogram_counts_every_text():
    chart = length_charts([1, 1, 1, 50], [10_000])
    heights = [float(each) for each in re.findall(r'class="bar pale".*?height="([\d.]+)"', chart)]
    assert heights == [74.0]  # the longest text makes bins of 500 words
    assert "before: 4 texts, median 1" in chart
    assert "<rect" not in length_charts([], [])
