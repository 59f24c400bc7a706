from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from minigpt4.curation.database import Database
from minigpt4.curation.review.desk import AWAY_SECONDS, CLAIM_SECONDS, Desk, Item
from minigpt4.curation.review.drafts import DRAFT_FORM
from minigpt4.curation.review.form import Card, Judgement
from minigpt4.errors import CurationError


class ListedPile:
    """A pile of numbers, which notes what it is told."""

    form = DRAFT_FORM

    def __init__(self, path: Path, wanted: dict[int, int]) -> None:
        self.database, self.wanted = Database(path), wanted
        self.told: list[tuple[str, int]] = []
        self.fails = False

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        return self.database.transaction()

    def items(self) -> list[Item]:
        return [Item(number, number, count) for number, count in self.wanted.items()]

    def card(self, number: int) -> Card:
        return Card(number=number, text="")

    def picture(self, number: int) -> Path:
        return Path(f"{number}.png")

    def record(self, judgement: Judgement) -> None:
        if self.fails:
            raise CurationError("the disk is full")
        self.told.append((judgement.decision, judgement.number))

    def withdraw(self, judgement: Judgement) -> None:
        self.told.append(("withdrawn", judgement.number))


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pile(tmp_path: Path) -> Iterator[ListedPile]:
    made = ListedPile(tmp_path / "pile.sqlite", dict.fromkeys(range(6), 1))
    yield made
    made.database.close()


@pytest.fixture
def desk(pile: ListedPile, clock: Clock) -> Desk:
    return Desk(pile, clock=clock)


def said(number: int, who: str = "anna", decision: str = "accept", **values) -> Judgement:
    values.setdefault("id", f"{who} {number} {decision}")
    return Judgement(number=number, reviewer=who, decision=decision, **values)


def test_nobody_is_given_what_another_holds(desk: Desk):
    assert desk.hand_out("anna", "a") == [0, 1]
    assert desk.hand_out("ben", "b") == [2, 3]
    assert desk.hand_out("anna", "second window") == [4, 5]
    assert desk.hand_out("carl", "c") == []
    assert desk.hand_out("anna", "a") == [0, 1]


