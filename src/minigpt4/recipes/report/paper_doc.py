"""`docs/paper.md`: from a section or table of the paper to our module and our number."""

from __future__ import annotations

from minigpt4.recipes.budget import by_kind
from minigpt4.recipes.findings import Finding
from minigpt4.recipes.report.finding_html import comparison_text
from minigpt4.recipes.report.page import measured_there
from minigpt4.recipes.report.running_html import time_taken
from minigpt4.recipes.results import Results
from minigpt4.recipes.table import TableResult
from minigpt4.recipes.table_text import base_option, cell_text
from minigpt4.recipes.watch import in_words

_SECTIONS = (
    ("§3, the model", "`model/minigpt4.py`, `model/projection.py`", "one linear layer is trained"),
    ("§3.1, stage 1", "`training/stages.py`, `recipes/bases.py`", "captions without a prompt"),
    ("§3.2, curation", "`curation/`", "describe, repair, rules, a person"),
    ("§3.3, stage 2", "`training/stages.py`, `data/prompts.py`", "four prompts, answers in a chat"),
    ("§4.1, abilities", "`evaluation/tasks/abilities.py`", "see Table 1"),
)


def paper_doc(results: Results, *, report: str) -> str:
    """Return the page in Markdown; `report` is the link to the HTML report."""
    settings = results.settings
    option = base_option(settings.base)
    times = "once" if settings.seeds == 1 else f"{settings.seeds} times"
    sections = "\n".join(f"| {name} | {module} | {what} |" for name, module, what in _SECTIONS)
    tables = "\n\n".join(_table(result, base=settings.base) for result in results.tables.values())
    figures = "\n".join(
        f"| Figure {number} | {result.figure.title} | [answers]({report}#figure-{number}) |"
        for number, result in results.figures.items()
    )
    findings = "\n".join(map(_finding, results.findings))
    spent = by_kind(results.seconds)
    budget = "\n".join(
        f"| {kind} | {in_words(seconds)} | {in_words(spent.get(kind, 0.0))} |"
        for kind, seconds in by_kind(results.planned).items()
    )
    total = in_words(sum(results.planned.values()))
    return f"""# The paper, section by section

Written by `{results.command or "minigpt4 reproduce"}` on {results.date}; not by hand. The base is
{settings.base}; every row was trained {times}. **Ours** are measured here, with 95 % intervals;
**paper** are the numbers printed in arXiv 2304.10592, {measured_there(settings.base)}. Plots and
answers: [{report}]({report}).

| section | module in `src/minigpt4/` | |
|---|---|---|
{sections}

## Findings

| | the paper states | on {settings.base} | numbers and likely reason |
|---|---|---|---|
{findings}

## Tables

{tables}

## Run it again

```bash
{results.command or "minigpt4 reproduce"}
minigpt4 table 4{option}        # one table; trainings that are finished are used again
minigpt4 figure 10{option}      # one figure, as a page
minigpt4 reproduce{option} --plan
```

A run that was stopped goes on with the same command. Planned are {total} on two cores, one row
after the other; the command that wrote this page took {time_taken(results)}. What an earlier
command had finished costs nothing.

| work | planned | spent |
|---|---|---|
{budget}

## Figures

Each is `minigpt4 figure N{option}`, in `recipes/figures.py`.

| | | |
|---|---|---|
{figures}
"""


def _table(result: TableResult, *, base: str) -> str:
    table = result.table
    heads = " | ".join(f"{column.title}, ours | paper" for column in table.columns)
    rows = []
    for row, cells in zip(table.rows, result.cells, strict=True):
        values = [
            f"{cell_text(cell, column)} | {row.printed[place] if row.printed else '-'}"
            for place, (column, cell) in enumerate(zip(table.columns, cells, strict=True))
        ]
        rows.append(f"| {row.name} | {' | '.join(values)} |")
    lines = "\n".join(rows)
    return f"""### Table {table.number}: {table.title}

`minigpt4 table {table.number}{base_option(base)}`, in `{table.module}`.

| | {heads} |
|---|{"---|" * (2 * len(table.columns))}
{lines}

{table.note}"""


def _finding(finding: Finding) -> str:
    numbers = "; ".join(comparison_text(each) for each in finding.comparisons)
    told = ". ".join(part for part in (numbers, finding.reason) if part)
    return f"| {finding.number} | {finding.statement} | **{finding.outcome}** | {told} |"
