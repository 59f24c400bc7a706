"""Drafts out to Label Studio and decisions back, in its JSON format of tasks.

Who has Label Studio running already reviews there. Out go the drafts that still want a person,
with the repaired text to be edited in place; in come choice, text and reason of each annotation,
and they are recorded exactly like decisions of our own page. An export may be read again and
again: an annotation is known by its number and the time of its last change.

The format: https://labelstud.io/guide/task_format
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigpt4.curation.review.desk import Desk
from minigpt4.curation.review.drafts import REASONS, DraftPile, text_for_review
from minigpt4.curation.review.form import Judgement
from minigpt4.curation.store import DraftStore
from minigpt4.data.pictures import encoded_picture
from minigpt4.errors import CurationError

SETUP_NAME = "label_studio_setup.xml"
_MIME = {"jpg": "jpeg", "jpe": "jpeg", "jfif": "jpeg", "tif": "tiff"}
_SETUP = """\
<View style="display: flex; gap: 1em">
  <View style="flex: 55%"><Image name="image" value="$image"/></View>
  <View style="flex: 45%">
    <Header value="Does the text describe this picture, truly and well?"/>
    <TextArea name="text" toName="image" value="$text" rows="8" editable="true"
      maxSubmissions="1"/>
    <Choices name="decision" toName="image" choice="single" required="true" showInline="true">
      <Choice value="accept" hotkey="a"/>
      <Choice value="reject" hotkey="r"/>
    </Choices>
    <Choices name="reason" toName="image" choice="single" visibleWhen="choice-selected"
      whenTagName="decision" whenChoiceValue="reject">
{reasons}
    </Choices>
    <Header value="Before the repair"/>
    <Text name="before" value="$before"/>
  </View>
</View>
"""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What came in."""

    num_new: int
    num_known: int
    troubles: tuple[str, ...]
    """What was left out and why, one line for each kind."""


def write_tasks(store: DraftStore, out: Path, *, images: str = "") -> tuple[int, Path]:
    """Write the drafts that want a person as tasks; return their number and the set-up's path.

    `images` is put before the pictures' file names; without it each task carries its picture.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    setup = out.parent / SETUP_NAME
    reasons = "\n".join(f'      <Choice value="{reason}"/>' for reason in REASONS)
    _write(setup, _SETUP.format(reasons=reasons))
    tasks = list(_tasks(store, images))
    _write(out, json.dumps(tasks, ensure_ascii=False, indent=1))
    return len(tasks), setup


def read_annotations(store: DraftStore, path: Path) -> Taken:
    """Record the decisions of an export.

    Raises:
        CurationError: if the file isn't an export of tasks in Label Studio's JSON format.
    """
    desk = Desk(DraftPile(store))
    known = _known(store)
    num_new = num_known = 0
    troubles: Counter[str] = Counter()
    for task in _load(path):
        for annotation in task["annotations"]:
            try:
                judgement = _judgement(store, task.get("data", {}), annotation)
                if judgement is None:
                    continue
                if judgement.id in known:
                    num_known += 1
                    continue
                desk.decide(judgement)
            except CurationError as error:
                troubles[str(error)] += 1
                continue
            num_new += 1
            known.add(judgement.id)
    lines = tuple(f"{count} × {what}" for what, count in troubles.most_common())
    return Taken(num_new=num_new, num_known=num_known, troubles=lines)


def _tasks(store: DraftStore, images: str) -> Iterator[dict[str, Any]]:
    pile = DraftPile(store)
    judged = {each.number for each in Desk(pile).judgements()}
    for item in pile.items():
        if item.number in judged:
            continue
        draft = store.load(item.number)
        text = text_for_review(draft)
        if images:
            address = f"{images.rstrip('/')}/{draft.picture}"
        else:
            content, suffix = encoded_picture(store.picture_path(draft))
            kind = _MIME.get(suffix, suffix)
            address = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
        value = {"from_name": "text", "to_name": "image", "type": "textarea",
                 "value": {"text": [text]}}  # fmt: skip
        yield {
            "data": {
                "image": address,
                "text": text,
                "before": draft.joined,
                "number": draft.number,
                "key": draft.key,
            },
            # Without it an annotator would have to submit the text once before changing it.
            "predictions": [{"model_version": draft.repair_model, "result": [value]}],
        }


def _judgement(
    store: DraftStore, data: dict[str, Any], annotation: dict[str, Any]
) -> Judgement | None:
    """Return what an annotation decides; None for one that was skipped."""
    if annotation.get("was_cancelled"):
        return None
    number = data.get("number")
    if not isinstance(number, int):
        raise CurationError("a task without the number of a draft: it was not written by us")
    draft = store.load(number)
    if draft.key != data.get("key"):
        raise CurationError("a task of another curation: number and key don't belong together")
    said = _values(annotation)
    decision, text, reason = (said.get(name, "") for name in ("decision", "text", "reason"))
    # An annotator who left the text alone has accepted the one of the task.
    text = text or str(data.get("text", ""))
    if decision not in ("accept", "reject"):
        raise CurationError("an annotation without the choice `decision`")
    edited = decision == "accept" and text.strip() not in ("", text_for_review(draft).strip())
    changed_at = annotation.get("updated_at") or annotation.get("created_at") or ""
    return Judgement(
        id=f"label-studio {annotation.get('id')} {changed_at}",
        number=number,
        reviewer=_name(annotation.get("completed_by")),
        decision="edit" if edited else decision,
        reason=reason if decision == "reject" else "",
        text=text.strip() if edited else None,
        seconds=float(annotation.get("lead_time") or 0.0),
        at=changed_at,
    )


def _values(annotation: dict[str, Any]) -> dict[str, str]:
    found = {}
    for region in annotation.get("result") or ():
        value = region.get("value", {})
        said = value.get("choices") or value.get("text") or ""
        found[region.get("from_name", "")] = said if isinstance(said, str) else " ".join(said)
    return found


def _name(completed_by: Any) -> str:
    """Return a person's name: Label Studio exports a number, or a whole user."""
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("email") or completed_by.get("id")
    return f"label-studio {completed_by if completed_by is not None else 'unknown'}"


def _known(store: DraftStore) -> set[str]:
    rows = store.query("SELECT id FROM review_judgements WHERE id LIKE 'label-studio %'")
    return {row[0] for row in rows}


def _load(path: Path) -> list[dict[str, Any]]:
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CurationError(f"{path} is not JSON: {error}") from error
    if not isinstance(tasks, list) or not all(
        isinstance(task, dict) and isinstance(task.get("annotations"), list) for task in tasks
    ):
        raise CurationError(
            f"{path} is not a list of tasks with `annotations`; export as JSON from Label Studio, "
            "not as JSON-MIN or CSV"
        )
    return tasks


def _write(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.partial")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
