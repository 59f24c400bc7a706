"""Charts of the curation report as inline SVG: they need no script and follow the page's colours.

All are drawn 420 units wide and shown at most 530 px wide, so that their letters are neither tiny
on a phone nor huge on a laptop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

WIDTH = 420
_LABEL, _BAR, _GAP = 148, 30, 22
_MOST_BINS = 24


def funnel_chart(steps: Sequence[tuple[str, int]]) -> str:
    """Draw what is left after each step: centred bars, tapering into each other."""
    most = max([count for _, count in steps] + [1])
    room = WIDTH - _LABEL
    middle = _LABEL + room / 2
    height = len(steps) * (_BAR + _GAP) - _GAP
    parts = []
    widths = [max(2.0, room * count / most) for _, count in steps]
    for place, (one, other) in enumerate(pairwise(widths)):
        top = place * (_BAR + _GAP) + _BAR
        corners = (
            (middle - one / 2, top), (middle + one / 2, top),
            (middle + other / 2, top + _GAP), (middle - other / 2, top + _GAP),
        )  # fmt: skip
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        parts.append(f'<polygon class="soft" points="{points}"/>')
        lost = steps[place][1] - steps[place + 1][1]
        if lost:
            parts.append(_text(middle, top + _GAP / 2 + 4, f"−{lost:,}", "small mid"))
    for place, ((name, count), width) in enumerate(zip(steps, widths, strict=True)):
        top = place * (_BAR + _GAP)
        parts.append(_rect(middle - width / 2, top, width, _BAR, "bar"))
        share = f"{count:,} · {100 * count / max(1, steps[0][1]):.0f} %"
        parts.append(_text(0, top + _BAR / 2 - 3, name, "name"))
        parts.append(_text(0, top + _BAR / 2 + 13, share, "small"))
    return _svg(height, "what is left after each step", parts)


def bar_chart(counts: Mapping[str, int], *, links: Mapping[str, str], title: str) -> str:
    """Draw named counts as bars; a name may lead to a place of the page."""
    most = max([*counts.values(), 1])
    parts, row = [], 34
    for place, (name, count) in enumerate(counts.items()):
        top = place * row
        label = _text(0, top + 11, f"{_short(name, 46)} · {count:,}", "name")
        if name in links:
            label = f'<a href="#{escape(links[name])}">{label}</a>'
        parts.append(label)
        parts.append(_rect(0, top + 16, max(2.0, WIDTH * count / most), 9, "bar bad"))
    return _svg(max(1, len(counts)) * row, title, parts)


def length_charts(before: Sequence[int], after: Sequence[int]) -> str:
    """Draw two histograms over one axis, one below the other, with their medians."""
    longest = max([*before, *after, 1])
    width = _bin_width(longest)
    num_bins = longest // width + 1
    parts = []
    panel, space = 74, 26
    for place, (name, values) in enumerate((("before", before), ("after", after))):
        counts = [0] * num_bins
        for value in values:
            counts[value // width] += 1
        floor = space + place * (panel + space) + panel
        most = max([*counts, 1])
        for index, count in enumerate(counts):
            tall = panel * count / most
            step = WIDTH / num_bins
            if count:
                kind = "bar pale" if place == 0 else "bar"
                parts.append(_rect(index * step + 0.5, floor - tall, step - 1, tall, kind))
        middle = sorted(values)[len(values) // 2] if values else None
        told = f"{name}: {len(values):,} texts" + ("" if middle is None else f", median {middle}")
        parts.append(_text(0, floor - panel - 8, told, "name"))
        parts.append(f'<line class="axis" x1="0" x2="{WIDTH}" y1="{floor}" y2="{floor}"/>')
        if middle is not None:
            x = WIDTH * (middle + 0.5) / (num_bins * width)
            parts.append(
                f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{floor - panel}" y2="{floor}"/>'
            )
    floor = 2 * (panel + space)
    ticks = range(0, num_bins * width, width * math.ceil(num_bins / 6))
    for value in ticks:
        x = WIDTH * value / (num_bins * width)
        if x > WIDTH - 15:  # It would stand out of the page.
            break
        parts.append(_text(x, floor + 14, str(value), "small" if value == 0 else "small mid"))
    return _svg(floor + 20, "lengths before and after", parts)


def _bin_width(longest: int) -> int:
    """Return the smallest round width with which the bins are not too many."""
    for power in range(10):
        for step in (1, 2, 5):
            if longest // (step * 10**power) < _MOST_BINS:
                return step * 10**power
    return longest


def _svg(height: float, title: str, parts: Sequence[str]) -> str:
    inside = "\n".join(parts)
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"\n{inside}\n</svg>"
    )


def _rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" rx="2"/>'
    )


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
