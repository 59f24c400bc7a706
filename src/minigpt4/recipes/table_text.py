"""How a cell of a table reads: the number, its interval, or why there is none."""

from __future__ import annotations

from minigpt4.evaluation.score import Score
from minigpt4.recipes.table import Cell, Column, Unit


def cell_text(cell: Cell, column: Column) -> str:
    """Return the number with its interval, or what stands in its place."""
    if cell.score is None:
        return cell.missing
    return f"{value_text(cell.score, column.unit)} {interval_text(cell.score, column.unit)}"


def base_option(base: str) -> str:
    """Return what a command needs to speak of a base that isn't the default."""
    return "" if base == "miniature" else f" --base {base}"


def value_text(score: Score, unit: Unit) -> str:
    """Return the number alone."""
    return f"{100 * score.value:.1f} %" if unit == "percent" else f"{score.value:.1f}"


def interval_text(score: Score, unit: Unit) -> str:
    """Return the interval in brackets."""
    low, high = score.interval
    if unit == "percent":
        return f"[{100 * max(0.0, low):.0f}-{100 * min(1.0, high):.0f}]"
    return f"[{low:.1f}-{high:.1f}]"
