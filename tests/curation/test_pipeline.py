"""The curation as one run: each picture once, whatever happens on the way."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import replace

import pytest

from curation.small_run import SETTINGS, FakeModel, draw_pictures, rows, small_steps
from curation.some_drafts import verdict
from minigpt4.curation import keeping
from minigpt4.curation.pictures import GonePile
from minigpt4.curation.pipeline import run
from minigpt4.curation.ranks import Ranks
from minigpt4.curation.repair import NO_REPAIR
from minigpt4.curation.rules import RuleSettings
from minigpt4.curation.store import DraftStore
from minigpt4.errors import CurationError


@pytest.fixture
def pictures(tmp_path):
    return draw_pictures(tmp_path / "pile", 20)


@pytest.fixture
def store(tmp_path):
    with DraftStore(tmp_path / "out", create=True) as store:
        yield store


def test_every_picture_goes_through_all_steps_once(store, pictures):
    model = FakeModel()
    run(SETTINGS, store, small_steps(model, pictures))
    assert store.counts() == {
        "faulty": 0, "planned": 0, "described": 0, "repaired": 0, "ruled": 20,
    }  # fmt: skip
    assert set(model.num_described.values()) == {1}
    assert {each.key for each in store.drafts()} == {f"{index:03d}.png" for index in range(20)}
    for each in store.drafts():
        assert store.picture_path(each).read_bytes() == (pictures / each.key).read_bytes()
        assert each.repaired == each.joined.replace("we see", "there is")
        assert each.model_fingerprint == "fingerprint"
        assert each.outcome == ("reject" if "We see" in str(each.raw) else "open")


def test_a_second_run_does_nothing(store, pictures):
    run(SETTINGS, store, small_steps(FakeModel(), pictures))
    before, model = rows(store), FakeModel()
    run(SETTINGS, store, small_steps(model, pictures))
    assert rows(store) == before
    assert not model.num_described
    assert not model.num_repaired


def test_the_seed_decides_the_order(tmp_path, pictures):
    orders = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        with DraftStore(tmp_path / name, create=True) as store:
            run(replace(SETTINGS, seed=seed), store, small_steps(FakeModel(), pictures))
            orders.append([each.key for each in store.drafts()])
    assert orders[0] == orders[1] != orders[2]


def test_a_target_ends_the_run_after_the_wave_that_reaches_it(store, pictures):
    settings = replace(SETTINGS, target=7)
    run(settings, store, small_steps(FakeModel(), pictures))
    assert (store.counts()["ruled"], store.counts()["planned"]) == (12, 8)


def test_what_people_reject_is_made_up_for_by_the_next_run(store, pictures):
    settings = replace(SETTINGS, target=7)
    run(settings, store, small_steps(FakeModel(), pictures))
    for number in range(12):
        store.record(number, verdict("reject"))
    run(settings, store, small_steps(FakeModel(), pictures))
    assert store.counts()["planned"] == 0


def test_a_larger_limit_adds_pictures_and_keeps_the_first(store, pictures):
    run(replace(SETTINGS, limit=5), store, small_steps(FakeModel(), pictures))
    first = rows(store)
    run(replace(SETTINGS, limit=15), store, small_steps(FakeModel(), pictures))
    assert len(store) == 15
    assert rows(store)[:5] == first


@pytest.mark.parametrize(
    ("change", "named"),
    [({"seed": 3}, "seed 0, not 3"), ({"model": "other"}, "model 'tiny', not 'other'")],
)
def test_another_curation_does_not_mix_into_the_folder(store, pictures, change, named):
    run(SETTINGS, store, small_steps(FakeModel(), pictures))
    with pytest.raises(CurationError, match=f"was begun with {named}.*another --out"):
        run(replace(SETTINGS, **change), store, small_steps(FakeModel(), pictures))


def test_a_model_of_other_weights_is_noticed(store, pictures):
    run(replace(SETTINGS, limit=5), store, small_steps(FakeModel(), pictures))
    other = FakeModel()
    other.identify = lambda items: ["another" for _ in items]
    with pytest.raises(CurationError, match="fingerprint, now another"):
        run(SETTINGS, store, small_steps(other, pictures))


def test_other_rules_look_at_everything_again_and_nothing_is_asked_again(store, pictures):
    run(SETTINGS, store, small_steps(FakeModel(), pictures))
    model = FakeModel()
    store.record(0, verdict("accept"))
    none = replace(SETTINGS, rules=RuleSettings(rules=()))
    run(none, store, small_steps(model, pictures))
    assert {each.outcome for each in store.drafts()} == {"open", "accept"}
    assert not model.num_described
    run(SETTINGS, store, small_steps(model, pictures))
    assert "reject" in {each.outcome for each in store.drafts()}
    assert store.load(0).outcome == "accept"


def test_judges_look_after_the_rules(store, pictures):
    def judge(draft):
        return verdict("accept" if draft.outcome == "open" else "reject", "truth")

    run(SETTINGS, store, small_steps(FakeModel(), pictures, judges=[judge]))
    outcomes = [each.outcome for each in store.drafts()]
    assert (outcomes.count("accept"), outcomes.count("reject")) == (16, 4)


def test_a_judge_who_comes_later_looks_at_everything(store, pictures):
    run(SETTINGS, store, small_steps(FakeModel(), pictures))
    late = {"judges": [lambda _: verdict("accept", "truth")], "judged_with": "truth"}
    for _ in range(2):
        model = FakeModel()
        run(SETTINGS, store, small_steps(model, pictures, **late))
        assert [each.outcome for each in store.drafts()].count("accept") == 16
        assert not model.num_described
    assert max(len(each.verdicts) for each in store.drafts()) <= 2


def test_other_rules_and_a_target_leave_no_draft_half_way(store, pictures):
    run(SETTINGS, store, small_steps(FakeModel(), pictures))
    store.record(15, verdict("accept"))
    seen = []

    def judge(draft):
        with contextlib.closing(sqlite3.connect(store.path)) as reviewer:
            ruled = "SELECT COUNT(*) FROM drafts WHERE ruled_with <> ''"
            seen.append(reviewer.execute(ruled).fetchone()[0])
        return verdict("accept", "truth")

    other = replace(SETTINGS, target=3, rules=RuleSettings(rules=()))
    run(other, store, small_steps(FakeModel(), pictures, judges=[judge], judged_with="truth"))
    assert set(seen) == {20}
    assert store.counts()["ruled"] == 20
    assert {each.outcome for each in store.drafts()} == {"accept"}


def test_drafts_that_were_stranded_before_their_rules_are_taken_up(store, pictures):
    run(SETTINGS, store, small_steps(FakeModel(), pictures))
    for number in range(10, 20):
        store.update(number, ruled_with="")
    run(replace(SETTINGS, target=3), store, small_steps(FakeModel(), pictures))
    assert store.counts()["ruled"] == 20


def test_truth_and_rules_leave_alone_what_people_have_judged(store, pictures):
    run(SETTINGS, store, small_steps(FakeModel(), pictures))
    [mine, *_] = [each.number for each in store.drafts() if each.outcome == "open"]
    before = store.load(mine).text
    store.record(mine, verdict("accept"))
    late = {"judges": [lambda _: verdict("edit", "truth", text="Less.")], "judged_with": "truth"}
    run(SETTINGS, store, small_steps(FakeModel(), pictures, **late))
    assert store.load(mine).text == before
    assert [each.judge for each in store.load(mine).verdicts] == ["person:anna"]
    assert {each.text for each in store.drafts() if each.outcome == "accept"} == {before, "Less."}
    store.withdraw_last(mine, "person:anna")
    run(SETTINGS, store, small_steps(FakeModel(), pictures, **late))
    assert store.load(mine).text == "Less."


def test_without_repair_the_answers_are_the_text(store, pictures):
    run(SETTINGS, store, small_steps(FakeModel(), pictures, repairer=None))
    draft = store.load(0)
    assert (draft.repair_model, draft.repaired, draft.text) == (NO_REPAIR, None, draft.joined)


def test_pictures_that_vanish_or_are_broken_are_counted_and_the_rest_goes_on(store, pictures):
    steps = small_steps(FakeModel(), pictures)
    (pictures / "003.png").unlink()
    (pictures / "004.png").write_bytes(b"no picture")
    (pictures / "005.png").write_bytes((pictures / "006.png").read_bytes()[:-30])
    run(SETTINGS, store, steps)
    faults = {each.key: each.fault for each in store.drafts() if each.fault}
    assert faults["003.png"].startswith("missing picture: ")
    assert faults["004.png"].startswith("undecodable picture: ")
    assert faults["005.png"].startswith("truncated picture: ")
    assert store.counts()["ruled"] == 17


def test_pictures_that_come_back_are_taken_up_and_until_then_nothing_stops(
    store, pictures, tmp_path
):
    settings = replace(SETTINGS, wave=20, describe=replace(SETTINGS.describe, batch_size=20))
    steps = small_steps(FakeModel(), pictures)
    aside = tmp_path / "aside"
    aside.mkdir()
    for index in range(10):
        (pictures / f"{index:03d}.png").rename(aside / f"{index:03d}.png")
    (pictures / "010.png").write_bytes(b"no picture")
    run(settings, store, steps)
    assert (store.counts()["faulty"], store.counts()["ruled"]) == (11, 9)
    model = FakeModel()
    model.identify = lambda items: pytest.fail("there is nothing to describe")
    gone = {"pile": GonePile("no folder")}
    for again in (replace(steps, ranks=Ranks(model.works)), small_steps(model, pictures, **gone)):
        run(settings, store, again)
        assert store.counts()["faulty"] == 11
    for index in range(10):
        (aside / f"{index:03d}.png").rename(pictures / f"{index:03d}.png")
    run(settings, store, steps)
    [broken] = [each for each in store.drafts() if each.fault]
    assert broken.key == "010.png"
    assert store.counts()["ruled"] == 19


def test_a_name_that_is_not_utf_8_is_a_fault_of_its_picture(store, pictures):
    name = os.path.join(os.fsencode(pictures), b"caf\xe9.png")
    with contextlib.suppress(OSError):  # where such names can't be, nothing is to be shown
        os.rename(pictures / "003.png", name)
        run(SETTINGS, store, small_steps(FakeModel(), pictures))
        [bad] = [each for each in store.drafts() if each.fault]
        assert bad.key == "caf\\udce9.png"
        assert bad.fault.startswith("name is not UTF-8: ")
        assert store.counts()["ruled"] == 19


def test_the_same_picture_twice_is_described_into_the_data_once(store, pictures):
    (pictures / "copy.png").write_bytes((pictures / "007.png").read_bytes())
    run(SETTINGS, store, small_steps(FakeModel(), pictures))
    [twin] = [each for each in store.drafts() if each.fault]
    assert twin.key in ("copy.png", "007.png")
    assert twin.fault.startswith("same picture as number ")


def test_a_source_that_is_gone_is_no_fault_of_the_pictures(store, pictures):
    settings = replace(SETTINGS, describe=replace(SETTINGS.describe, batch_size=10))
    steps = small_steps(FakeModel(), pictures)
    pictures.rename(pictures.with_name("unmounted"))
    with pytest.raises(CurationError, match=r"none of \d+ pictures can be read"):
        run(replace(settings, wave=20), store, steps)
    assert store.counts()["planned"] == 20
    pictures.with_name("unmounted").rename(pictures)
    run(replace(settings, wave=20), store, steps)
    assert store.counts()["ruled"] == 20


def test_a_folder_goes_on_without_its_pictures_as_far_as_it_needs_none(store, pictures):
    run(SETTINGS, store, small_steps(FakeModel(), pictures))
    gone = small_steps(FakeModel(), pictures, pile=GonePile("no folder"))
    before = rows(store)
    run(SETTINGS, store, gone)
    assert rows(store) == before
    store.update(19, raw=None, repair_model="", ruled_with="")
    with pytest.raises(CurationError, match=r"the pictures are gone.*nothing is lost"):
        run(SETTINGS, store, gone)


def test_a_full_disk_stops_the_run_and_it_goes_on_when_there_is_room(
    store, pictures, tmp_path, monkeypatch
):
    def full(path, content):
        if "000009.png" in path.name:
            raise OSError(28, "No space left on device")
        write(path, content)

    write = keeping._write_file
    monkeypatch.setattr(keeping, "_write_file", full)
    with pytest.raises(CurationError, match=r"No space left.*make room"):
        run(SETTINGS, store, small_steps(FakeModel(), pictures))
    assert store.counts()["ruled"] == 6
    assert not list(store.pictures.glob(".*"))
    monkeypatch.undo()
    run(SETTINGS, store, small_steps(FakeModel(), pictures))
    with DraftStore(tmp_path / "other", create=True) as other:
        run(SETTINGS, other, small_steps(FakeModel(), pictures))
        assert rows(store) == rows(other)


def test_kill_9_at_any_step_changes_no_row(tmp_path, pictures, run_python):
    program = os.path.join(os.path.dirname(__file__), "killed_run.py")
    tests = os.path.dirname(os.path.dirname(__file__))
    paths = os.pathsep.join((tests, os.path.join(os.path.dirname(tests), "src")))
    done = run_python(program, str(pictures), str(tmp_path / "killed"), "11", PYTHONPATH=paths)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 10
    with (
        DraftStore(tmp_path / "killed") as killed,
        DraftStore(tmp_path / "whole", create=True) as whole,
    ):
        run(SETTINGS, whole, small_steps(FakeModel(), pictures))
        assert rows(killed) == rows(whole)
        names = {path.name for path in killed.pictures.iterdir() if path.suffix == ".png"}
        assert names == {path.name for path in whole.pictures.iterdir()}


def test_ranks_put_the_shares_back_in_order(monkeypatch):
    import torch.distributed

    told = []
    shares = {0: ["A", "C", "E"], 1: ["B", "D"]}
    monkeypatch.setattr(
        torch.distributed, "broadcast_object_list", lambda box, src: told.append(box[0])
    )

    def gather(mine, found, dst):
        found[:] = [mine, shares[1]]

    monkeypatch.setattr(torch.distributed, "gather_object", gather)
    ranks = Ranks({"upper": lambda items: [each.upper() for each in items]}, num_ranks=2)
    assert ranks.map("upper", list("abcde")) == list("ABCDE")
    assert told == [("upper", list("abcde"))]
