from __future__ import annotations

import pytest

from minigpt4.curation.review.agreement import agreement, cohens_kappa


def pairs(**counts: int) -> list[tuple[str, str]]:
    return [(name[0], name[1]) for name, count in counts.items() for _ in range(count)]


def test_kappa_of_a_case_worked_by_hand():
    # 20 both yes, 15 both no, 5 yes-no, 10 no-yes of 50: observed 0.7,
    # expected 0.5 * 0.6 + 0.5 * 0.4 = 0.5, so kappa = 0.2 / 0.5.
    found = cohens_kappa(pairs(yy=20, yn=5, ny=10, nn=15))
    assert (found.num_pairs, found.num_agreed, found.observed) == (50, 35, 0.7)
    assert found.kappa == pytest.approx(0.4)
    # Standard error sqrt(0.7 * 0.3 / 50) / 0.5.
    assert found.interval == pytest.approx((0.4 - 0.25404, 0.4 + 0.25404), abs=1e-4)


def test_agreement_by_chance_alone_is_zero_and_worse_is_negative():
    assert cohens_kappa(pairs(yy=25, yn=25, ny=25, nn=25)).kappa == pytest.approx(0)
    assert cohens_kappa(pairs(yn=5, ny=5)).kappa == pytest.approx(-1)


def test_three_labels():
    # Observed 3/5; expected (2*2 + 2*1 + 1*2) / 25 = 8/25.
    found = cohens_kappa([("a", "a"), ("a", "b"), ("b", "c"), ("b", "c"), ("c", "a")])
    expected = (2 * 2 + 2 * 1 + 1 * 2) / 25
    assert found.kappa == pytest.approx((1 / 5 - expected) / (1 - expected))


def test_it_is_undefined_without_pairs_and_without_variety():
    assert cohens_kappa([]).kappa is None
    assert cohens_kappa([]).observed is None
    same = cohens_kappa(pairs(yy=8))
    assert same.kappa is None
    assert same.observed == 1.0


def test_several_persons_are_compared_in_pairs_on_what_both_judged():
    judged = [
        (1, "anna", "y"), (1, "ben", "y"), (2, "anna", "n"), (2, "ben", "n"),
        (3, "anna", "y"), (3, "carl", "n"), (4, "anna", "y"),
    ]  # fmt: skip
    found = agreement(judged)
    assert (found.num_pairs, found.num_agreed) == (3, 2)
    # anna and ben: 2 of 2 where chance gives 1/2; anna and carl: 0 of 1 where chance gives 0.
    assert found.kappa == pytest.approx((2 / 3 - 1 / 3) / (1 - 1 / 3))


def test_with_two_persons_the_pooled_value_is_cohens():
    table = pairs(yy=20, yn=5, ny=10, nn=15)
    judged = [
        (number, name, label)
        for number, both in enumerate(table)
        for name, label in zip(("one", "two"), both, strict=True)
    ]
    assert agreement(judged) == cohens_kappa(table)
