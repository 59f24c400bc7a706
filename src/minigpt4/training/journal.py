"""The files of a run's record: `metrics.jsonl`, `timing.jsonl` and `loss.png`.

`metrics.jsonl` holds only what is a function of the settings, so an interrupted and resumed run
writes the same lines as one left alone; how long it took is beside it in `timing.jsonl`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

METRICS, TIMING, PLOT = "metrics.jsonl", "timing.jsonl", "loss.png"


def append_line(path: Path, values: dict[str, Any]) -> None:
    """Append one JSON line and hand it to the operating system at once."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read the whole lines of a metrics file; a last line cut by a kill is left out."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").split("\n")[:-1]:
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines


def cut_lines_after(path: Path, step: int) -> None:
    """Drop the lines after `step`, which a resumed run is about to write again."""
    if not path.is_file():
        return
    kept = [line for line in read_lines(path) if line["step"] <= step]
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
    aside.replace(path)


def flush(out: Path) -> None:
    """Make the disk hold the lines written so far, which a checkpoint is about to rely on."""
    for path in (out / METRICS, out / TIMING):
        if path.exists():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def plot_losses(out: Path) -> None:
    """Draw training and validation losses over the steps to `loss.png`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = read_lines(out / METRICS)
    names = sorted({name for line in lines for name in line if name.endswith("loss")})
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for name in names:
        points = [(line["step"], line[name]) for line in lines if name in line]
        marker = "" if name == "loss" else "o"
        axes.plot(*zip(*points, strict=True), marker=marker, markersize=3, label=name)
    axes.set(xlabel="step", ylabel="loss")
    axes.grid(alpha=0.3)
    if names:
        axes.legend()
    aside = out / f".{os.getpid()}.{PLOT}"
    FigureCanvasAgg(figure).print_png(aside)
    aside.replace(out / PLOT)
