"""Troubles are counted all and remembered some."""

from __future__ import annotations

from minigpt4.data.troubles import MAX_PLACES, Troubles, reason_of
from minigpt4.errors import DataError


def test_all_are_counted_and_the_first_places_kept() -> None:
    troubles = Troubles()
    assert not troubles
    for number in range(9):
        troubles.add("no caption", f"line {number}")
    assert troubles
    assert troubles.counts == {"no caption": 9}
    assert troubles.places["no caption"] == [f"line {number}" for number in range(MAX_PLACES)]


def test_parts_are_joined_in_order() -> None:
    first, second = Troubles(), Troubles()
    first.add("empty", "a")
    for place in ("b", "c", "d", "e", "f"):
        second.add("empty", place)
    second.add("broken", "g", count=3)
    first.merge(second)
    assert first.as_json() == {
        "empty": {"count": 6, "first": ["a", "b", "c", "d", "e"]},
        "broken": {"count": 3, "first": ["g"]},
    }
    assert second.places["empty"] == ["b", "c", "d", "e", "f"]


def test_the_reason_stands_before_the_first_colon() -> None:
    assert reason_of(DataError("no caption: a.jsonl, line 3: got 7")) == (
        "no caption",
        "a.jsonl, line 3: got 7",
    )
