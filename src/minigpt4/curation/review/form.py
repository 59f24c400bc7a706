"""What the review page shows and what may be decided: cards, choices, judgements.

The page knows nothing of drafts or questions; it shows a `Card` and offers the `Choice`s of a
`Form`. Whoever has a pile of things to be judged by people describes it with these.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from minigpt4.curation.review.word_changes import Change


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One thing that a person may decide about an item."""

    decision: str
    """The word that is stored, e.g. "reject"."""
    label: str
    """The word on the button."""
    key: str
    """The letter that presses the button."""
    tone: str = "plain"
    """"good", "bad" or "plain": the button's colour."""
    group: str = ""
    """What agreement between persons is counted over: an edited draft is a kept one, too."""
    edits: bool = False
    """The person changes the text before this is decided."""
    reasons: tuple[str, ...] = ()
    """Reasons to choose from, by 1 to 9; another may be typed. Empty: no reason is asked for."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """What is asked about every item of a pile."""

    title: str
    question: str
    """One line above the text: what the person decides."""
    guide: tuple[str, ...] = ()
    """Sentences for the help, about how to decide."""
    choices: tuple[Choice, ...]
    noun: str = "item"
    """What the progress counts, in the singular."""

    def choice(self, decision: str) -> Choice | None:
        """Return the choice of a stored word, or None if there is no such choice."""
        return next((each for each in self.choices if each.decision == decision), None)

    def group(self, decision: str) -> str:
        """Return what a decision counts as when two persons are compared."""
        choice = self.choice(decision)
        return (choice.group if choice else "") or decision


@dataclass(frozen=True, kw_only=True)
class Card:
    """One item as the page shows it. Nothing that would tell more than a blind judge may know."""

    number: int
    request: str = ""
    """What the model was asked; empty where it is the same for all."""
    text: str
    """The text that is judged, and that an edit begins with."""
    changes: tuple[Change, ...] = ()
    """How the text came about, word by word; empty where nothing is marked."""
    notes: tuple[str, ...] = ()
    """Remarks beside the text, e.g. words for which a checker sees no object."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a person decided about an item. `id` is unique, so repeating a request is harmless."""

    id: str
    number: int
    reviewer: str
    decision: str
    reason: str = ""
    text: str | None = None
    """The text as the person changed it; None if it stays."""
    seconds: float = 0.0
    """How long the item was looked at."""
    at: str = ""
    """When it was decided, ISO 8601 in UTC; without it, when the desk is told."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a pile is."""

    num_items: int
    num_judged: int
    """Items that at least one person has judged."""
    num_open_to_you: int
    """Items that this person may still be given."""
    num_awaiting_second: int
    """Items judged once that shall be judged by one more person."""
    counts: dict[str, int] = field(default_factory=dict)
    """Judgements that stand, by decision."""
    num_yours: int = 0
    median_seconds: float | None = None
    """Of this person's last judgements."""


def to_plain(value: Any) -> Any:
    """Return a card, form or the like as JSON values."""
    return asdict(value)
