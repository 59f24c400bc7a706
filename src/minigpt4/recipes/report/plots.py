"""The report's plots, as SVG inside the page: text stays text, lines stay sharp."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from minigpt4.evaluation.score import Score
from minigpt4.recipes.results import Results
from minigpt4.recipes.table import TableResult
from minigpt4.recipes.table_runs import RunRecord
from minigpt4.recipes.table_settings import FIRST_SEED

_SIZE = (5.6, 3.3)
_STYLE: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "minigpt4", "font.family": "sans-serif",
    "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.alpha": 0.25, "legend.frameon": False, "legend.fontsize": 9,
}  # fmt: skip
_OURS, _OTHER = "#16417c", "#b9822f"


def plots_html(results: Results) -> str:
    """Return all plots that there are numbers for."""
    drawn = [
        _loss_plot(results, stage=1),
        _loss_plot(results, stage=2),
        _alignment_plot(results),
        _failures_plot(results),
        _chair_plot(results),
        *(_bars_plot(results.tables.get(number)) for number in (4, 6)),
    ]
    return f'<div class="plots">{"".join(plot for plot in drawn if plot)}</div>'


def _loss_plot(results: Results, *, stage: int) -> str:
    runs = [
        run
        for run in results.trainings
        if run.seed == FIRST_SEED and run.name.endswith("stage1") == (stage == 1)
    ]
    if not any(_losses(run) for run in runs):
        return ""

    def draw(axes: Any) -> None:
        for run in runs:
            points = _smooth(_losses(run))
            if points:
                axes.plot(*zip(*points, strict=True), linewidth=1.3, label=_run_title(run.name))
        axes.set(xlabel="step", ylabel="training loss (nats a token)")
        _legend(axes)

    return _figure(
        draw,
        f"Loss of stage {stage}, seed {FIRST_SEED}, averaged over five logged points. Stages and "
        "variants learn from different texts, so only curves of the same stage compare.",
    )


def _alignment_plot(results: Results) -> str:
    if not results.alignment:
        return ""
    moments = list(results.alignment)

    def draw(axes: Any) -> None:
        for offset, key, label, color in (
            (-0.18, "shown", "shown the picture", _OURS), (0.18, "told", "told in words", _OTHER),
        ):  # fmt: skip
            scores = [results.alignment[moment][key] for moment in moments]
            _bars(axes, [place + offset for place in range(len(moments))], scores, 0.34,
                  label=label, color=color)  # fmt: skip
        axes.set_xticks(range(len(moments)), moments)
        axes.set(ylabel="loss of a caption token (nats)")
        _legend(axes)

    return _figure(
        draw,
        "Alignment gap: the same frozen LLM, the same captions; the picture through the projection "
        "against the scene in words in its place. The gap is the difference of the bars.",
    )


def _failures_plot(results: Results) -> str:
    table = results.tables.get(3)
    if table is None or not _has_scores(table):
        return ""
    columns = [column.title for column in table.table.columns]

    def draw(axes: Any) -> None:
        for number, (row, cells) in enumerate(zip(table.table.rows, table.cells, strict=True)):
            places = [place + (number - 0.5) * 0.36 for place in range(len(columns))]
            kept = [(p, c.score) for p, c in zip(places, cells, strict=True) if c.score]
            _bars(axes, [p for p, _ in kept], [s for _, s in kept], 0.34, percent=True,
                  label=row.name, color=(_OTHER, _OURS)[number])  # fmt: skip
        axes.set_xticks(range(len(columns)), columns)
        axes.set(ylabel="failed generations (%)", ylim=(0, None))
        _legend(axes)

    return _figure(draw, "Failed generations before and after stage 2 (Table 3), ours.")


def _chair_plot(results: Results) -> str:
    table = results.tables.get(5)
    if table is None or not _has_scores(table):
        return ""

    def draw(axes: Any) -> None:
        for row, cells in zip(table.table.rows, table.cells, strict=True):
            chair, words = cells[0].score, cells[1].score
            if chair is None or words is None:
                continue
            axes.errorbar(
                words.value, 100 * chair.value, fmt="o", capsize=3,
                xerr=[[words.value - words.interval[0]], [words.interval[1] - words.value]],
                yerr=[[100 * (chair.value - chair.interval[0])],
                      [100 * (chair.interval[1] - chair.value)]],
                label=row.name,
            )  # fmt: skip
        axes.set(xlabel="words of an answer", ylabel="CHAIR_i (%)", ylim=(0, None), xlim=(0, None))
        _legend(axes)

    return _figure(draw, "Made-up objects against length (Table 5), ours.")


def _bars_plot(table: TableResult | None) -> str:
    if table is None or not _has_scores(table):
        return ""
    rows = [row.name for row in table.table.rows]

    def draw(axes: Any) -> None:
        columns = table.table.columns
        for number, column in enumerate(columns):
            kept = [
                (place + (0.5 - number) * 0.36, cells[number].score)
                for place, cells in enumerate(table.cells)
                if cells[number].score
            ]
            for place, score in kept:
                assert score is not None
                axes.barh(place, 100 * score.value, 0.34, color=(_OURS, _OTHER)[number % 2],
                          xerr=_errors([score], 100), error_kw={"capsize": 3, "linewidth": 1},
                          label=column.title if place == kept[0][0] else None)  # fmt: skip
        axes.set_yticks(range(len(rows)), [_wrapped(row) for row in rows])
        axes.invert_yaxis()
        axes.set(xlabel="accuracy (%), with 95 % interval", xlim=(0, 100))
        _legend(axes)

    number = table.table.number
    return _figure(draw, f"Table {number}, ours: {table.table.title.lower()}.")


def _bars(
    axes: Any,
    places: Sequence[float],
    scores: Sequence[Score],
    width: float,
    *,
    percent: bool = False,
    **style: Any,
) -> None:
    scale = 100 if percent else 1
    heights = [scale * score.value for score in scores]
    lines = {"capsize": 3, "linewidth": 1}
    axes.bar(places, heights, width, yerr=_errors(scores, scale), error_kw=lines, **style)


def _errors(scores: Sequence[Score], scale: float) -> list[list[float]]:
    return [
        [scale * max(0.0, score.value - score.interval[0]) for score in scores],
        [scale * max(0.0, score.interval[1] - score.value) for score in scores],
    ]


def _legend(axes: Any) -> None:
    """Put the legend above the plot, where it covers nothing."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, columnspacing=1.0)


