"""`minigpt4 table`, `figure` and `reproduce`: what is printed, what is refused."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from minigpt4.cli.reproduce import reproduce
from minigpt4.cli.table import rich_table
from minigpt4.cli.watching import Terminal
from minigpt4.recipes.table import not_run
from minigpt4.recipes.tables import find_table
from minigpt4.recipes.watch import Schedule


def test_the_papers_numbers_have_a_line_that_says_so() -> None:
    console = Console(file=StringIO(), width=100)
    console.print(rich_table(not_run(find_table(3)), base="miniature", seeds=1))
    lines = [line for line in console.file.getvalue().splitlines() if "%" in line]  # type: ignore[attr-defined]
    numbers = [line for line in lines if "35 %" in line or "1 %" in line]
    assert len(numbers) == 2
    assert all("the paper's" in line for line in numbers)
    assert "not run" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_long_job_is_told_with_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(Schedule(planned_seconds={"train a": 60.0, "train b": 120.0}))
    terminal.begin("train a")
    terminal.end("train a", 60.0)
    said = capsys.readouterr().err
    assert "[0/2, about 3 min left] train a ..." in said
    assert "[1/2, about 2 min left] train a: 60 s" in said


@pytest.mark.slow
def test_reproduce_writes_its_report_twice_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIGPT4_CACHE", str(tmp_path / "cache"))
    app = typer.Typer()
    app.command()(reproduce)
    folders = ["--out", f"{tmp_path}/report", "--runs", f"{tmp_path}/runs", "--docs"]
    texts = []
    for _ in range(2):
        command = ["--quick", *folders, f"{tmp_path}/docs", "--device", "cpu"]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        assert "The report is in" in done.output
        texts.append((tmp_path / "docs" / "paper.md").read_text().splitlines())
    first, second = ([line for line in text if "not by hand" not in line] for text in texts)
    assert first == second  # nothing is trained or answered again
    assert (tmp_path / "report" / "index.html").stat().st_size > 100_000
    values = json.loads((tmp_path / "report" / "results.json").read_text())
    missing = {
        (table["table"], row["row"], value["column"])
        for table in values["tables"]
        for row in table["rows"]
        for value in row["values"]
        if value["ours"] is None and "CHAIR" not in value["column"]
    }
    assert missing == set()  # CHAIR_i alone may have named nothing to count
    assert {finding["outcome"] for finding in values["findings"]}.isdisjoint({"not run"})
