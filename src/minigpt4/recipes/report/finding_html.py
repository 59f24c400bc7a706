"""The findings as HTML: one card each, with the numbers that decided it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from minigpt4.evaluation.score import Score
from minigpt4.recipes.findings import Comparison, Finding

_WANTED = {"more": "more", "less": "less", "no worse": "no worse by the margin"}


def findings_html(findings: Sequence[Finding]) -> str:
    """Return the cards of all findings."""
    return f'<div class="findings">{"".join(map(_card, findings))}</div>'


def comparison_text(comparison: Comparison) -> str:
    """Say in one line what was compared and what came out."""
    first, second = (_number(score, comparison) for score in (comparison.first, comparison.second))
    low, high = comparison.difference.interval
    if comparison.unit == "percent":
        gap = (
            f"{100 * comparison.difference.value:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"
        )
    else:
        gap = f"{comparison.difference.value:+.2f} [{low:+.2f}, {high:+.2f}]"
    return (
        f"{comparison.what}: {first} against {second}, difference {gap}; the paper says "
        f"{_WANTED[comparison.expected]}"
    )


def _card(finding: Finding) -> str:
    lines = "".join(
        f"<li>{escape(comparison_text(each))} ({each.outcome})</li>" for each in finding.comparisons
    )
    numbers = f"<ul>{lines}</ul>" if lines else ""
    reason = f"<p><b>Likely reason:</b> {escape(finding.reason)}</p>" if finding.reason else ""
    kind = finding.outcome.replace(" ", "-")
    return f"""<section class="finding {kind}" id="finding-{finding.number}">
<h3><span class="badge">{finding.outcome}</span>{finding.number}. {escape(finding.statement)}</h3>
{numbers}{reason}
</section>"""


def _number(score: Score, comparison: Comparison) -> str:
    if comparison.unit == "percent":
        return f"{100 * score.value:.1f} %"
    return f"{score.value:.2f}"
