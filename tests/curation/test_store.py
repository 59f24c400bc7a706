"""Drafts on disk: whole or not at all, and clear words when something is wrong."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from curation.some_drafts import draft, verdict
from minigpt4.curation.store import BACKUP, DATABASE, LOCK, DraftStore, only_run
from minigpt4.errors import CurationError


@pytest.fixture
def store(tmp_path):
    with DraftStore(tmp_path, create=True) as store:
        store.add(draft(number) for number in range(3))
        yield store


def test_a_draft_comes_back_as_it_was(store):
    said = (verdict("flag", "checker:truth"), verdict("edit", text="Another."))
    store.add([draft(7, truth={"kind": "scene"}, seed=5, raw=None, repaired=None)])
    store.record(7, *said)
    expected = draft(7, truth={"kind": "scene"}, seed=5, raw=None, repaired=None, verdicts=said)
    assert store.load(7) == expected


def test_a_number_is_added_once(store):
    store.add([draft(1, raw="Something else.")])
    assert store.load(1).raw == draft(1).raw
    assert len(store) == 3


def test_each_stage_of_the_database_is_the_draft_s_own(store):
    new = {"repaired": None, "repair_model": "", "ruled_with": ""}
    store.add(
        [
            draft(10, fault="missing picture"),
            draft(11, raw=None, **new),
            draft(12, **new),
            draft(13, **new | {"repair_model": "none"}),
        ]
    )
    for stage, count in store.counts().items():
        assert [each.stage for each in store.drafts(stage=stage)] == [stage] * count
    assert sum(store.counts().values()) == len(store)


def test_a_verdict_can_be_taken_back_and_is_not_forgotten(store):
    store.record(0, verdict("reject"), verdict("accept"))
    assert store.withdraw_last(0, "person:anna") == verdict("accept")
    assert store.load(0).verdicts == (verdict("reject"),)
    assert store.withdraw_last(0, "person:bo") is None
    assert len(store.query("SELECT * FROM verdicts")) == 2


def test_verdicts_of_a_kind_can_be_taken_back(store):
    store.record(0, verdict("reject", "rule:a"), verdict("flag", "checker:b"), verdict("accept"))
    store.withdraw_kind(0, "rule:")
    assert [each.judge for each in store.load(0).verdicts] == ["checker:b", "person:anna"]


def test_a_block_that_fails_leaves_nothing(store):
    def fail() -> None:
        with store.transaction():
            store.record(0, verdict("accept"))
            store.update(1, raw="changed")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.load(0).verdicts == ()
    assert store.load(1).raw == draft(1).raw


def test_an_unknown_draft_is_an_error(store):
    with pytest.raises(CurationError, match="no draft 99"):
        store.load(99)
    with pytest.raises(CurationError, match="no draft 99"):
        store.record(99, verdict("accept"))


def test_threads_and_other_programs_write_beside_each_other(store, tmp_path):
    def judge(judge_name: str, own: DraftStore) -> None:
        for _ in range(20):
            own.record(0, verdict("accept", judge_name))

    with DraftStore(tmp_path) as other:
        threads = [
            threading.Thread(target=judge, args=(f"person:{index}", each))
            for index, each in enumerate((store, store, other))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(store.load(0).verdicts) == 60


def test_no_folder_is_taken_for_a_curation(tmp_path):
    with pytest.raises(CurationError, match=r"no curation in .* begin one"):
        DraftStore(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_none_is_named_with_its_copy(tmp_path):
    with DraftStore(tmp_path, create=True) as store:
        store.add([draft(0)])
        store.back_up()
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / DATABASE).write_bytes(b"no database at all, " * 500)
    with pytest.raises(CurationError, match=rf"damaged.*{BACKUP}"):
        DraftStore(tmp_path)
    (tmp_path / BACKUP).replace(tmp_path / DATABASE)
    with DraftStore(tmp_path) as store:
        assert store.load(0) == draft(0)


def test_a_torn_page_is_noticed_when_the_folder_is_opened(tmp_path):
    with DraftStore(tmp_path, create=True) as store:
        store.add(draft(number, raw="word " * 300) for number in range(50))
    path = tmp_path / DATABASE
    content = bytearray(path.read_bytes())
    content[4096 * 6 : 4096 * 8] = b"\xff" * 8192
    path.write_bytes(content)
    with pytest.raises(CurationError, match=r"damaged.*no copy of it.*\.recover"):
        DraftStore(tmp_path)


def test_a_full_disk_is_named_and_what_was_there_stays(store):
    store.query("PRAGMA max_page_count = 12")
    with pytest.raises(CurationError, match=r"full.*make room"):
        store.add(draft(100 + number, raw="word " * 500) for number in range(100))
    assert len(store) == 3
    store.query("PRAGMA max_page_count = 100000")
    store.record(0, verdict("accept"))
    assert store.load(0).outcome == "accept"


def test_a_database_of_another_version_is_left_alone(tmp_path):
    with DraftStore(tmp_path, create=True) as store:
        store.note("version", 99)
    with pytest.raises(CurationError, match="version 99"):
        DraftStore(tmp_path)


def test_only_one_run_holds_a_folder(tmp_path):
    with only_run(tmp_path), pytest.raises(CurationError, match="another `curate run`"):
        only_run(tmp_path).__enter__()
    with only_run(tmp_path):
        pass


def test_a_lock_that_is_broken_or_cannot_be_opened_is_not_another_run(tmp_path):
    (tmp_path / LOCK).write_bytes(b"no database at all, " * 500)
    with pytest.raises(CurationError, match=rf"{LOCK}.*not a database.*remove it"):
        only_run(tmp_path).__enter__()
    (tmp_path / LOCK).unlink()
    (tmp_path / LOCK).mkdir()
    with pytest.raises(CurationError, match=rf"{LOCK}.*unable to open"):
        only_run(tmp_path).__enter__()


def test_reviewers_can_judge_while_a_run_holds_the_folder(store, tmp_path):
    with only_run(tmp_path), DraftStore(tmp_path) as reviewer:
        reviewer.record(0, verdict("accept"))
    assert store.load(0).outcome == "accept"


def test_a_backup_is_a_whole_database(store, tmp_path):
    store.record(2, verdict("accept"))
    connection = sqlite3.connect(store.back_up())
    assert connection.execute("SELECT COUNT(*) FROM drafts").fetchone() == (3,)
    assert connection.execute("SELECT COUNT(*) FROM verdicts").fetchone() == (1,)
    connection.close()
