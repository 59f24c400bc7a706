"""Tables of scores name everything that was scored."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from minigpt4.cli.world_tables import LABELS, score_tables
from minigpt4.evaluation.score import share_score
from minigpt4.evaluation.world_questions import ABILITY_KINDS
from minigpt4.evaluation.world_score import ScoreSettings, WorldScore

SHARES = {"objects_recalled": share_score(95, 100), "answers_complete": share_score(49, 50)}


@pytest.fixture
def result() -> WorldScore:
    passed = {name: share_score(20, 25) for name in ("passed", "fulfilled", "true")}
    return WorldScore(
        settings=ScoreSettings(),
        descriptions=SHARES,
        by_kind={"dish": SHARES},
        alignment={"alignment_gap": share_score(3, 100)},
        abilities=dict.fromkeys(ABILITY_KINDS, passed),
        composed=share_score(80, 100),
        model={},
        versions={},
        answers=(),
    )


def show(result: WorldScore) -> str:
    written = io.StringIO()
    console = Console(file=written, width=120)
    for table in score_tables(result, title="a model"):
        console.print(table)
    return written.getvalue()


def test_values_stand_beside_their_names_with_interval_and_count(result):
    line = next(line for line in show(result).splitlines() if "objects named" in line)
    assert [cell.strip() for cell in line.split("│")[2:-1]] == ["0.950", "0.888 to 0.978", "100"]


def test_abilities_are_counted_and_added_up(result):
    text = show(result)
    assert all(LABELS[ability] in text for ability in ABILITY_KINDS)
    assert text.count("20/25") == 3 * len(ABILITY_KINDS)
    assert "80/100" in text


def test_what_does_not_apply_to_a_kind_is_a_dash(result):
    line = next(line for line in show(result).splitlines() if "dish " in line)
    assert "0.950" in line
    assert "-" in line
