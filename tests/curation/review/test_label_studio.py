from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from curation.review.drawn import build_curation
from minigpt4.curation.draft import Verdict, utc_now
from minigpt4.curation.review.desk import Desk
from minigpt4.curation.review.drafts import REASONS, DraftPile
from minigpt4.curation.review.form import Judgement
from minigpt4.curation.review.label_studio import read_annotations, write_tasks
from minigpt4.curation.store import DraftStore
from minigpt4.errors import CurationError


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DraftStore]:
    build_curation(tmp_path / "curation", 5, rejected=1)
    with DraftStore(tmp_path / "curation") as opened:
        yield opened


def annotation(number: int, decision: str, *, text: str | None = None, **values: Any) -> dict:
    """Return an annotation as Label Studio exports it."""
    result = [
        {"from_name": "decision", "to_name": "image", "type": "choices",
         "value": {"choices": [decision]}, "origin": "manual"},
    ]  # fmt: skip
    if text is not None:
        result.append({"from_name": "text", "to_name": "image", "type": "textarea",
                       "value": {"text": [text]}})  # fmt: skip
    if "reason" in values:
        result.append({"from_name": "reason", "to_name": "image", "type": "choices",
                       "value": {"choices": [values.pop("reason")]}})  # fmt: skip
    return {
        "id": 1000 + number, "result": result, "was_cancelled": False, "lead_time": 4.5,
        "completed_by": 3, "updated_at": "2026-01-02T03:04:05.000000Z", **values,
    }  # fmt: skip


def exported(path: Path, tasks: Path, annotations: dict[int, dict]) -> Path:
    """Return the tasks with annotations, as an export has them."""
    written = json.loads(tasks.read_text())
    for task in written:
        said = annotations.get(task["data"]["number"])
        task["annotations"] = [said] if said else []
    path.write_text(json.dumps(written))
    return path


def test_tasks_hold_picture_text_and_an_editable_prediction(store: DraftStore, tmp_path: Path):
    num_written, setup = write_tasks(store, tmp_path / "out" / "tasks.json")
    tasks = json.loads((tmp_path / "out" / "tasks.json").read_text())
    assert num_written == len(tasks) == 4, "the one that a rule rejected stays here"
    data, draft = tasks[0]["data"], store.load(0)
    assert (data["text"], data["before"], data["key"]) == (draft.repaired, draft.joined, draft.key)
    kind, _, content = data["image"].partition(",")
    assert kind == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(content))).size == (128, 128)
    region = tasks[0]["predictions"][0]["result"][0]
    names = {each.get("name"): each for each in ElementTree.parse(setup).getroot().iter()}
    assert names[region["from_name"]].tag == "TextArea"
    assert region["value"] == {"text": [draft.repaired]}
    reasons = [each.get("value") for each in names["reason"]]
    assert reasons == list(REASONS)


def test_pictures_may_stay_where_they_are_served(store: DraftStore, tmp_path: Path):
    write_tasks(store, tmp_path / "tasks.json", images="/data/local-files/?d=pictures/")
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert tasks[1]["data"]["image"] == "/data/local-files/?d=pictures/000001.png"


def test_decisions_come_in_like_our_own(store: DraftStore, tmp_path: Path):
    write_tasks(store, tmp_path / "tasks.json")
    same = store.load(0).repaired
    export = exported(tmp_path / "export.json", tmp_path / "tasks.json", {
        0: annotation(0, "accept", text=same),
        1: annotation(1, "accept", text="Better. ", completed_by={"id": 7, "email": "a@b.org"}),
        2: annotation(2, "reject", reason=REASONS[0]),
        3: annotation(3, "accept", was_cancelled=True),
    })  # fmt: skip
    taken = read_annotations(store, export)
    assert (taken.num_new, taken.num_known, taken.troubles) == (3, 0, ())
    verdicts = [store.load(number).verdicts for number in range(4)]
    assert [said[0].decision for said in verdicts[:3]] == ["accept", "edit", "reject"]
    assert verdicts[0][0].judge == "person:label-studio 3"
    assert verdicts[0][0].at == "2026-01-02T03:04:05.000000Z"
    assert (verdicts[1][0].judge, verdicts[1][0].text) == ("person:label-studio a@b.org", "Better.")
    assert verdicts[2][0].reason == REASONS[0]
    assert verdicts[3] == ()
    assert {each.seconds for each in Desk(DraftPile(store)).judgements()} == {4.5}


