"""A table of the paper as HTML: ours beside the printed numbers, never mixed up."""

from __future__ import annotations

from html import escape

from minigpt4.recipes.results import Results
from minigpt4.recipes.table import Cell, Column, Row, TableResult
from minigpt4.recipes.table_text import base_option, interval_text, value_text


def table_html(result: TableResult, *, base: str) -> str:
    """Return one table with its note and the command that fills it."""
    table = result.table
    heads = "".join(
        f'<th class="number">{escape(column.title)}<br>ours</th>'
        f'<th class="number theirs">{escape(column.title)}<br>paper</th>'
        for column in table.columns
    )
    rows = "\n".join(
        f"<tr><td>{escape(row.name)}{_own(row)}</td>{_cells(row, cells, table.columns)}</tr>"
        for row, cells in zip(table.rows, result.cells, strict=True)
    )
    return f"""<section id="table-{table.number}">
<h3>Table {table.number}. {escape(table.title)}</h3>
<div class="scroll"><table>
<thead><tr><th></th>{heads}</tr></thead>
<tbody>
{rows}
</tbody></table></div>
<p class="note">{escape(table.note)} Defined in <code>{escape(table.module)}</code>; run by
<code>minigpt4 table {table.number}{base_option(base)}</code>.</p>
</section>"""


def agreement_html(results: Results) -> str:
    """Return how far the judges of the same answers agree; nothing if they were not asked."""
    if not results.agreements:
        return ""
    rows = "\n".join(
        f"<tr><td>{escape(each.model.title)}</td>"
        f"<td>{escape(each.agreement.first)} and {escape(each.agreement.second)}</td>"
        f"<td class='number ours'><b>{value_text(each.agreement.share, 'percent')}</b>"
        f"<span class='interval'>{interval_text(each.agreement.share, 'percent')}</span></td>"
        f"<td class='number'>{_kappa(each.agreement.kappa)}</td></tr>"
        for each in results.agreements
    )
    return f"""<section id="judges">
<h3>Do the judges of Table 3 agree?</h3>
<div class="scroll"><table>
<thead><tr><th>answers of</th><th>judges</th><th class="number">same verdict</th>
<th class="number">kappa</th></tr></thead>
<tbody>{rows}</tbody></table></div>
<p class="note">The same answers went to both. The detector reads the text alone; the truth also
knows the picture. Kappa takes off what chance alone would agree on. No person and no LLM judged
these answers; <code>minigpt4 evaluate failures --judge person</code> asks one.</p>
</section>"""


def _kappa(value: float | None) -> str:
    return "one verdict only" if value is None else f"{value:.2f}"


def _cells(row: Row, cells: tuple[Cell, ...], columns: tuple[Column, ...]) -> str:
    parts = []
    for place, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        if cell.score is None:
            ours = f'<span class="none">{escape(cell.missing)}</span>'
        else:
            count = f", n = {cell.score.count}"
            ours = (
                f"<b>{value_text(cell.score, column.unit)}</b>"
                f'<span class="interval">{interval_text(cell.score, column.unit)}{count}</span>'
            )
        theirs = escape(row.printed[place]) if row.printed else "-"
        parts.append(f'<td class="number ours">{ours}</td><td class="number theirs">{theirs}</td>')
    return "".join(parts)


def _own(row: Row) -> str:
    """Say that the paper has no such row."""
    return "" if row.printed else '<span class="interval">a row of ours</span>'
