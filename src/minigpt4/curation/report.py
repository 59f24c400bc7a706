"""The report of a curation: one HTML page that can be sent around, with nothing beside it.

It shows how many drafts each step left and why the others went, how long the texts were before and
after, what the repair changed word by word, and how far judges agree. Pictures are embedded small.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from minigpt4.curation.draft import TRUTH, Draft, Verdict, is_person
from minigpt4.curation.funnel import Funnel, funnel, reason_name
from minigpt4.curation.review.agreement import Agreement, agreement, cohens_kappa
from minigpt4.curation.review.drafts import KEPT, REJECTED, text_for_review
from minigpt4.curation.review.word_changes import changed_share, find_changes
from minigpt4.curation.store import DraftStore

MOST_COMPARED = 1_000
"""Drafts whose texts are compared word by word, for the median and the examples."""

_GROUPS = {"accept": KEPT, "edit": KEPT, "reject": REJECTED}


@dataclass(frozen=True, kw_only=True)
class JudgeCount:
    """How often one judge said what."""

    judge: str
    num_accepted: int
    num_edited: int
    num_rejected: int
    num_flagged: int


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What the report is written from."""

    funnel: Funnel
    words_before: Sequence[int]
    """Of the joined answers, all that are described."""
    words_after: Sequence[int]
    """Of the texts that are not rejected."""
    changed_median: float | None
    """Of drafts that the repair changed, the median share of changed words."""
    rejected: dict[str, list[Draft]] = field(default_factory=dict)
    """Examples for each reason."""
    repaired: list[Draft] = field(default_factory=list)
    """Examples of what the repair changed, from little to much."""
    edited: list[Draft] = field(default_factory=list)
    """Examples of texts that a person changed."""
    judges: list[JudgeCount] = field(default_factory=list)
    people: Agreement
    """Of people among each other."""
    truth: Agreement
    """Of people with the drawn world's truth."""
    models: dict[str, int] = field(default_factory=dict)
    """Which model described and repaired how many, in words."""
    spent: dict[str, Any] | None = None


def write_report(
    store: DraftStore,
    path: Path,
    *,
    num_examples: int = 4,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the page about a curation as it is now; `report` is told (drafts compared, all)."""
    from minigpt4.curation.report_page import render_page

    findings = gather(store, num_examples=num_examples, report=report)
    page = render_page(findings, store, name=store.folder.resolve().name)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.partial")
    aside.write_text(page, encoding="utf-8")
    aside.replace(path)


def gather(
    store: DraftStore,
    *,
    num_examples: int = 4,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Findings:
    """Count, and choose examples: the same ones every time for the same drafts."""
    drafts = list(store.drafts())
    shares = _changed_shares(drafts, report)
    described = [draft for draft in drafts if not draft.fault and draft.raw is not None]
    rejected: dict[str, list[Draft]] = defaultdict(list)
    for draft in described:
        if draft.outcome == "reject":
            rejected[reason_name(draft)].append(draft)
    by_share = sorted((draft for draft in drafts if draft.number in shares),
                      key=lambda draft: shares[draft.number])  # fmt: skip
    edited = [draft for draft in described if _edit_of_a_person(draft)]
    ruled = [draft for draft in described if draft.stage == "ruled"]
    counts = funnel(drafts)
    return Findings(
        funnel=counts,
        words_before=[len(draft.joined.split()) for draft in described],
        words_after=[len(draft.text.split()) for draft in ruled if draft.outcome != "reject"],
        changed_median=median(shares.values()) if shares else None,
        rejected={
            name: _spread(rejected[name], num_examples)
            for name in sorted(rejected, key=lambda name: (-len(rejected[name]), name))
        },
        repaired=_spread(by_share, num_examples),
        edited=_spread(edited, num_examples),
        judges=_count_judges(drafts),
        people=agreement(
            (draft.number, judge, label)
            for draft in drafts
            for judge, label in _labels(draft).items()
            if is_person(judge)
        ),
        truth=_agreement_with_truth(drafts),
        models=_models(described),
        spent=store.noted("spent"),
    )


def before_and_after(draft: Draft) -> tuple[str, str]:
    """Return the answers as they came, and the text that a person or a rule judged."""
    return draft.joined, text_for_review(draft)


def _changed_shares(
    drafts: Sequence[Draft], report: Callable[[int, int], None]
) -> dict[int, float]:
    """Return how much the repair changed, of as many drafts as can be compared soon."""
    changed = [each for each in drafts if each.repaired not in (None, each.joined)]
    shares = {}
    for draft in _spread(changed, MOST_COMPARED):
        shares[draft.number] = changed_share(find_changes(draft.joined, draft.unedited))
        report(len(shares), min(len(changed), MOST_COMPARED))
    return shares


def _edit_of_a_person(draft: Draft) -> Verdict | None:
    edits = [each for each in draft.verdicts if each.decision == "edit" and is_person(each.judge)]
    return edits[-1] if edits else None


def _spread(drafts: Sequence[Draft], count: int) -> list[Draft]:
    """Return some of them, from the first to the last at equal distances."""
    if len(drafts) <= count:
        return list(drafts)
    if count < 2:
        return list(drafts[:count])
    step = (len(drafts) - 1) / (count - 1)
    return [drafts[round(place * step)] for place in range(count)]


def _labels(draft: Draft) -> dict[str, str]:
    """Return whether each judge who decides, at last, kept or rejected the draft."""
    said = ((each.judge, _GROUPS.get(each.decision)) for each in draft.verdicts)
    return {judge: label for judge, label in said if label is not None}


def _agreement_with_truth(drafts: Sequence[Draft]) -> Agreement:
    pairs = []
    for draft in drafts:
        labels = _labels(draft)
        people = [label for judge, label in labels.items() if is_person(judge)]
        if TRUTH in labels:
            pairs += [(labels[TRUTH], label) for label in people]
    return cohens_kappa(pairs)


def _count_judges(drafts: Sequence[Draft]) -> list[JudgeCount]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for draft in drafts:
        for verdict in draft.verdicts:
            counts[verdict.judge][verdict.decision] += 1
    found = [
        JudgeCount(
            judge=judge,
            num_accepted=said["accept"],
            num_edited=said["edit"],
            num_rejected=said["reject"],
            num_flagged=said["flag"],
        )
        for judge, said in counts.items()
    ]
    return sorted(found, key=lambda each: (not is_person(each.judge), each.judge))


def _models(described: Sequence[Draft]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for draft in described:
        found[f"described by model {draft.model_fingerprint[:12] or 'unknown'}"] += 1
        if draft.repaired is not None:
            found[f"repaired by {draft.repair_model}"] += 1
    return dict(found.most_common())