def test_reading_again_adds_only_what_has_changed(store: DraftStore, tmp_path: Path):
    write_tasks(store, tmp_path / "tasks.json")
    said = {0: annotation(0, "accept"), 1: annotation(1, "accept")}
    export = exported(tmp_path / "export.json", tmp_path / "tasks.json", said)
    assert read_annotations(store, export).num_new == 2
    said[1] = annotation(1, "reject", updated_at="2026-01-03T00:00:00Z")
    export = exported(tmp_path / "export.json", tmp_path / "tasks.json", said)
    taken = read_annotations(store, export)
    assert (taken.num_new, taken.num_known) == (1, 1)
    assert [store.load(number).outcome for number in (0, 1)] == ["accept", "reject"]
    assert len(store.load(1).verdicts) == 1
    assert read_annotations(store, export).num_new == 0


def test_what_was_judged_here_is_not_sent_there(store: DraftStore, tmp_path: Path):
    desk = Desk(DraftPile(store))
    desk.decide(Judgement(id="ours", number=0, reviewer="anna", decision="accept"))
    num_written, _ = write_tasks(store, tmp_path / "tasks.json")
    assert num_written == 3


def test_the_share_of_a_review_stays_as_it_was(store: DraftStore, tmp_path: Path):
    Desk(DraftPile(store, second_share=1.0))
    write_tasks(store, tmp_path / "tasks.json")
    said = {0: annotation(0, "accept")}
    read_annotations(store, exported(tmp_path / "in.json", tmp_path / "tasks.json", said))
    rows = store.query("SELECT num_wanted FROM review_items ORDER BY number")
    assert [row[0] for row in rows] == [2, 2, 2, 2]


def test_the_text_of_the_task_is_what_was_accepted(store: DraftStore, tmp_path: Path):
    write_tasks(store, tmp_path / "tasks.json")
    seen = store.load(0).text
    cut = Verdict(decision="edit", reason="cut", judge="truth", at=utc_now(), text="Less.")
    store.record(0, cut)
    said = {0: annotation(0, "accept")}
    read_annotations(store, exported(tmp_path / "in.json", tmp_path / "tasks.json", said))
    assert store.load(0).text == seen


def test_foreign_and_broken_tasks_are_left_out_and_named(store: DraftStore, tmp_path: Path):
    tasks = [
        {"data": {"number": 0, "key": "another"}, "annotations": [annotation(0, "accept")]},
        {"data": {"text": "hello"}, "annotations": [annotation(0, "accept")]},
        {"data": {"number": 99, "key": "x"}, "annotations": [annotation(0, "accept")]},
        {"data": {"number": 0, "key": "train-0"}, "annotations": [{"id": 1, "result": []}]},
    ]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    taken = read_annotations(store, tmp_path / "export.json")
    assert taken.num_new == 0
    told = "; ".join(taken.troubles)
    for part in ("another curation", "not written by us", "no draft 99", "without the choice"):
        assert part in told


@pytest.mark.parametrize("text", ["not JSON", '{"a": 1}', '[{"decision": "accept"}]', "\x00"])
def test_other_files_are_refused(store: DraftStore, tmp_path: Path, text: str):
    (tmp_path / "export.json").write_text(text)
    with pytest.raises(CurationError, match=r"is not JSON|export as JSON"):
        read_annotations(store, tmp_path / "export.json")
