from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.review.drawn import build_curation
from curation.review.reviewing import served
from minigpt4.curation.draft import Verdict, utc_now
from minigpt4.curation.review.desk import Desk
from minigpt4.curation.review.drafts import DraftPile
from minigpt4.curation.review.form import Judgement
from minigpt4.curation.store import DraftStore
from minigpt4.errors import CurationError


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DraftStore]:
    build_curation(tmp_path, 6, rejected=1)
    with DraftStore(tmp_path) as opened:
        yield opened


def say(store: DraftStore, number: int, decision: str, judge: str, **values) -> None:
    verdict = Verdict(decision=decision, reason="because", judge=judge, at=utc_now(), **values)
    store.record(number, verdict)


def decide(desk: Desk, number: int, decision: str, *, who: str = "anna", **values) -> str:
    judgement = Judgement(
        id=f"{who} {number} {decision}", number=number, reviewer=who, decision=decision, **values
    )
    desk.decide(judgement)
    return judgement.id


def test_what_a_rule_rejected_is_not_shown(store: DraftStore):
    pile = DraftPile(store)
    assert [item.number for item in pile.items()] == [0, 1, 2, 3, 4]
    store.withdraw_kind(5, "rule:")
    assert [item.number for item in pile.items()] == [0, 1, 2, 3, 4, 5]
    store.update(0, ruled_with="")
    assert [item.number for item in pile.items()] == [1, 2, 3, 4, 5]


def test_what_truth_rejected_is_shown_and_nobody_is_told(store: DraftStore):
    pile = DraftPile(store)
    say(store, 0, "reject", "truth")
    card = pile.card(0)
    assert (card.text, card.notes) == (store.load(0).repaired, ())


def test_the_card_marks_what_the_repair_changed(store: DraftStore):
    card, draft = DraftPile(store).card(0), store.load(0)
    assert card.text == draft.repaired
    assert "".join(each.text for each in card.changes if each.kind != "removed") == draft.repaired
    removed = "".join(each.text for each in card.changes if each.kind != "added")
    assert removed.split() == draft.joined.split()


def test_a_second_person_does_not_see_the_first_ones_edit(store: DraftStore):
    desk = Desk(DraftPile(store, second_share=1.0))
    decide(desk, 0, "edit", text="All new.")
    assert desk.pile.card(0).text == store.load(0).repaired
    assert store.load(0).text == "All new."


def test_what_a_rule_made_of_the_repair_is_judged_instead_of_it(store: DraftStore):
    say(store, 0, "edit", "rule:already_correct", text="The first answers.")
    assert DraftPile(store).card(0).text == "The first answers."


def test_flags_are_shown_once_each(store: DraftStore):
    for _ in range(2):
        say(store, 0, "flag", "checker:clip")
    assert DraftPile(store).card(0).notes == ("clip: because",)


def test_decisions_become_verdicts_of_a_person(store: DraftStore):
    desk = Desk(DraftPile(store))
    decide(desk, 0, "accept")
    decide(desk, 1, "edit", text="Better.")
    decide(desk, 2, "reject", reason="repeats itself")
    assert [store.load(number).outcome for number in (0, 1, 2, 3)] == [
        "accept", "accept", "reject", "open"
    ]  # fmt: skip
    assert store.load(1).text == "Better."
    rejected = store.load(2).rejected_because
    assert rejected is not None
    assert (rejected.judge, rejected.reason) == ("person:anna", "repeats itself")


def test_an_acceptance_keeps_the_text_that_was_shown(store: DraftStore):
    desk, shown = Desk(DraftPile(store)), store.load(0).text
    decide(desk, 0, "accept")
    say(store, 0, "edit", "truth", text="Less.")
    assert store.load(0).verdicts[0].text == shown
    assert store.load(0).text == shown


def test_a_text_that_changed_while_it_was_on_the_page_is_accepted_as_shown(store: DraftStore):
    shown = store.load(0).text
    with served(DraftPile(store)) as server:
        window = {"reviewer": "anna", "tab": "t"}
        assert server.post("/api/state", window)[1]["cards"][0]["text"] == shown
        say(store, 0, "edit", "truth", text="Less.")
        body = {**window, "id": "decided 0", "number": 0, "decision": "accept", "shown": shown}
        assert server.post("/api/decide", body)[0] == 200
    assert store.load(0).text == shown


def test_a_storage_that_fails_is_the_server_s_trouble_and_not_the_decision_s(store: DraftStore):
    with served(DraftPile(store)) as server:
        body = {"reviewer": "anna", "tab": "t", "id": "decided 0", "number": 0}
        store.query("PRAGMA query_only = ON")
        status, said = server.post("/api/decide", {**body, "decision": "accept"})
        assert (status, "can't be written" in said["error"]) == (503, True)
        store.query("PRAGMA query_only = OFF")
        assert server.post("/api/decide", {**body, "decision": "burn"})[0] == 400
        assert server.post("/api/decide", {**body, "decision": "accept"})[0] == 200


def test_undo_withdraws_the_verdict(store: DraftStore):
    desk = Desk(DraftPile(store))
    desk.undo(decide(desk, 2, "reject", reason="wrong"), "anna", "tab")
    assert store.load(2).outcome == "open"
    assert store.load(2).verdicts == ()


def test_the_same_drafts_are_judged_twice_every_time(tmp_path: Path):
    build_curation(tmp_path, 3, rejected=0)
    with DraftStore(tmp_path) as store:
        store.query("SELECT 1")
        first = next(iter(store.drafts()))
        store.add(
            type(first)(**{**vars(first), "number": number, "key": f"more-{number}"})
            for number in range(3, 600)
        )
        twice = [
            {item.number for item in DraftPile(store, second_share=share).items()
             if item.num_wanted == 2}
            for share in (0.1, 0.1, 0.3, 0.0, 1.0)
        ]  # fmt: skip
    assert twice[0] == twice[1] < twice[2]
    assert 35 <= len(twice[0]) <= 85
    assert (len(twice[3]), len(twice[4])) == (0, 600)


def test_a_share_is_a_share(store: DraftStore):
    with pytest.raises(CurationError, match="wanted 0 to 1"):
        DraftPile(store, second_share=1.5)


def test_a_verdict_and_its_claim_are_one_transaction(store: DraftStore, monkeypatch):
    desk = Desk(DraftPile(store))
    desk.hand_out("anna", "tab")

    def fail(*_: object) -> None:
        raise CurationError("the disk is full")

    monkeypatch.setattr(store, "record", fail)
    with pytest.raises(CurationError, match="full"):
        decide(desk, 0, "accept")
    monkeypatch.undo()
    assert desk.hand_out("anna", "tab")[0] == 0
    assert desk.judgements() == []
