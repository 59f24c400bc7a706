"""Answers that files hold already are scored as the reference scripts score them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluation.metrics.goldens import GOLDENS, golden
from minigpt4.errors import DataError, SettingsError
from minigpt4.evaluation.answer_files import read_answers, score_file
from minigpt4.evaluation.question import DrawnPicture, Question
from minigpt4.generation.settings import GREEDY


def score(task: str, answers: str, out: Path, **settings):
    data = GOLDENS / settings.pop("data")
    return score_file(task, GOLDENS / answers, out=out, data=data, **settings).scores


def test_gqa_predictions_equal_the_official_script(tmp_path: Path):
    scores = score("gqa", "gqa/predictions.json", tmp_path, data="gqa/questions.json")
    assert 100 * scores["exact"].value == pytest.approx(35.7143, abs=1e-4)


@pytest.mark.parametrize(("name", "percent"), [("vqav2", 72.05), ("okvqa", 76.25)])
def test_vqa_results_equal_the_official_script(tmp_path: Path, name: str, percent: float):
    data = f"vqa/{name}_questions.json"
    scores = score(name, f"vqa/{name}_results.json", tmp_path, data=data)
    assert round(100 * scores["accuracy"].value, 2) == percent


def test_aokvqa_predictions_equal_the_official_script(tmp_path: Path):
    answers = dict(golden("aokvqa/predictions_val.json"))
    for row in golden("aokvqa/aokvqa_v1p0_val.json"):
        answers.setdefault(row["question_id"], {"multiple_choice": ""})
    file = tmp_path / "all.json"
    file.write_text(json.dumps({key: {"text": row.get("multiple_choice", "")}
                                for key, row in answers.items()}))  # fmt: skip
    data = GOLDENS / "aokvqa" / "aokvqa_v1p0_val.json"
    scores = score_file("aokvqa", file, out=tmp_path, data=data, only=("choice",)).scores
    assert 100 * scores["choice"].value == pytest.approx(70.0)


def test_pope_answers_in_the_order_of_the_questions_equal_the_official_script(tmp_path: Path):
    scores = score(
        "pope", "pope/answers_random.json", tmp_path,
        data="pope/coco_pope_random.json", only=("random",),
    )  # fmt: skip
    assert scores["random.reference"].value == pytest.approx(0.7)


def test_chair_of_a_results_list_equals_the_reference_with_plain_singulars(tmp_path: Path):
    scores = score("chair", "chair/generated_short.json", tmp_path, data="chair", only=("short",))
    assert scores["short.chair_s"].value == pytest.approx(0.2)
    assert scores["short.chair_i"].value == pytest.approx(0.090909, abs=1e-6)


def test_captions_equal_cocos_evaluation(tmp_path: Path):
    scores = score(
        "captions", "captions/results_short.json", tmp_path, data="captions/references.json"
    )
    assert scores["Bleu_4"].value == pytest.approx(0.213188, abs=1e-6)
    assert scores["CIDEr"].value == pytest.approx(0.862116, abs=1e-6)


def test_the_answers_of_one_evaluation_can_be_scored_again(tmp_path: Path):
    file = tmp_path / "mine.jsonl"
    rows = [{"key": f"{group}/0", "text": "A cat."} for group in ("description", "poem")]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = score_file("failures", file, out=tmp_path, limit=1)
    assert list(result.by_judge) == ["detector", "truth"]
    assert result.scores["description"].value == 1.0
    again = score_file("failures", result.file.with_suffix(".answers.jsonl"), out=tmp_path, limit=1)
    assert again.scores == result.scores


def questions(*keys: str) -> list[Question]:
    return [
        Question(key=key, picture=DrawnPicture("test", 0, n), prompt="What?", decoding=GREEDY)
        for n, key in enumerate(keys)
    ]


def written(path: Path, content) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_lines_of_describe_are_found_by_picture_and_prompt(tmp_path: Path):
    file = tmp_path / "described.jsonl"
    rows = [
        {"image": "some/1", "prompt": "What?", "text": "B", "finish_reason": "length"},
        {"image": "some/0", "prompt": "What?", "text": "A"},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    answers = read_answers(file, questions("x", "y"))
    assert [(each.text, each.finished) for each in answers] == [("A", True), ("B", False)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([{"question_id": "long/1", "answer": "a"}], "no answer to 1 of 2"),
        ([{"answer": "a"}], "1 answers without ids"),
        ([{"image_id": 1, "caption": "a"}], "choose one with --only"),
        ([{"image_id": 1}], "no text|choose one"),
        (["a"], "wanted an object"),
        ("a", "no list of answers but a str; wanted JSON lines or one list"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_the_reason(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_answers(written(tmp_path / "a.json", content), questions("long/1", "short/1"))


def test_a_judge_that_a_task_does_not_take_is_refused(tmp_path: Path):
    with pytest.raises(SettingsError, match="takes no judge"):
        score_file("gqa", tmp_path / "none.json", out=tmp_path, judge="truth")
