"""`minigpt4 curate`: one folder from the first picture to the data set."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from curation.bad_server import bad_server
from minigpt4.cli.curate import app
from minigpt4.curation.pictures import FolderPile
from minigpt4.curation.store import DraftStore, only_run
from minigpt4.data.open_source import open_source
from minigpt4.errors import CurationError, SettingsError
from minigpt4.recipes.curation import preset
from minigpt4.world.export import write_pictures


def invoke(*arguments: object):
    return CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def curated(tmp_path_factory):
    """Ten drawn pictures through all steps with the shipped stage-1 model."""
    folder = tmp_path_factory.mktemp("curated")
    write_pictures(folder / "drawn", split="train", seed=31, count=10)
    short = ["--set", "curation.describe.generation.max_new_tokens=60",
             "--set", "curation.repair.generation.max_new_tokens=120"]  # fmt: skip
    result = invoke(
        "run", "--images", folder / "drawn", "--model", "miniature_stage1", "--truth",
        "--out", folder / "out", *short,
    )  # fmt: skip
    assert result.exit_code == 0
    assert "pictures                10" in result.stdout
    return folder / "out"


def test_a_folder_goes_on_with_what_it_was_begun_with(curated):
    result = invoke("run", "--out", curated)
    assert result.exit_code == 0
    assert "judged by truth 10" in result.stdout


def test_status_prints_the_funnel_for_people_and_programs(curated):
    assert "passed the rules" in invoke("status", curated).stdout
    counts = json.loads(invoke("status", curated, "--json").stdout)
    assert (counts["num_pictures"], counts["num_described"]) == (10, 10)
    assert counts["num_accepted"] + counts["num_rejected"] == 10


def test_the_export_opens_as_a_data_set(curated, tmp_path):
    result = invoke("export", curated, "--out", tmp_path / "data", "--drafts", "described")
    assert result.exit_code == 0
    assert "10 examples" in result.stdout
    assert len(open_source(tmp_path / "data")) == 10


def test_checks_flag_and_decide_nothing(curated):
    with DraftStore(curated) as store:
        before = [each.outcome for each in store.drafts()]
    result = invoke("check", curated, "--near-duplicates", "--objects", "truth")
    assert "look like an earlier one" in result.stdout
    with DraftStore(curated) as store:
        assert [each.outcome for each in store.drafts()] == before
        judges = [flag.judge for each in store.drafts() for flag in each.flags]
    num_unfound = judges.count("checker:truth")
    assert f"\n{num_unfound} texts name something that the drawn picture" in result.stdout
    assert num_unfound  # the model in this test is weak enough


def test_the_drafts_say_who_made_them(curated):
    with DraftStore(curated) as store:
        for each in store.drafts():
            assert each.repair_model == "the LLM of miniature_stage1, in process"
            assert len(each.model_fingerprint) == 32
            assert each.truth is not None
            assert "truth" in {verdict.judge for verdict in each.verdicts}


def test_a_service_repairs_with_the_key_of_the_named_variable(curated, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", "secret")
    monkeypatch.setenv("OPENAI_API_KEY", "openai")
    with DraftStore(curated) as store:
        store.back_up()
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "drafts.sqlite").write_bytes((curated / "drafts.backup.sqlite").read_bytes())
    with DraftStore(copy) as store:
        for number in store.numbers():
            store.update(number, repaired=None, repair_model="", ruled_with="")
        store.note("curation", store.noted("curation") | {"repair": "m"})
    with bad_server() as server:
        told = ["run", "--out", copy, "--repair-url", server.url, "--repair-model", "m"]
        invoke(*told, "--repair-key-env", "MY_KEY")
        assert set(server.keys) == {"Bearer secret"}
        assert len(server.requests) == 10
    assert "repair: 10 replies, 100 +" in invoke("status", copy).stdout
    assert b"secret" not in (copy / "drafts.sqlite").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "miniature_stage1"], "no pictures; give --images"),
        (["--images", "world:train,count=3"], "no model; give --model"),
        (["--repair-url", "http://127.0.0.1:1/v1"], "belong together"),
        (["--preset", "moon"], "unknown preset 'moon'"),
        (["--preset", "miniature", "--set", "curation.targt=3"], "did you mean 'target'"),
    ],
)
def test_what_is_missing_or_wrong_is_named(tmp_path, arguments, said):
    with pytest.raises(SettingsError, match=said):
        invoke("run", "--out", tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()


def test_two_runs_in_one_folder_are_one_too_many(tmp_path):
    told = ["run", "--out", tmp_path, "--preset", "miniature"]
    with only_run(tmp_path), pytest.raises(CurationError, match="another `curate run` works in"):
        invoke(*told)


def test_the_miniature_s_preset_is_judged_by_truth_on_training_pictures():
    settings = preset("miniature")
    assert settings.judge == "truth"
    assert settings.curation.images == "world:train,seed=30,count=5000"
    assert settings.curation.limit == 5_000
    assert settings.service is None


@pytest.mark.slow
def test_kill_9_on_the_real_command_changes_no_row(tmp_path):
    write_pictures(tmp_path / "drawn", split="train", seed=32, count=24)
    exported = []
    for name, kills in (("whole", 0), ("killed", 3)):
        out = tmp_path / name
        command = [
            sys.executable, "-m", "minigpt4", "curate", "run", "--images", str(tmp_path / "drawn"),
            "--model", "miniature_stage1", "--truth", "--out", str(out), "--set",
            "curation.describe.batch_size=4", "--set", "curation.wave=8",
        ]  # fmt: skip
        ends = [_kill_after_progress(command, out) for _ in range(kills)]
        assert not kills or -signal.SIGKILL in ends
        subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": "src"})
        with DraftStore(out) as store:
            exported.append([(d.key, d.raw, d.repaired, d.outcome) for d in store.drafts()])
    assert exported[0] == exported[1]


def _kill_after_progress(command, out) -> int:
    """Return how the command ended: -SIGKILL, unless it was done before it could be killed."""

    def progress() -> int:
        if not (out / "drafts.sqlite").is_file():
            return 0
        with DraftStore(out) as store:
            counts = store.counts()
        return counts["described"] + 2 * counts["repaired"] + 3 * counts["ruled"]

    before = progress()
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": "src"})
    while progress() <= before and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    return process.wait()


@pytest.mark.slow
def test_two_processes_describe_what_one_does(tmp_path):
    write_pictures(tmp_path / "drawn", split="train", seed=33, count=11)
    assert len(FolderPile(tmp_path / "drawn")) == 11
    told = ["-m", "minigpt4", "curate", "run", "--images", str(tmp_path / "drawn"), "--model",
            "miniature_stage1", "--set", "curation.describe.batch_size=2", "--out"]  # fmt: skip
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
              "--standalone"]  # fmt: skip
    found = []
    for name, start in (("one", [sys.executable]), ("two", launch)):
        command = [*start, *told, str(tmp_path / name)]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": "src"})
        with DraftStore(tmp_path / name) as store:
            found.append([(each.key, each.raw, each.repaired) for each in store.drafts()])
    assert found[0] == found[1]
