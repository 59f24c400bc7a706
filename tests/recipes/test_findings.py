from __future__ import annotations

from dataclasses import replace

import pytest

from minigpt4.evaluation.score import Score, share_score
from minigpt4.recipes.findings import compare, conclude, decide, difference, without_guess


def share(hits: int, count: int = 100) -> Score:
    found = share_score(hits, count)
    assert found is not None
    return found


def test_a_difference_has_newcombes_interval() -> None:
    # Newcombe (1998), method 10, his example (a): 56/70 against 48/80.
    found = difference(share(56, 70), share(48, 80))
    assert found.value == pytest.approx(0.2)
    assert found.interval == pytest.approx((0.0524, 0.3339), abs=5e-4)


@pytest.mark.parametrize(
    ("first", "second", "expected", "outcome"),
    [
        (80, 20, "more", "shown"),
        (20, 80, "more", "refuted"),
        (52, 50, "more", "not shown"),
        (20, 80, "less", "shown"),
        (80, 20, "less", "refuted"),
        (60, 40, "no worse", "shown"),
        (20, 80, "no worse", "refuted"),
        (50, 50, "no worse", "not shown"),  # the interval reaches below five points
    ],
)
def test_the_interval_decides(first: int, second: int, expected: str, outcome: str) -> None:
    (comparison,) = compare("x", share(first), share(second), expected)  # type: ignore[arg-type]
    assert comparison.outcome == outcome


def test_one_refutation_refutes_and_all_must_show() -> None:
    def outcomes(*pairs: tuple[int, int]) -> str:
        return conclude([c for a, b in pairs for c in compare("x", share(a), share(b), "more")])

    assert outcomes((80, 20), (90, 10)) == "shown"
    assert outcomes((80, 20), (50, 50)) == "not shown"
    assert outcomes((80, 20), (50, 50), (10, 90)) == "refuted"


def test_without_its_rows_a_finding_was_not_run() -> None:
    assert compare("x", None, share(3), "more") == []
    half = compare("x", share(90), share(3), "more")
    assert decide(1, "s", [], {}).outcome == "not run"
    assert decide(1, "s", half, {"shown": "r"}, needed=2).outcome == "not run"
    assert decide(1, "s", half, {"shown": "r"}).reason == "r"


def test_what_is_not_shown_says_what_could_have_been_seen() -> None:
    finding = decide(1, "s", compare("ours", share(50), share(50), "more"), {"not shown": "Why."})
    assert finding.reason.startswith("Why. With 100 counted, a difference below 14 points")


def test_answers_that_cannot_be_read_decide_nothing() -> None:
    unread = replace(share(1), unparsable=0.99)
    found = compare("places", unread, share(60), "less")
    assert found[0].outcome == "not shown"
    finding = decide(8, "s", found, {"shown": "Why.", "not shown": "No."})
    assert finding.reason.startswith("99 % of the answers (places) could not be read")
    assert without_guess(finding).reason == finding.reason
    few = compare("places", replace(share(1), unparsable=0.4), share(60), "less")
    assert few[0].outcome == "shown"
