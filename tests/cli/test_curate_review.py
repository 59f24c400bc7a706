"""`minigpt4 curate review | judge | report | label-studio`, as a person starts them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from curation.review.drawn import build_curation
from minigpt4.cli.main import app, main
from minigpt4.curation.review.questions import PersonQuestion, QuestionFile, write_questions
from minigpt4.curation.store import DraftStore

WINDOW = {"reviewer": "anna", "tab": "t"}


@contextmanager
def started(repository: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a command of `curate`; yields the process and the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "minigpt4", "curate", *words, "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(repository / "src")},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found, f"{line}{process.communicate(timeout=30)}"
        yield process, found[0]
    finally:
        process.kill()
        process.communicate()


def post(address: str, path: str, body: dict[str, Any]) -> Any:
    headers = {"Content-Type": "application/json", "X-Minigpt4-Review": "1"}
    request = urllib.request.Request(address + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_a_killed_server_has_lost_nothing(tmp_path, repository):
    build_curation(tmp_path, 5, rejected=0)
    with started(repository, "review", str(tmp_path), "--reviewer", "anna") as (process, address):
        assert post(address, "api/hello", {})["reviewer"] == "anna"
        for number in range(3):
            body = {"id": f"decided {number}", "number": number, "decision": "accept", **WINDOW}
            state = post(address, "api/decide", body)
        process.kill()
        process.wait()
    with DraftStore(tmp_path) as store:
        outcomes = [draft.outcome for draft in store.drafts()]
    assert outcomes == ["accept", "accept", "accept", "open", "open"]
    with started(repository, "review", str(tmp_path)) as (process, address):
        again = post(address, "api/state", WINDOW)
        assert again["cards"] == state["cards"]
        assert again["pile"] == state["pile"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_people_judge_answers(tmp_path, repository):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    question = PersonQuestion(key="k", picture=tmp_path / "a.png", request="What?", answer="That.")
    write_questions(tmp_path / "people.sqlite", [question])
    with started(repository, "judge", str(tmp_path / "people.sqlite")) as (_, address):
        number = post(address, "api/state", WINDOW)["cards"][0]["number"]
        body = {"id": "decided it", "number": number, "decision": "fulfilled", **WINDOW}
        post(address, "api/decide", body)
    with QuestionFile(tmp_path / "people.sqlite") as file:
        assert [(each.key, each.fulfilled) for each in file.verdicts()] == [("k", True)]


def test_report_and_label_studio_write_their_files(tmp_path):
    build_curation(tmp_path / "meadow", 3, rejected=1)
    run = CliRunner().invoke(app, ["curate", "report", str(tmp_path / "meadow")])
    assert run.exit_code == 0, run.output
    assert "meadow" in (tmp_path / "meadow" / "report.html").read_text()
    tasks = tmp_path / "tasks.json"
    words = ["curate", "label-studio", "out", str(tmp_path / "meadow"), "--out", str(tasks)]
    run = CliRunner().invoke(app, words)
    assert run.output.startswith("2 tasks are in")
    written = json.loads(tasks.read_text())
    decided = {"from_name": "decision", "type": "choices", "value": {"choices": ["reject"]}}
    for task in written:
        task["annotations"] = [{"id": task["data"]["number"], "result": [decided]}]
    written[1]["data"]["key"] = "another"
    tasks.write_text(json.dumps(written))
    run = CliRunner().invoke(
        app, ["curate", "label-studio", "in", str(tmp_path / "meadow"), str(tasks)]
    )
    assert run.output.startswith("1 decisions were taken, 0 were known\n  left out: 1 × a task of")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["review", "nowhere"], "no curation in nowhere"),
        (["report", "nowhere"], "no curation in nowhere"),
        (["judge", "none.sqlite"], "no questions at none.sqlite"),
    ],
)
def test_what_is_not_there_is_named(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["curate", *words])
    assert end.value.code == 1
    assert message in capsys.readouterr().err


def test_other_machines_need_a_key(tmp_path, capsys):
    build_curation(tmp_path, 1, rejected=0)
    with pytest.raises(SystemExit) as end:
        main(["curate", "review", str(tmp_path), "--host", "0.0.0.0", "--port", "0"])
    assert end.value.code == 1
    assert "give --key-file FILE" in capsys.readouterr().err
