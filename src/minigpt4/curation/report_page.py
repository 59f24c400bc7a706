"""The report's findings as HTML. Every text is escaped; nothing is loaded from anywhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from html import escape
from pathlib import Path

from PIL import Image

from minigpt4.curation.draft import Draft, utc_now
from minigpt4.curation.report import Findings, before_and_after
from minigpt4.curation.report_charts import bar_chart, funnel_chart, length_charts
from minigpt4.curation.review.agreement import Agreement
from minigpt4.curation.review.word_changes import Change, find_changes
from minigpt4.curation.store import DraftStore
from minigpt4.data.pictures import decode_picture
from minigpt4.errors import DataError

THUMBNAIL_PX = 256
_MARKS = {"removed": "del", "added": "ins"}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def render_page(findings: Findings, store: DraftStore, *, name: str) -> str:
    """Return the whole page; `name` is what the curation is called."""
    css = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
    inside = "\n".join(
        (
            _head(findings, name),
            '<div class="two">',
            _section("From pictures to data", funnel_chart(findings.funnel.steps)),
            _section(
                "Lengths in words", length_charts(findings.words_before, findings.words_after)
            ),
            "</div>",
            _repairs(findings, store),
            _reasons(findings, store),
            _edits(findings, store),
            _judges(findings),
        )
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Curation report: {escape(name)}</title>\n<style>\n{css}</style></head>\n"
        f"<body><main>\n{inside}\n</main></body></html>\n"
    )


def _head(findings: Findings, name: str) -> str:
    counts = findings.funnel
    share = f"{100 * counts.num_accepted / max(1, counts.num_described):.0f} % of those described"
    tiles = (
        ("pictures", counts.num_pictures, f"{counts.num_faulty:,} unusable"),
        ("accepted", counts.num_accepted, share),
        ("rejected", counts.num_rejected, f"for {len(counts.reasons)} reasons"),
        ("still open", counts.num_open, "wait for a person"),
    )
    inside = "".join(
        f"<div><dt>{escape(what)}</dt><dd>{count:,} <small>{escape(note)}</small></dd></div>"
        for what, count, note in tiles
    )
    models = "; ".join(f"{count:,} {what}" for what, count in findings.models.items())
    note = ""
    if counts.num_judged_by_truth and not counts.num_judged_by_people:
        note = (
            "<p><b>No person has looked at these texts.</b> They were judged by the drawn world's "
            "own truth, in the place of a person.</p>"
        )
    return (
        f"<h1>{escape(name)}</h1>\n"
        f'<p class="muted">Curation report, {escape(utc_now()[:16].replace("T", " "))} UTC. '
        f'{escape(models)}{escape(_spent(findings))}</p>\n{note}<dl class="tiles">{inside}</dl>'
    )


def _spent(findings: Findings) -> str:
    spent = findings.spent
    if not spent:
        return ""
    tokens = spent["num_prompt_tokens"] + spent["num_completion_tokens"]
    return f"; {tokens:,} tokens of the repairing service, cost {spent['money']:.2f}"


def _repairs(findings: Findings, store: DraftStore) -> str:
    counts = findings.funnel
    if not counts.num_repaired:
        return ""
    told = f"{counts.num_changed:,} of {counts.num_repaired:,} drafts came back with another text"
    if findings.changed_median is not None:
        share = 100 * findings.changed_median
        told += f"; in half of those more than {share:.0f} % of the words were changed"
    if counts.num_continued:
        told += f". {counts.num_continued:,} answers were continued first"
    told += ". Below, some of them, from the least to the most changed."
    return _section("What the repair changed", f"<p>{told}</p>{_cards(findings.repaired, store)}")


def _reasons(findings: Findings, store: DraftStore) -> str:
    counts = findings.funnel
    links = {name: f"reason-{place}" for place, name in enumerate(findings.rejected)}
    totals = {name: counts.reasons.get(name, 0) for name in findings.rejected}
    parts = []
    if totals:
        parts.append(bar_chart(totals, links=links, title="why drafts are rejected"))
    if counts.faults:
        parts.append("<h3>Pictures that can't be used</h3>")
        parts.append(bar_chart(counts.faults, links={}, title="why pictures can't be used"))
    for name, drafts in findings.rejected.items():
        parts.append(f'<h3 id="{links[name]}">{escape(name)} · {totals[name]:,}</h3>')
        parts.append(_cards(drafts, store))
    return _section("Why drafts were rejected", "\n".join(parts)) if parts else ""


def _edits(findings: Findings, store: DraftStore) -> str:
    if not findings.edited:
        return ""
    cards = [
        _card(draft, store, before=before_and_after(draft)[1], after=draft.text,
              note=", ".join(v.judge for v in draft.verdicts if v.decision == "edit"))
        for draft in findings.edited
    ]  # fmt: skip
    return _section("What people changed", f'<div class="cards">{"".join(cards)}</div>')


def _judges(findings: Findings) -> str:
    if not findings.judges:
        return ""
    rows = "".join(
        f"<tr><td>{escape(each.judge)}</td><td>{each.num_accepted:,}</td>"
        f"<td>{each.num_edited:,}</td><td>{each.num_rejected:,}</td><td>{each.num_flagged:,}</td>"
        "</tr>"
        for each in findings.judges
    )
    table = (
        '<div class="wide"><table><tr><th>judge</th><th>accept</th><th>edit</th>'
        f"<th>reject</th><th>flag</th></tr>{rows}</table></div>"
    )
    agreed = _agreed("People among each other", findings.people)
    agreed += _agreed("People and the drawn world's truth", findings.truth)
    return _section("Who judged", f"{agreed}{table}")


def _agreed(who: str, found: Agreement) -> str:
    if found.observed is None:
        return ""
    told = f"{who} agree on {100 * found.observed:.0f} % of {found.num_pairs:,} pairs"
    if found.kappa is None or found.interval is None:
        told += "; Cohen's kappa is not defined, as all said the same of everything"
    else:
        low, high = found.interval
        told += f"; Cohen's kappa {found.kappa:.2f} (95 %: {low:.2f} to {high:.2f})"
    return f"<p>{told}.</p>"


def _section(title: str, inside: str) -> str:
    return f"<section><h2>{escape(title)}</h2>\n{inside}\n</section>"


def _cards(drafts: Iterable[Draft], store: DraftStore) -> str:
    cards = []
    for draft in drafts:
        before, after = before_and_after(draft)
        rejection = draft.rejected_because
        note = ""
        if rejection is not None:
            note = ": ".join(filter(None, (rejection.judge, rejection.reason)))
        cards.append(_card(draft, store, before=before, after=after, note=note))
    return f'<div class="cards">{"".join(cards)}</div>'


def _card(draft: Draft, store: DraftStore, *, before: str, after: str, note: str) -> str:
    pieces = [_marked(each) for each in find_changes(before, after)]
    caption = f"{draft.number} · {draft.key}" + (f" · {note}" if note else "")
    return (
        f"<figure><div>{_thumbnail(store.picture_path(draft), draft.key)}</div>"
        f"<div><p>{''.join(pieces)}</p><figcaption>{escape(caption)}</figcaption></div></figure>\n"
    )


def _marked(change: Change) -> str:
    """Return a stretch of text in its mark; the white space before it stays outside."""
    word = change.text.lstrip()
    space, word = change.text[: len(change.text) - len(word)], escape(word)
    if change.kind in _MARKS and word:
        word = f"<{_MARKS[change.kind]}>{word}</{_MARKS[change.kind]}>"
    return space + word


def _thumbnail(path: Path, name: str) -> str:
    """Return a small copy of a picture as part of the page."""
    try:
        image = decode_picture(path, where=path.name)
    except DataError as error:
        return f'<div class="missing">{escape(str(error).partition(":")[0])}</div>'
    image = image.convert("RGB")
    image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80)
    content = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="{escape(name)}" loading="lazy" src="data:image/jpeg;base64,{content}">'
