"""The data card of an export: what is in it, where it came from, and what it may be used for."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from minigpt4 import __version__
from minigpt4.curation.draft import TRUTH, utc_now
from minigpt4.curation.funnel import Funnel, funnel
from minigpt4.curation.store import DraftStore

if TYPE_CHECKING:
    from minigpt4.curation.export import ExportSettings

_LICENCE = """\
The texts come from a model and, where there was one, from a repairing service and from people; the
pictures keep the rights they had. Before you publish: check the licence of the pictures, of the
describing model's LLM, and the terms of the repairing service (some forbid training models that
compete with it). Drawn pictures and texts of the miniature are free (Apache-2.0)."""

_TRUTH_NOTE = """\
**No person has looked at these texts.** They were accepted and rejected by the drawn world's own
truth (judge "truth"), in the place of the person of the paper."""


def data_card(store: DraftStore, *, settings: ExportSettings, num_written: int) -> str:
    """Return the card as Markdown."""
    counts = funnel(store.drafts())
    began = store.noted("settings", {})
    parts = [
        f"# {num_written} image descriptions",
        f"Curated with minigpt4 {__version__}, exported {utc_now()} as {settings.to}: "
        f"{settings.drafts} drafts, {settings.text} text. `provenance/drafts.jsonl` has the "
        "history of each.",
    ]
    if counts.num_judged_by_truth and not counts.num_judged_by_people:
        parts.append(_TRUTH_NOTE)
    elif settings.drafts != "accepted":
        parts.append("**Not all of these texts were looked at by a person.**")
    parts += [
        "## Funnel",
        _table(("step", "left"), counts.steps),
        "## Why drafts were rejected",
        _table(("judge or rule", "drafts"), counts.reasons.items()) or "None was.",
        *_faults(counts),
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
        ("decoding", "sampled" if describe.get("generation", {}).get("do_sample") else "greedy"),
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


def _table(head: tuple[str, str], rows: Any) -> str:
    body = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"| {head[0]} | {head[1]} |\n|---|---|\n{body}" if body else ""


def _quoted(name: str, text: str | None) -> str:
    if not text:
        return ""
    return f"{name}:\n\n" + textwrap.fill(text, 98, initial_indent="> ", subsequent_indent="> ")
