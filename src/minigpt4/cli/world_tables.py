"""The tables that `minigpt4 world score` prints."""

from __future__ import annotations

from rich.table import Table

from minigpt4.evaluation.score import Score
from minigpt4.evaluation.world_score import Scores, WorldScore

LABELS = {
    "objects_recalled": "objects named (kind and colour right)",
    "objects_hallucinated": "named objects that are not there (CHAIR_i)",
    "objects_miscolored": "named objects in a wrong colour",
    "answers_complete": "answers complete",
    "setting_right": "place, time and weather right",
    "place_right": "  place",
    "time_right": "  time",
    "weather_right": "  weather",
    "extra_right": "symptom, poster, dish, page right",
    "relations_false": "answers with a false relation",
    "words": "words an answer",
    "alignment_gap": "alignment gap",
    "loss_shown": "  caption loss, picture shown",
    "loss_told": "  caption loss, scene told",
    "poem": "poem",
    "advertisement": "advertisement",
    "recipe": "recipe",
    "explanation": "explanation of the incongruity",
    "film_facts": "film facts",
    "cure": "plant illness and cure",
    "page": "web page from a mock-up",
    "story": "story",
}
KIND_COLUMNS = {
    "objects_recalled": "recall",
    "objects_hallucinated": "CHAIR_i",
    "answers_complete": "complete",
    "setting_right": "setting",
    "extra_right": "extra",
}


def score_tables(result: WorldScore, *, title: str) -> list[Table]:
    """Lay out the scores: descriptions, abilities, and descriptions by kind of scene."""
    tables = [_score_table(result, title), _kind_table(result.by_kind)]
    if result.abilities:
        tables.insert(1, _ability_table(result))
    return tables


def _score_table(result: WorldScore, title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for name in ("detailed descriptions", "score", "95 % interval", "of"):
        table.add_column(name, justify="left" if name.startswith("d") else "right")
    for name, score in {**result.descriptions, **result.alignment}.items():
        table.add_row(LABELS[name], _number(score), _interval(score), str(score.count))
    return table


def _ability_table(result: WorldScore) -> Table:
    table = Table()
    for name in ("composed, never trained with pictures", "passed", "fulfilled", "true"):
        table.add_column(name, justify="left" if name.startswith("c") else "right")
    for ability, scores in result.abilities.items():
        table.add_row(
            LABELS[ability], *(_hits(scores[name]) for name in ("passed", "fulfilled", "true"))
        )
    if result.composed is not None:
        table.add_section()
        table.add_row("first four together", _hits(result.composed), _interval(result.composed), "")
    return table


def _kind_table(by_kind: dict[str, Scores]) -> Table:
    table = Table()
    table.add_column("descriptions by kind")
    for column in KIND_COLUMNS.values():
        table.add_column(column, justify="right")
    for kind, scores in by_kind.items():
        cells = (_number(scores[name]) if name in scores else "-" for name in KIND_COLUMNS)
        table.add_row(kind, *cells)
    return table


def _number(score: Score) -> str:
    return f"{score.value:.3f}"


def _interval(score: Score) -> str:
    return f"{score.interval[0]:.3f} to {score.interval[1]:.3f}"


def _hits(score: Score) -> str:
    return f"{round(score.value * score.count)}/{score.count}"
