"""Evaluating asks, judges and counts; the scores say what they are of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generation.tiny_model import build_tiny_model
from minigpt4.errors import DataError, SettingsError
from minigpt4.evaluation import runner
from minigpt4.evaluation.question import DrawnPicture, Question
from minigpt4.evaluation.runner import checked_questions, evaluate, evaluate_in_full
from minigpt4.evaluation.task import Judgement, Task, TaskSettings, find_task, task_names
from minigpt4.generation.settings import GREEDY

BRIEF = {"limit": 2, "max_new_tokens": 4}


@pytest.fixture(scope="module")
def model():
    return build_tiny_model()


class Lenient:
    """A judge that passes every second answer and reads no third."""

    name, hash = "lenient", "h"

    def judge(self, answers, *, report=None):
        verdicts = (Judgement(passed=True), Judgement(passed=False), Judgement(passed=None))
        return [verdicts[index % 3] for index in range(len(answers))]

    def own_agreement(self):
        return None


def test_each_score_has_the_hash_of_its_prompts_and_of_its_judge(model, tmp_path: Path):
    scores = evaluate("failures", model, out=tmp_path, **BRIEF)
    assert scores["description"].count == 2
    assert scores["description"].judge_hash
    assert scores["description"].prompt_hash != scores["poem"].prompt_hash
    assert scores["poem.empty"].prompt_hash == scores["poem"].prompt_hash
    longer = evaluate("failures", model, out=tmp_path, limit=2, max_new_tokens=5)
    assert longer["poem"].prompt_hash != scores["poem"].prompt_hash


def test_the_hash_of_a_rule_is_of_all_code_that_decides():
    from minigpt4.evaluation.identity import hash_code

    modules = [find_task(name).score.__module__ for name in ("gqa", "pope", "chair")]
    hashes = {hash_code(name) for name in modules}
    assert len(hashes) == 3
    assert hash_code(modules[0]) in hashes


def test_the_same_answers_go_to_several_judges_and_their_agreement_is_told(model, tmp_path: Path):
    result = evaluate_in_full(
        "failures", model, out=tmp_path, judge=("detector", Lenient()), limit=3, max_new_tokens=4
    )
    assert list(result.by_judge) == ["detector", "lenient"]
    assert result.by_judge["lenient"]["description"].unparsable == pytest.approx(1 / 3)
    assert result.by_judge["lenient"]["description"].value == pytest.approx(2 / 3)
    (pair,) = result.agreement
    assert (pair.first, pair.second, pair.share.count) == ("detector", "lenient", 4)
    written = json.loads(result.file.read_text())
    assert written["model"]["fingerprint"] == result.model["fingerprint"]
    assert written["agreement"][0]["share"]["count"] == 4
    lines = result.file.with_suffix(".answers.jsonl").read_text().splitlines()
    assert {"key", "text", "prompt", "picture", "detector", "lenient"} <= set(json.loads(lines[0]))


def test_another_judge_leaves_the_first_ones_scores(model, tmp_path: Path):
    first = evaluate_in_full("failures", model, out=tmp_path, judge="detector", **BRIEF)
    second = evaluate_in_full("failures", model, out=tmp_path, judge=(Lenient(),), **BRIEF)
    assert first.file != second.file
    assert first.file.is_file()
    assert second.file.is_file()


def test_a_metric_takes_no_judge_and_a_task_only_its_own(model, tmp_path: Path):
    with pytest.raises(SettingsError, match="takes no judge"):
        evaluate("gqa", model, out=tmp_path, judge="truth", **BRIEF)
    with pytest.raises(SettingsError, match="no judge 'detector' for abilities"):
        evaluate("abilities", model, out=tmp_path, judge="detector", **BRIEF)


def test_nobody_is_taken_for_the_truth_of_photos(model, tmp_path: Path):
    with pytest.raises(SettingsError, match="needs --judge llm or person"):
        evaluate("abilities", model, out=tmp_path, data=str(tmp_path))


def test_unknown_names_are_named_with_the_nearest(model, tmp_path: Path):
    with pytest.raises(SettingsError, match="did you mean abilities"):
        evaluate("ability", model, out=tmp_path)
    with pytest.raises(SettingsError, match="limit"):
        evaluate("pope", model, out=tmp_path, limits=3)


def test_a_loaded_model_and_its_directory_are_the_same(model, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("minigpt4.model.loading.load", lambda path: model)
    first = evaluate_in_full("spatial", model, out=tmp_path, **BRIEF)
    second = evaluate_in_full("spatial", "some/model", out=tmp_path, **BRIEF)
    assert first.by_judge == second.by_judge
    assert len(list((tmp_path / "answers").glob("*.jsonl"))) == 1
    assert len(list((tmp_path / "answers").glob("*.model.json"))) == 1


def test_further_processes_answer_and_do_not_count(model, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(runner, "answer_all", lambda *_, **__: [])
    monkeypatch.setenv("RANK", "1")
    assert evaluate("spatial", model, out=tmp_path, **BRIEF) == {}
    assert not (tmp_path / "spatial").exists()


@pytest.mark.parametrize("keys", [(), ("a", "a")])
def test_no_questions_or_one_key_twice_is_an_error(keys):
    def questions(settings):
        return [
            Question(key=key, picture=DrawnPicture("test", 0, 0), prompt="?", decoding=GREEDY)
            for key in keys
        ]

    task = Task(about="", paper="", questions=questions, score=lambda judged: {})
    with pytest.raises(DataError, match=r"no question|two questions with the key 'a'"):
        checked_questions(task, "mine", TaskSettings())


@pytest.mark.parametrize("name", task_names())
def test_every_task_asks_something_and_says_what_it_is(name: str):
    task = find_task(name)
    assert task.about
    first = checked_questions(task, name, TaskSettings(limit=1))
    assert first
    # More questions hold the fewer ones, so that answers are used again.
    more = {each.key for each in task.questions(TaskSettings(limit=3))}
    assert {each.key for each in first} < more or name == "abilities"
    assert all(not each.decoding.do_sample for each in first)
