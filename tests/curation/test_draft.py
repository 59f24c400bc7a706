"""What a draft says about itself."""

from __future__ import annotations

import pytest

from curation.some_drafts import draft, verdict


def test_answers_are_joined_by_one_space():
    assert draft(raw="A cat.", continuation="A dog.").joined == "A cat. A dog."
    assert draft(raw="A cat.", continuation="").joined == "A cat."


def test_stages_follow_each_other():
    new = {"raw": None, "repaired": None, "repair_model": "", "ruled_with": ""}
    assert draft(**new).stage == "planned"
    assert draft(**new | {"raw": "A cat."}).stage == "described"
    assert draft(**new | {"raw": "A cat.", "repair_model": "none"}).stage == "repaired"
    assert draft().stage == "ruled"
    assert draft(fault="missing picture").stage == "faulty"


def test_what_a_person_accepted_stays_whatever_is_made_later():
    by_rule, by_truth = (verdict("edit", name, text=name) for name in ("rule:a", "truth"))
    seen = verdict("accept", text="Seen.")
    assert draft(repaired="B", verdicts=(by_rule, seen, by_truth)).text == "Seen."
    assert draft(repaired="B", verdicts=(seen, by_truth, verdict("edit", text="D"))).text == "D"
    # Verdicts of earlier versions hold no text: what was there before them was seen.
    assert draft(repaired="B", verdicts=(verdict("accept"), by_truth)).text == "B"
    assert draft(repaired="B", verdicts=(by_rule, verdict("accept"), by_truth)).text == "rule:a"


def test_the_text_is_the_last_one_made():
    assert draft(repaired=None).text == draft().raw
    assert draft(repaired="B").text == "B"
    by_rule = verdict("edit", "rule:already_correct", text="C")
    assert draft(repaired="B", verdicts=(by_rule,)).text == "C"
    assert draft(repaired="B", verdicts=(verdict("edit", text="D"), by_rule)).text == "D"


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ([], "open"),
        ([("flag", "checker:truth")], "open"),
        ([("reject", "rule:apology")], "reject"),
        ([("accept", "truth")], "accept"),
        ([("reject", "truth")], "reject"),
        ([("reject", "rule:apology"), ("accept", "person:anna")], "accept"),
        ([("accept", "truth"), ("reject", "person:anna")], "reject"),
        ([("reject", "person:anna"), ("edit", "person:anna")], "accept"),
        ([("accept", "person:anna"), ("reject", "person:bo")], "reject"),
        ([("flag", "person:anna")], "open"),
    ],
)
def test_people_overrule_machines_and_one_rejection_is_enough(said, outcome):
    verdicts = tuple(verdict(decision, judge) for decision, judge in said)
    assert draft(verdicts=verdicts).outcome == outcome


def test_the_reason_is_that_of_the_judge_who_decides():
    by_rule = verdict("reject", "rule:apology", reason="sorry")
    by_person = verdict("reject", "person:anna", reason="untrue")
    assert draft(verdicts=(by_rule, by_person)).rejected_because == by_person
    assert draft(verdicts=(by_rule,)).rejected_because == by_rule
    assert draft().rejected_because is None
