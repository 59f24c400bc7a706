"""Drafts and verdicts for tests."""

from __future__ import annotations

from typing import Any

from minigpt4.curation.draft import Decision, Draft, Verdict

GOOD = (
    "The image shows a red car on the road. On the left side there is a tall tree, and a small "
    "bird sits on the roof of the house."
)


def draft(number: int = 0, **changes: Any) -> Draft:
    values: dict[str, Any] = {
        "number": number,
        "key": f"picture-{number}",
        "picture": f"{number:06d}.png",
        "raw": GOOD,
        "repaired": GOOD,
        "repair_model": "m",
        "ruled_with": "rules",
    }
    return Draft(**(values | changes))


def verdict(
    decision: Decision, judge: str = "person:anna", text: str | None = None, reason: str = ""
) -> Verdict:
    return Verdict(
        decision=decision, reason=reason, judge=judge, at="2026-01-01T00:00:00+00:00", text=text
    )
