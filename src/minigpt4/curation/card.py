"""The data card of an export: what is in it, where it came from, and what it may be used for."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minigpt4 import __version__
from minigpt4.curation.draft import TRUTH, Draft, utc_now
from minigpt4.curation.funnel import Funnel, funnel
from minigpt4.curation.store import DraftStore

if TYPE_CHECKING:
    from minigpt4.curation.export import ExportSettings

_LICENCE = """\
The texts come from a model and, where there was one, from a repairing service and from people; the
pictures keep the rights they had. Before you publish: check the licence of the pictures, of the
describing model's LLM, and the terms of the repairing service (some forbid training models that
compete with it). Drawn pictures and texts of the miniature are free (Apache-2.0)."""

_PEOPLE, _TRUTH_ALONE, _NOBODY = "people", "the drawn world's truth alone", "nobody"
_BY_TRUTH = """\
accepted by the drawn world's own truth (judge "truth"), in the place of the person of the paper."""


def data_card(
    store: DraftStore, drafts: Sequence[Draft], *, settings: ExportSettings, num_written: int
) -> str:
    """Return the card as Markdown; `drafts` are those that were exported."""
    counts = funnel(store.drafts())
    began = store.noted("settings", {})
    parts = [
        f"# {num_written} image descriptions",
        f"Curated with minigpt4 {__version__}, exported {utc_now()} as {settings.to}: "
        f"{settings.drafts} drafts, {settings.text} text. `provenance/drafts.jsonl` has the "
        "history of each.",
    ]
    accepted = Counter(map(_accepted_by, drafts))
    parts += [
        *_warnings(accepted, len(drafts)),
        "## Who accepted these texts",
        _table(("by", "texts"), accepted.most_common()),
        "## Funnel",
        _table(("step", "left"), counts.steps),
        "## Why drafts were rejected",
        _table(("judge or rule", "drafts"), counts.reasons.items()) or "None was.",
        *_faults(counts),
        *_not_repaired(store),
        "## Made with",
        _table(("what", "value"), _made_with(store, began)),
        "## Prompts",
        _quoted("Description", began.get("describe", {}).get("prompt")),
        _quoted("Continuation", began.get("describe", {}).get("continue_prompt")),
        _quoted("Repair", began.get("repair", {}).get("instruction")),
        "## Licence",
        _LICENCE,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _accepted_by(draft: Draft) -> str:
    if draft.outcome != "accept":
        return _NOBODY
    return _PEOPLE if draft.judged_by_people else _TRUTH_ALONE


def _warnings(accepted: Counter[str], num: int) -> list[str]:
    """Say what no person vouches for, however many other texts somebody has looked at."""
    by_truth, by_nobody = accepted[_TRUTH_ALONE], accepted[_NOBODY]
    parts = []
    if by_truth and by_truth == num:
        parts.append(f"**No person has looked at these texts.** They were {_BY_TRUTH}")
    elif by_truth:
        parts.append(
            f"**No person has looked at {by_truth} of these {num} texts.** They were {_BY_TRUTH}"
        )
    if by_nobody:
        parts.append(f"**Nobody has accepted {by_nobody} of these {num} texts.**")
    return parts


def _made_with(store: DraftStore, began: dict[str, Any]) -> list[tuple[str, Any]]:
    curation = store.noted("curation", {})
    describe = began.get("describe", {})
    spent = store.noted("spent")
    rows = [
        ("pictures", curation.get("images")),
        ("describing model", curation.get("model")),
        ("its fingerprint", store.noted("model_fingerprint")),
        ("repairing model", curation.get("repair")),
        ("prompt hash", curation.get("prompts")),
        ("seed", curation.get("seed")),
        ("continued up to", f"{describe.get('continue_up_to_tokens')} tokens"),
        ("decoding", _decoding(describe.get("generation", {}))),
        ("repair's decoding", _repair_decoding(store, began)),
        ("rules", ", ".join(began.get("rules", {}).get("rules", ()))),
        ("judges", ", ".join(_judges(store))),
    ]
    session = store.noted("session", {})
    if session.get("judge") == TRUTH:
        terms = ("min_recall", "truth_details", "truth_edits")
        rows.append(("the truth's terms", ", ".join(f"{n} {session[n]}" for n in terms)))
    if spent:
        tokens = f"{spent['num_prompt_tokens']} + {spent['num_completion_tokens']} tokens"
        rows.append(("repair cost", f"{tokens}, {spent['money']:.4f}"))
    return rows


def _decoding(told: dict[str, Any]) -> str:
    """Say how answers were decoded, so that they can be made again."""
    if not told.get("do_sample"):
        return "greedy"
    names = ("seed", "temperature", "top_p")
    return "by chance: " + ", ".join(f"{name} {told.get(name)}" for name in names)


def _repair_decoding(store: DraftStore, began: dict[str, Any]) -> str:
    told, session = began.get("repair", {}), store.noted("session", {})
    if session.get("without_repair"):
        return "none"
    if session.get("service") is None:
        return _decoding(told.get("generation", {}))
    sent = {name: told.get(name) for name in ("temperature", "max_tokens")}
    named = [f"{name} {value}" for name, value in sent.items() if value is not None]
    return ", ".join(named) or "the service's own"


def _judges(store: DraftStore) -> list[str]:
    rows = store.query(
        "SELECT judge, COUNT(DISTINCT number) FROM verdicts WHERE withdrawn_at IS NULL "
        "AND judge NOT LIKE 'rule:%' GROUP BY judge ORDER BY judge"
    )
    named = {TRUTH: "truth (the drawn world's, no person)"}
    return [f"{named.get(row[0], row[0])}: {row[1]} drafts" for row in rows]


def _faults(counts: Funnel) -> list[str]:
    if not counts.faults:
        return []
    return ["## Pictures that could not be used", _table(("reason", "n"), counts.faults.items())]


def _not_repaired(store: DraftStore) -> list[str]:
    reasons = Counter(store.noted("not_repaired", {}).values())
    if not reasons:
        return []
    return ["## Texts that wait for a repair", _table(("reason", "n"), reasons.most_common())]


def _table(head: tuple[str, str], rows: Any) -> str:
    body = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"| {head[0]} | {head[1]} |\n|---|---|\n{body}" if body else ""


def _quoted(name: str, text: str | None) -> str:
    if not text:
        return ""
    return f"{name}:\n\n" + textwrap.fill(text, 98, initial_indent="> ", subsequent_indent="> ")
