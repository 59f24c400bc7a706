"""The report: whole, self-contained, honest about what was not run."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from minigpt4.evaluation.question import DrawnPicture
from minigpt4.evaluation.score import Score, mean_score, share_score
from minigpt4.recipes.extra_measures import UNTRAINED
from minigpt4.recipes.figure import FigureResult, PanelResult, Shown
from minigpt4.recipes.figures import FIGURES, find_figure
from minigpt4.recipes.paper_findings import decide_findings
from minigpt4.recipes.report.page import figure_page, report_page
from minigpt4.recipes.report.paper_doc import paper_doc
from minigpt4.recipes.results import Results
from minigpt4.recipes.row_models import LOCNA, MINIGPT4
from minigpt4.recipes.table import Scorer, not_run, run_table
from minigpt4.recipes.table_runs import RunRecord
from minigpt4.recipes.table_settings import table_settings
from minigpt4.recipes.tables import TABLES
from recipes.table_fakes import FakeRuns, FakeTasks

SHARES = {
    "blip2": 0.05, "blip2_ft": 0.08, "before_stage2": 0.4, "minigpt4": 0.65, "locna": 0.3,
    "no_qformer": 0.66, "three_layers": 0.4, "qformer_trained": 0.3, "lora": 0.7,
}  # fmt: skip


def losses(value: float) -> dict[str, Score]:
    score = mean_score([value - 0.01, value, value + 0.01])
    assert score is not None
    return {"gap": replace(score, value=value - 1, interval=(value - 1.02, value - 0.98)),
            "shown": score, "told": score,
            "another": replace(score, value=value + 2, interval=(value + 1.9, value + 2.1)),
            }  # fmt: skip


@pytest.fixture(scope="module")
def results() -> Results:
    """A reproduction in which MiniGPT-4 does well, answered by nobody."""
    scorer = Scorer(FakeRuns(), Path("nowhere"), evaluate=FakeTasks(SHARES), load=str)  # type: ignore[arg-type]
    share = share_score(60, 100)
    assert share is not None
    found = Results(
        settings=table_settings(),
        tables={number: run_table(table, scorer) for number, table in TABLES.items()},
        figures={},
        alignment={
            UNTRAINED: losses(3.0), "after stage 1": losses(1.0), "after stage 2": losses(1.1),
        },
        sameness={LOCNA.name: share, MINIGPT4.name: share},
        spatial={"spatial": share, "pope": share},
        trainings=(
            RunRecord(
                name="stage1", seed=42, folder=Path("x"), num_steps=20, seconds=3.0,
                lines=({"step": 10, "loss": 2.0}, {"step": 20, "loss": 1.5}),
            ),
        ),
        command="minigpt4 reproduce",
        seconds={"train stage1, seed 42": 3.0},
        planned={"train stage1, seed 42": 5.0},
    )  # fmt: skip
    return replace(found, findings=decide_findings(found))


class Balance(HTMLParser):
    """Collects tags that are opened and not closed, and everything that would be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for name, value in attrs if name == "src"]
        if tag not in ("meta", "br", "img", "link", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check_page(page: str) -> None:
    reader = Balance()
    reader.feed(page)
    assert reader.open == []
    assert all(place.startswith("data:") for place in reader.loaded)
    assert "<script" not in page


def test_the_page_is_whole_and_loads_nothing(results: Results) -> None:
    page = report_page(results)
    check_page(page)
    assert page.count('<section class="finding ') == 9
    assert page.count('<section id="table-') == 6
    assert page.count("<svg") == 6  # stage 1, gap, failures, CHAIR_i, Tables 4 and 6


def test_ours_stand_beside_the_papers_under_their_own_heads(results: Results) -> None:
    page = report_page(results)
    table = page[page.index('id="table-1"') : page.index('id="table-2"')]
    assert table.count("<br>ours</th>") == table.count("<br>paper</th>") == 5
    assert '<td class="number theirs">65/100</td>' in table
    assert "65.0 %" in table
    assert table.count("a row of ours") == 2


def test_findings_follow_the_numbers(results: Results) -> None:
    outcomes = {finding.number: finding.outcome for finding in results.findings}
    assert outcomes[1] == outcomes[4] == outcomes[6] == outcomes[9] == "shown"
    assert outcomes[2] == "refuted"  # of the fakes, more answers fail after stage 2
    assert outcomes[8] == "not shown"
    assert all(finding.reason for finding in results.findings)


def test_a_layer_that_looks_at_no_picture_aligns_nothing(results: Results) -> None:
    blind = {moment: {**found, "another": found["shown"]}
             for moment, found in results.alignment.items()}  # fmt: skip
    findings = decide_findings(replace(results, alignment=blind))
    assert findings[0].outcome == "not shown"


def test_the_command_says_how_long_it_took_and_how_much_work_that_was(results: Results) -> None:
    assert "took 20 min" in time_taken_page(replace(results, wall_seconds=1200.0))
    aside = replace(results, wall_seconds=1200.0, num_jobs=2, seconds={"train stage1": 2300.0})
    assert "took 20 min, 2 rows at a time (38 min if they are added up)" in time_taken_page(aside)


def time_taken_page(results: Results) -> str:
    return " ".join(paper_doc(results, report="report/index.html").split())


def test_likely_reasons_are_told_of_the_miniature_alone(results: Results) -> None:
    larger = replace(results, settings=table_settings(["drawn=true"], base="vicuna_7b"))
    findings = decide_findings(larger)
    assert [each.outcome for each in findings] == [each.outcome for each in results.findings]
    guesses = {each.reason for each in results.findings if each.outcome != "not run"}
    assert guesses.isdisjoint(each.reason for each in findings)
    assert all("cannot be told" in each.reason for each in findings if each.outcome == "not shown")
    page = report_page(replace(larger, findings=findings))
    check_page(page)
    assert "thousand times" not in page


def test_what_was_not_run_is_said_not_filled_in(results: Results) -> None:
    empty = replace(
        results,
        tables={number: not_run(table) for number, table in TABLES.items()},
        alignment={}, sameness={}, spatial={}, trainings=(),
    )  # fmt: skip
    empty = replace(empty, findings=decide_findings(empty))
    assert {finding.outcome for finding in empty.findings} == {"not run"}
    page = report_page(empty)
    check_page(page)
    assert "<svg" not in page
    assert not re.search(r'class="number ours"><b>', page)
    assert page.count(">not run<") >= 9


def test_the_markdown_names_modules_that_exist(results: Results, repository: Path) -> None:
    text = paper_doc(results, report="report/index.html")
    assert all(f"### Table {number}:" in text for number in TABLES)
    source = repository / "src" / "minigpt4"
    named = [
        name for name in re.findall(r"`([a-z_]+/[\w/]*(?:\.py)?)`", text) if "src/" not in name
    ]
    assert len(named) > 10
    assert [name for name in named if not (source / name).exists()] == []


def test_what_a_model_wrote_can_do_nothing() -> None:
    figure = find_figure(4)
    evil = '<html><body onload="x()"><img src="http://evil/x.png"></body></html>'
    shown = Shown(model=MINIGPT4, text=evil, finished=True, verdict="<b>no</b>", passed=False)
    plain = replace(shown, text="a <script>x()</script> poem")
    result = FigureResult(
        figure=figure,
        panels=(
            PanelResult(
                panel=figure.panels[0], pictures=(DrawnPicture("test", 0, 0),),
                answers=((shown, plain),),
            ),
        ),
    )  # fmt: skip
    page = figure_page(result, base="miniature")
    check_page(page)
    assert 'sandbox=""' in page
    assert "&lt;b&gt;no" in page
    frame = page[page.index("<iframe") : page.index("</iframe>")]
    assert "evil" not in frame
    assert "default-src" in frame


def test_there_is_a_counterpart_of_every_figure() -> None:
    assert list(FIGURES) == list(range(2, 15))
    shown = {number: FIGURES[number].panels[0].ability for number in FIGURES}
    assert shown == {
        2: "description", 3: "advertisement", 4: "explanation", 5: "description", 6: "description",
        7: "advertisement", 8: "film_facts", 9: "page", 10: "poem", 11: "recipe", 12: "cure",
        13: "recipe", 14: "description",
    }  # fmt: skip
    assert {model.name for number in (4, 13, 14) for model in FIGURES[number].models} == {
        "blip2", "blip2_ft", "locna", "no_qformer", "minigpt4",
    }  # fmt: skip


def test_commands_name_a_base_that_is_not_the_default(results: Results) -> None:
    assert "<code>minigpt4 table 1</code>" in report_page(results)
    assert "`minigpt4 table 1`" in paper_doc(results, report="r.html")
    other = replace(results, settings=table_settings(["drawn=true"], base="vicuna_7b"))
    assert "<code>minigpt4 table 1 --base vicuna_7b</code>" in report_page(other)
    assert "`minigpt4 table 1 --base vicuna_7b`" in paper_doc(other, report="r.html")