def _figure(draw: Callable[[Any], None], caption: str) -> str:
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        draw(figure.add_subplot())
        file = io.StringIO()
        FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    return (
        f'<figure class="plot" role="img" aria-label="{escape(caption)}">{svg}'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _losses(run: RunRecord) -> list[tuple[float, float]]:
    return [(line["step"], line["loss"]) for line in run.lines if "loss" in line]


def _smooth(points: Sequence[tuple[float, float]], size: int = 5) -> list[tuple[float, float]]:
    return [
        (step, sum(loss for _, loss in points[max(0, i - size + 1) : i + 1]) / min(size, i + 1))
        for i, (step, _) in enumerate(points)
    ]


def _run_title(name: str) -> str:
    stage = {"stage1": "MiniGPT-4", "stage2": "MiniGPT-4"}
    title = stage.get(name) or name.removesuffix("_stage1").removesuffix("_stage2")
    named = {
        "blip2_ft": "BLIP-2 FT", "lora": "LoRA", "locna": "LocNa", "no_qformer": "no Q-Former",
        "qformer_trained": "Q-Former trained",
    }  # fmt: skip
    return named.get(title, title.replace("_", " "))


def _wrapped(text: str, width: int = 22) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))


def _has_scores(table: TableResult) -> bool:
    return any(cell.score is not None for cells in table.cells for cell in cells)
