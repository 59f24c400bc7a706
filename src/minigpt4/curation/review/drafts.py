"""Drafts on the review page: the person of the paper's curation.

Handed out are the drafts that all rules let pass. What the world's truth may have said of a draft
isn't shown, so that a person judges the picture and not another judge.

Paper: §3.2 ("manually verify the correctness of each image description").
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from minigpt4.curation.draft import PERSON, RULE, Draft, Verdict, is_person
from minigpt4.curation.review.desk import Item
from minigpt4.curation.review.form import Card, Choice, Form, Judgement
from minigpt4.curation.review.word_changes import find_changes
from minigpt4.curation.store import STAGE_CONDITIONS, DraftStore
from minigpt4.errors import CurationError

SECOND_SHARE = 0.1
"""The share of drafts that two persons judge, if nothing else was ever said."""
KEPT, REJECTED = "kept", "rejected"
REASONS = (
    "names what is not there",
    "wrong number, colour or place",
    "misses what matters",
    "repeats itself",
    "broken language",
    "not a description",
    "unusable picture",
)
DRAFT_FORM = Form(
    title="Review descriptions",
    question="Does the text describe this picture, truly and well?",
    guide=(
        "Compare each sentence with the picture. Accept what is true, fluent and complete enough.",
        "Edit where a word or a sentence spoils a good text: take out what repeats or isn't there.",
        "Reject what would need more than that. The reason goes into the statistics.",
    ),
    choices=(
        Choice(decision="accept", label="Accept", key="a", tone="good", group=KEPT),
        Choice(decision="edit", label="Edit", key="e", group=KEPT, edits=True),
        Choice(
            decision="reject", label="Reject", key="r", tone="bad", group=REJECTED, reasons=REASONS
        ),
    ),
    noun="draft",
)


class DraftPile:
    """The drafts of a folder that a person shall look at."""

    def __init__(self, store: DraftStore, *, second_share: float | None = None) -> None:
        """Take the drafts of a store; a share of them wants two persons.

        Args:
            second_share: 0 to 1, and kept with the drafts; None: what was kept last.

        Raises:
            CurationError: for a share outside 0 to 1.
        """
        kept = store.noted("second_share")
        if second_share is None:
            second_share = SECOND_SHARE if kept is None else float(kept)
        elif not 0 <= second_share <= 1:
            raise CurationError(f"the share judged twice is {second_share}; wanted 0 to 1")
        elif second_share != kept:
            store.note("second_share", second_share)
        self.form = DRAFT_FORM
        self._store, self._second_share = store, second_share

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """Give the store's database: a verdict and its claim's end are one transaction."""
        return self._store.transaction()

    def items(self) -> Iterator[Item]:
        """Return the drafts that no rule rejects, in the order of the curation."""
        rows = self._store.query(
            f"SELECT number, key FROM drafts WHERE {STAGE_CONDITIONS['ruled']} AND NOT EXISTS "
            "(SELECT 1 FROM verdicts WHERE verdicts.number = drafts.number AND decision = 'reject' "
            "AND withdrawn_at IS NULL AND substr(judge, 1, ?) = ?)",
            (len(RULE), RULE),
        )
        for number, key in rows:
            # By the name, so that it's the same drafts in every server, today and tomorrow.
            yield Item(number, number, 2 if _chance(key) < self._second_share else 1)

    def card(self, number: int) -> Card:
        """Return a draft as it came from repair and rules, without what persons said."""
        draft = self._store.load(number)
        text = text_for_review(draft)
        return Card(
            number=number,
            text=text,
            changes=find_changes(draft.joined, text),
            notes=tuple(dict.fromkeys(_note(flag) for flag in draft.flags)),
        )

    def picture(self, number: int) -> Path:
        """Return where a draft's picture lies."""
        return self._store.picture_path(self._store.load(number))

    def record(self, judgement: Judgement) -> None:
        """Write the person's verdict; an acceptance with the text that it was given to."""
        choice = self.form.choice(judgement.decision)
        assert choice is not None, "the desk has checked it"
        text = judgement.text
        if choice.decision == "accept":
            text = text_for_review(self._store.load(judgement.number))
        verdict = Verdict(
            decision=choice.decision,  # type: ignore[arg-type]  # the form's are Decisions
            reason=judgement.reason,
            judge=PERSON + judgement.reviewer,
            at=judgement.at,
            text=text,
        )
        self._store.record(judgement.number, verdict)

    def withdraw(self, judgement: Judgement) -> None:
        """Take the person's verdict back."""
        self._store.withdraw_last(judgement.number, PERSON + judgement.reviewer)


def text_for_review(draft: Draft) -> str:
    """Return the text that a person judges: the repair, or what a rule or the truth made of it."""
    edits = [each for each in draft.verdicts if each.decision == "edit"]
    made = [each.text for each in edits if each.text and not is_person(each.judge)]
    return made[-1] if made else draft.unedited


def _note(flag: Verdict) -> str:
    return f"{flag.judge.partition(':')[2] or flag.judge}: {flag.reason}"


def _chance(key: str) -> float:
    """Return a number from 0 to 1 that depends on nothing but the name."""
    digest = hashlib.sha256(f"judged twice: {key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
