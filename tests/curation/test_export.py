"""From accepted drafts to data that stage 2 opens by its path."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from curation.small_run import SETTINGS, FakeModel, draw_pictures, small_steps
from curation.some_drafts import verdict
from minigpt4.config import dump_config
from minigpt4.curation.describe import DescribeSettings
from minigpt4.curation.export import FORMS, ExportSettings, export
from minigpt4.curation.funnel import funnel
from minigpt4.curation.pipeline import run
from minigpt4.curation.store import DraftStore
from minigpt4.data.open_source import open_source
from minigpt4.errors import CurationError, SettingsError
from minigpt4.generation import GenerationSettings


@pytest.fixture
def store(tmp_path):
    """20 drafts: 4 rejected by rules, two accepted, one edited, one rejected by a person."""
    pictures = draw_pictures(tmp_path / "pile", 20)
    with DraftStore(tmp_path / "curation", create=True) as store:
        run(SETTINGS, store, small_steps(FakeModel(), pictures))
        store.note("settings", dump_config(SETTINGS))
        open_numbers = [each.number for each in store.drafts() if each.outcome == "open"]
        store.record(open_numbers[0], verdict("accept"))
        store.record(open_numbers[1], verdict("accept", "person:bo"))
        store.record(open_numbers[2], verdict("edit", text="A wall with the number in red."))
        store.record(open_numbers[3], verdict("reject", reason="untrue: no tree"))
        yield store


@pytest.mark.parametrize("form", FORMS)
def test_every_form_opens_again_with_the_texts_and_pictures(store, tmp_path, form):
    done = export(store, tmp_path / "data", ExportSettings(to=form))
    assert (done.num_written, bool(done.left_out)) == (3, False)
    source = open_source(tmp_path / "data")
    accepted = [each for each in store.drafts() if each.outcome == "accept"]
    examples = [source[index] for index in range(len(source))]
    assert [each.turns[0].answer for each in examples] == [each.text for each in accepted]
    assert "A wall with the number in red." in [each.turns[0].answer for each in examples]
    has_prompt = {each.turns[0].prompt != "" for each in examples}
    assert has_prompt == {form in ("llava", "messages")}


def test_the_history_of_each_example_is_beside_the_data(store, tmp_path):
    export(store, tmp_path / "data", ExportSettings())
    lines = (tmp_path / "data" / "provenance" / "drafts.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["example"] for row in rows] == [0, 1, 2]
    for row in rows:
        draft = store.load(row["number"])
        assert (row["key"], row["raw"], row["text"]) == (draft.key, draft.raw, draft.text)
        assert [each["judge"] for each in row["verdicts"]] == [v.judge for v in draft.verdicts]


def test_the_card_says_what_went_in_and_why_the_rest_did_not(store, tmp_path):
    export(store, tmp_path / "data", ExportSettings())
    card = (tmp_path / "data" / "README.md").read_text()
    for said in (
        "# 3 image descriptions", "| pictures | 20 |", "| accepted | 3 |", "rule:too_short | 4 |",
        "person: untrue | 1 |", "person:anna: 3 drafts", "Say everything you see.",
        "Return directly the results without explanation", "## Licence", "| its fingerprint |",
    ):  # fmt: skip
        assert said in card.replace("\n> ", " ")
    assert "No person has looked" not in card


def test_a_card_of_the_world_s_truth_says_that_no_person_looked(store, tmp_path):
    for number in store.numbers():
        store.withdraw_kind(number, "person:")
        store.record(number, verdict("accept", "truth"))
    export(store, tmp_path / "data", ExportSettings())
    assert "**No person has looked at these texts.**" in (tmp_path / "data/README.md").read_text()


def test_the_card_counts_what_people_and_what_the_truth_alone_accepted(store, tmp_path):
    drawn = DescribeSettings(generation=GenerationSettings(seed=7, temperature=0.8, top_p=0.95))
    store.note("settings", dump_config(replace(SETTINGS, describe=drawn)))
    for each in store.drafts():
        if each.outcome == "open":
            store.record(each.number, verdict("accept", "truth"))
    done = export(store, tmp_path / "data", ExportSettings())
    card = (tmp_path / "data" / "README.md").read_text()
    assert done.num_written == 15
    assert "| people | 3 |" in card
    assert "| the drawn world's truth alone | 12 |" in card
    assert "**No person has looked at 12 of these 15 texts.**" in card
    assert "| decoding | by chance: seed 7, temperature 0.8, top_p 0.95 |" in card


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        (ExportSettings(drafts="passed"), 15),
        (ExportSettings(drafts="described"), 20),
        (ExportSettings(drafts="described", limit=7), 7),
    ],
)
def test_which_drafts_is_a_setting(store, tmp_path, settings, count):
    assert export(store, tmp_path / "data", settings).num_written == count


def test_raw_texts_are_the_answers_for_comparison(store, tmp_path):
    export(store, tmp_path / "data", ExportSettings(drafts="described", text="raw"))
    source = open_source(tmp_path / "data")
    answers = [source[index].turns[0].answer for index in range(len(source))]
    assert answers == [each.joined for each in store.drafts()]


def test_pictures_that_vanished_are_left_out_and_counted(store, tmp_path):
    accepted = [each for each in store.drafts() if each.outcome == "accept"]
    store.picture_path(accepted[0]).unlink()
    store.picture_path(accepted[1]).write_bytes(b"another")
    done = export(store, tmp_path / "data", ExportSettings())
    assert done.num_written == 1
    assert dict(done.left_out.counts) == {
        "the picture has vanished": 1,
        "the picture is another one now": 1,
    }


def test_nothing_accepted_is_an_error_that_says_what_to_do(store, tmp_path):
    for number in store.numbers():
        store.withdraw_kind(number, "person:")
    with pytest.raises(CurationError, match=r"0 accepted, 16 undecided, 4 rejected.*--drafts"):
        export(store, tmp_path / "data", ExportSettings())
    assert not (tmp_path / "data").exists()


def test_a_folder_with_something_in_it_is_left_alone(store, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.txt").write_text("precious")
    with pytest.raises(SettingsError, match="not empty"):
        export(store, tmp_path / "data", ExportSettings())
    assert (tmp_path / "data" / "mine.txt").read_text() == "precious"


def test_the_funnel_counts_what_the_drafts_say(store):
    counts = funnel(store.drafts())
    assert counts.steps == (
        ("pictures", 20), ("described", 20), ("repaired", 20), ("passed the rules", 16),
        ("accepted", 3),
    )  # fmt: skip
    assert (counts.num_continued, counts.num_changed) == (7, 16)
    assert (counts.num_judged_by_people, counts.num_open, counts.num_rejected) == (4, 12, 5)
    assert counts.reasons == {"rule:too_short": 4, "person: untrue": 1}
    assert counts.words_before is not None
    assert counts.words_before.count == 20
    assert counts.words_after is not None
    assert counts.words_after.count == 15