def test_many_at_once_through_two_connections_share_nothing(pile: ListedPile, tmp_path: Path):
    pile.wanted = dict.fromkeys(range(60), 1)
    other = ListedPile(tmp_path / "pile.sqlite", pile.wanted)
    desks, taken = [Desk(pile), Desk(other)], []

    def work(place: int) -> None:
        name, desk = f"person {place}", desks[place % 2]
        while numbers := desk.hand_out(name, "tab"):
            taken.append((numbers[0], name))
            desk.decide(said(numbers[0], name))

    threads = [threading.Thread(target=work, args=(place,)) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.database.close()
    assert sorted(number for number, _ in taken) == list(range(60))
    assert len(desks[0].judgements()) == 60


def test_a_silent_window_loses_what_it_held(desk: Desk, clock: Clock):
    desk.hand_out("anna", "a")
    clock.now += CLAIM_SECONDS - 1
    assert desk.hand_out("ben", "b") == [2, 3]
    clock.now += 1
    assert desk.hand_out("carl", "c") == [0, 1]


def test_a_window_that_is_seen_keeps_what_it_holds(desk: Desk, clock: Clock):
    desk.hand_out("anna", "a")
    for _ in range(4):
        clock.now += CLAIM_SECONDS / 2
        desk.seen("anna", "a")
    assert desk.hand_out("ben", "b") == [2, 3]


def test_after_a_crash_the_same_person_goes_on_with_the_same_items(desk: Desk, clock: Clock):
    desk.hand_out("anna", "a")
    clock.now += AWAY_SECONDS
    assert desk.hand_out("anna", "new window") == [0, 1]
    desk.seen("anna", "new window", leaving=True)
    assert desk.hand_out("ben", "b") == [2, 3], "others still wait for her"
    assert desk.hand_out("anna", "third window") == [0, 1]


def test_a_judgement_is_final_and_goes_to_the_pile(desk: Desk, pile: ListedPile):
    desk.hand_out("anna", "a")
    desk.decide(said(0))
    desk.decide(said(1, decision="edit", text="Better."))
    assert pile.told == [("accept", 0), ("edit", 1)]
    assert desk.hand_out("anna", "a") == [2, 3]
    assert [each.at[:19] for each in desk.judgements()] == ["1970-01-12T13:46:40"] * 2


def test_a_repeated_request_changes_nothing(desk: Desk, pile: ListedPile):
    for _ in range(3):
        desk.decide(said(0))
    assert pile.told == [("accept", 0)]


def test_what_the_pile_does_not_take_is_not_kept_either(desk: Desk, pile: ListedPile):
    pile.fails = True
    with pytest.raises(CurationError, match="full"):
        desk.decide(said(0))
    assert desk.judgements() == []
    pile.fails = False
    desk.decide(said(0))
    assert len(desk.judgements()) == 1


def test_a_second_judgement_of_the_same_person_replaces_the_first(desk: Desk, pile: ListedPile):
    desk.decide(said(0))
    desk.decide(said(0, decision="reject", reason="wrong"))
    assert pile.told == [("accept", 0), ("withdrawn", 0), ("reject", 0)]
    assert [each.decision for each in desk.judgements()] == ["reject"]


def test_undo_brings_the_item_back_as_the_first(desk: Desk, pile: ListedPile):
    desk.hand_out("anna", "a")
    desk.decide(said(0, decision="reject", reason="wrong"))
    desk.decide(said(1))
    desk.hand_out("anna", "a")
    for _ in range(2):
        last = desk.last("anna")
        assert last is not None
        for _ in range(2):  # the second time its answer got lost
            desk.undo(last.id, "anna", "a")
    assert pile.told[-2:] == [("withdrawn", 1), ("withdrawn", 0)]
    assert desk.hand_out("anna", "a", count=4) == [0, 1, 2, 3]
    earlier = desk.undone("anna", 0)
    assert earlier is not None
    assert (earlier.decision, earlier.reason) == ("reject", "wrong")
    assert desk.last("anna") is None


def test_nobody_takes_back_what_another_decided(desk: Desk):
    desk.decide(said(0))
    desk.undo("anna 0 accept", "ben", "b")
    assert len(desk.judgements()) == 1


def test_a_share_goes_to_two_persons_and_never_twice_to_one(pile: ListedPile, clock: Clock):
    pile.wanted = {0: 2, 1: 1}
    desk = Desk(pile, clock=clock)
    assert desk.hand_out("anna", "a") == [0, 1]
    assert desk.hand_out("ben", "b") == [0]
    desk.decide(said(0, "ben", "reject"))
    assert desk.hand_out("ben", "b") == []
    assert desk.hand_out("carl", "c") == [], "anna holds it still, and two are enough"
    desk.decide(said(0, "anna"))
    desk.decide(said(1, "anna"))
    progress = desk.progress("anna")
    assert (progress.num_judged, progress.num_awaiting_second) == (2, 0)
    assert desk.agreement().num_pairs == 1
    assert desk.agreement().num_agreed == 0


def test_an_edited_draft_agrees_with_an_accepted_one(pile: ListedPile):
    pile.wanted = {0: 2}
    desk = Desk(pile)
    desk.decide(said(0, "anna"))
    desk.decide(said(0, "ben", "edit", text="Better."))
    assert desk.agreement().num_agreed == 1


def test_a_late_judgement_is_kept_beside_the_other(desk: Desk, clock: Clock):
    desk.hand_out("anna", "a")
    clock.now += CLAIM_SECONDS
    desk.hand_out("ben", "b")
    desk.decide(said(0, "ben"))
    desk.decide(said(0, "anna", "reject"))
    assert [each.reviewer for each in desk.judgements()] == ["ben", "anna"]


def test_a_pile_may_grow_and_shrink(desk: Desk, pile: ListedPile, clock: Clock):
    desk.hand_out("anna", "a", count=6)
    pile.wanted = {5: 1, 6: 1}
    clock.now += 10
    assert desk.hand_out("ben", "b") == [6]
    assert desk.hand_out("anna", "a") == [5]
    assert desk.progress("anna").num_items == 2


def test_progress_and_pace(desk: Desk):
    for number, seconds in enumerate((10.0, 20.0, 90.0)):
        desk.decide(said(number, seconds=seconds))
    desk.decide(said(3, "ben", "reject", seconds=1.0))
    progress = desk.progress("anna")
    assert (progress.num_items, progress.num_judged, progress.num_open_to_you) == (6, 4, 2)
    assert (progress.num_yours, progress.median_seconds) == (3, 20.0)
    assert progress.counts == {"accept": 3, "reject": 1}


@pytest.mark.parametrize(
    ("judgement", "message"),
    [
        (said(0, decision="burn"), "unknown decision 'burn'; known: accept, edit, reject"),
        (said(0, decision="edit"), "edit without any text"),
        (said(0, decision="edit", text="  "), "edit without any text"),
        (said(0, text="Sneaked in."), "only an edit has one"),
        (said(99), "there is no draft 99"),
    ],
)
def test_nonsense_is_refused(desk: Desk, judgement: Judgement, message: str):
    with pytest.raises(CurationError, match=message):
        desk.decide(judgement)
    assert desk.judgements() == []


def test_the_pile_keeps_its_id(desk: Desk, pile: ListedPile):
    assert Desk(pile).id == desk.id


def test_a_damaged_file_says_so(tmp_path: Path):
    path = tmp_path / "pile.sqlite"
    path.write_bytes(b"this is not a database, however long it may be" * 40)
    with pytest.raises(CurationError, match=r"no SQLite database.*put a copy in its place"):
        Database(path)
