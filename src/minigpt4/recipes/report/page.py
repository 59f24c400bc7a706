"""The report's page: findings first, then tables, plots and figures, then how it was run.

One file without anything from elsewhere: styles, plots and pictures are inside it. Whatever a model
wrote is escaped; pages it wrote are shown in frames that can do nothing.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files

from minigpt4.recipes.figure import FigureResult
from minigpt4.recipes.report.figure_html import figure_html
from minigpt4.recipes.report.finding_html import findings_html
from minigpt4.recipes.report.plots import plots_html
from minigpt4.recipes.report.running_html import running_html
from minigpt4.recipes.report.table_html import agreement_html, table_html
from minigpt4.recipes.results import Results

_SECTIONS = (
    ("findings", "Findings"), ("tables", "Tables"), ("plots", "Plots"), ("figures", "Figures"),
    ("run", "How it was run"),
)  # fmt: skip


def report_page(results: Results) -> str:
    """Return the whole report as one page."""
    base = results.settings.base
    counts = dict.fromkeys(("shown", "not shown", "refuted", "not run"), 0)
    for finding in results.findings:
        counts[finding.outcome] += 1
    summary = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title in _SECTIONS)
    tables = "\n".join(table_html(each, base=base) for each in results.tables.values())
    figures = "\n".join(figure_html(result) for result in results.figures.values())
    body = f"""
<h1>MiniGPT-4, reproduced on {escape(_base_name(base))}</h1>
<p>{_about(results)}</p>
<p class="soft">Of the paper's nine findings: {summary}. Numbers in <b class="blue">blue</b> are
ours, with 95 % intervals; <span class="theirs">italic numbers</span> are printed in the paper
(arXiv 2304.10592), {measured_there(base)}. They stand side by side to compare directions, not
sizes.</p>
<nav>{links}</nav>
<h2 id="findings">Findings of the paper</h2>
<p class="soft">Decided by code: <b>shown</b> if the 95 % interval of a difference lies on the
stated side of zero, <b>refuted</b> if on the other, <b>not shown</b> if it holds zero. The reason
is ours.</p>
{findings_html(results.findings)}
<h2 id="tables">Tables</h2>
{tables}
{agreement_html(results)}
<h2 id="plots">Plots</h2>
{plots_html(results)}
<h2 id="figures">Figures</h2>
<p class="soft">The first pictures of a stream that no score is taken on; none is picked by its
answers. Under each answer is what the picture's own truth says of it. Greedy decoding.</p>
{figures}
<h2 id="run">How it was run</h2>
{running_html(results)}
"""
    return page(f"MiniGPT-4, reproduced on {base}", body)


def figure_page(result: FigureResult, *, base: str) -> str:
    """Return one figure as a page of its own."""
    body = f"""
<h1>The counterpart of Figure {result.figure.number}</h1>
<p class="soft">MiniGPT-4 on {escape(_base_name(base))}. The same pictures, the answers of each
model side by side; greedy decoding.</p>
{figure_html(result)}
"""
    return page(f"Figure {result.figure.number} on {base}", body)


def page(title: str, body: str) -> str:
    """Return a whole page around a body."""
    css = files("minigpt4.recipes.report").joinpath("report.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{css}</style>
</head>
<body>
<main>{body}</main>
</body>
</html>
"""


def measured_there(base: str) -> str:
    """Say under what other conditions the paper's numbers were measured."""
    if base == "miniature":
        return "measured there on other pictures with models a thousand times as large"
    return "measured there by its authors, in part by people and by ChatGPT"


def _about(results: Results) -> str:
    seeds = results.settings.seeds
    trained = (
        "Every row was trained once." if seeds == 1 else f"Every row was trained {seeds} times."
    )
    if edits := results.settings.edits:
        trained += (
            f" <b>Settings were changed from the base's own: {escape(' '.join(edits))}.</b> With "
            "few steps or few questions this page shows only that everything runs."
        )
    if results.settings.base != "miniature":
        return f"{trained} Rows are the same edits of the paper's own recipe."
    return (
        "The miniature is a whole MiniGPT-4 at a thousandth of the size: a frozen ViT and "
        "Q-Former, a frozen LLaMA, one linear layer. It sees <b>drawn pictures</b>, whose truth is "
        "known, in the place of photographs. No picture was ever paired with a poem, a recipe or "
        "the like; but the LLM read such texts, as text alone, after scenes told in words or, half "
        "of the time, in <b>averaged embeddings in a picture's place</b>. Before it read those, "
        "it fulfilled half as many such requests (docs/experiments.md). "
        f"{trained} BLIP-2 here is the weaker LLM that the "
        "Q-Former was pretrained with, through its own projection."
    )


def _base_name(base: str) -> str:
    return "the miniature" if base == "miniature" else base
