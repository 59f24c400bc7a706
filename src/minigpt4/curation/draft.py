"""A draft: a picture's description on its way into the data of stage 2, with all its history.

    planned ─► described ─► repaired ─► ruled ─► accepted or rejected

Nothing is overwritten: the raw answer, its continuation, the repair and each verdict stay side by
side, so that any text of the finished data can be traced to what was said, by whom and when.

Paper: §3.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Decision = Literal["accept", "reject", "edit", "flag"]
"""What a judge says. "edit": accepted with another text. "flag": shown to a person, decides not."""

Outcome = Literal["accept", "reject", "open"]
Stage = Literal["faulty", "planned", "described", "repaired", "ruled"]

PERSON, RULE, CHECKER, TRUTH = "person:", "rule:", "checker:", "truth"
"""How the names of judges begin; "truth" is a whole name: the drawn world's own truth."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one judge said about a draft, and when."""

    decision: Decision
    reason: str
    """In words; empty where there is nothing to say, as for most that are accepted."""
    judge: str
    """"person:anna", "rule:apology", "truth" or "checker:NAME"."""
    at: str
    """ISO 8601, UTC."""
    text: str | None = None
    """For "edit" the text that takes the place of the draft's; for a person's "accept" the text
    that was shown, which nothing changes later (None in folders of earlier versions)."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Everything that is known of one picture's description."""

    number: int
    """Place in the order of the curation, from 0."""
    key: str
    """Name of the picture in its source."""
    picture: str
    """File name inside `DIR/pictures`; "" for a picture that could not be read."""
    picture_sha256: str = ""
    origin: str = ""
    """Where the picture came from: its path, or shard and member."""
    truth: dict[str, Any] | None = None
    """The world's truth of a drawn picture (`Scene.truth`); None for other pictures."""
    fault: str = ""
    """Why this picture can't be described; empty for almost all."""
    raw: str | None = None
    """The first answer; None before the picture is described."""
    continuation: str = ""
    """The answer to the Continue turn; empty if the first was long enough."""
    num_raw_tokens: int = 0
    num_continuation_tokens: int = 0
    model_fingerprint: str = ""
    """Of the stage-1 model that described."""
    prompt_hash: str = ""
    """Of all that decides the answers besides model and picture: prompts, lengths, decoding."""
    seed: int | None = None
    """Start of the chance of this picture's answers; None if they are greedy."""
    described_at: str = ""
    repaired: str | None = None
    """The repairing LLM's reply as it came; None before, or where nothing was to be repaired."""
    repair_model: str = ""
    """Name of the repairing LLM; "" before, "none" if the curation goes without."""
    repaired_at: str = ""
    ruled_with: str = ""
    """Fingerprint of the rules that have looked at the draft; "" before."""
    verdicts: tuple[Verdict, ...] = ()
    """In the order they were given; what was taken back is not among them."""

    @property
    def joined(self) -> str:
        """Both answers, joined by one space as the authors did. Paper: §3.2."""
        return f"{self.raw or ''} {self.continuation}".strip()

    @property
    def unedited(self) -> str:
        """The text before any judge changed it."""
        return self.joined if self.repaired is None else self.repaired

    @property
    def text(self) -> str:
        """The text as it would be exported: a person's edit, a rule's, the repair or the answers.

        A person's edit wins over what a person accepted, and that over what rules and truth made of
        the draft later; among equals the last one counts.
        """
        made, accepted, edited = self.unedited, None, None
        for verdict in self.verdicts:
            by_person = is_person(verdict.judge)
            if verdict.decision == "edit" and by_person:
                edited = verdict.text or ""
            elif verdict.decision == "edit":
                made = verdict.text or ""
            elif verdict.decision == "accept" and by_person:
                accepted = made if verdict.text is None else verdict.text
        return next(text for text in (edited, accepted, made) if text is not None)

    @property
    def stage(self) -> Stage:
        """How far the draft has come."""
        if self.fault:
            return "faulty"
        if self.raw is None:
            return "planned"
        if not self.repair_model:
            return "described"
        return "ruled" if self.ruled_with else "repaired"

    @property
    def outcome(self) -> Outcome:
        """What has been decided: by people if one has judged, else by rules and truth.

        Each person's last verdict counts; one rejection is enough.
        """
        if self.fault:
            return "reject"
        last = {verdict.judge: verdict.decision for verdict in self.verdicts}
        people = {said for judge, said in last.items() if is_person(judge)} - {"flag"}
        if people:
            return "reject" if "reject" in people else "accept"
        if "reject" in {verdict.decision for verdict in self.verdicts}:
            return "reject"
        return "accept" if last.get(TRUTH) in ("accept", "edit") else "open"

    @property
    def judged_by_people(self) -> bool:
        """Whether a person's verdict stands; flags decide nothing."""
        return any(is_person(said.judge) and said.decision != "flag" for said in self.verdicts)

    @property
    def rejected_because(self) -> Verdict | None:
        """The verdict that rejects the draft: a person's last one, else the first of all."""
        if self.outcome != "reject":
            return None
        rejections = [verdict for verdict in self.verdicts if verdict.decision == "reject"]
        people = [verdict for verdict in rejections if is_person(verdict.judge)]
        return people[-1] if people else (rejections[0] if rejections else None)

    @property
    def flags(self) -> tuple[Verdict, ...]:
        """What a person should look at."""
        return tuple(verdict for verdict in self.verdicts if verdict.decision == "flag")


def is_person(judge: str) -> bool:
    """Say whether a judge is a person."""
    return judge.startswith(PERSON)


def utc_now() -> str:
    """Return the time as verdicts carry it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
