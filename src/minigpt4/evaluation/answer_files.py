"""Score answers that a file holds already, whoever gave them.

Read are the forms in which answers to benchmarks are kept: our own lines (`key` and `text`), those
of `minigpt4 describe --out` (`image`, `prompt`, `text`), COCO results and evaluated ones
(`image_id`, `caption`), VQA results (`question_id`, `answer`), GQA predictions (`questionId`,
`prediction`), A-OKVQA predictions by question id, and lines in the order of the questions (POPE).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minigpt4.config import build_config
from minigpt4.data.records import read_json, read_rows
from minigpt4.errors import DataError
from minigpt4.evaluation.identity import hash_json
from minigpt4.evaluation.judges import Judge
from minigpt4.evaluation.question import Answer, Question
from minigpt4.evaluation.runner import (
    Evaluation,
    checked_questions,
    given_settings,
    open_judges,
    score_answers,
    write_result,
)
from minigpt4.evaluation.task import TaskSettings, find_task

_IDS = ("key", "question_id", "questionId", "image_id")
_TEXTS = ("text", "multiple_choice", "direct_answer", "answer", "caption", "prediction")


def score_file(
    task: str,
    path: Path,
    *,
    out: Path,
    judge: str | Judge | Sequence[str | Judge] = (),
    **settings: Any,
) -> Evaluation:
    """Score the answers of a file to a task's questions.

    Args:
        settings: fields of `TaskSettings`; they decide which questions the file must answer.

    Raises:
        DataError: for a file of another form, or one that does not answer each question once.
    """
    found = find_task(task)
    chosen = build_config(TaskSettings, given_settings(settings))
    judges = open_judges(found, task, judge, drawn=chosen.data is None)
    answers = read_answers(path, checked_questions(found, task, chosen))
    told = [[answer.question.key, answer.text] for answer in answers]
    model = {"name": path.name, "fingerprint": hash_json(told)[:32]}
    result = score_answers(task, answers, judges=judges, settings=chosen, model=model)
    return write_result(result, out)


def read_answers(path: Path, questions: Sequence[Question]) -> list[Answer]:
    """Return an answer to each question from a file.

    Raises:
        DataError: for a file of another form, an answer to no question, or a question without one.
    """
    rows = _rows_of(path)
    if rows and not any(name in rows[0] for name in (*_IDS, "image")):
        if len(rows) != len(questions):
            raise DataError(
                f"{path} has {len(rows)} answers without ids, the task {len(questions)} questions; "
                "they must be the same in the same order"
            )
        return [_answer(each, row, path) for each, row in zip(questions, rows, strict=True)]
    places = _places(questions)
    texts: dict[str, Answer] = {}
    for row in rows:
        name = _name_of(row)
        meant = places.get(name, [])
        if len(meant) > 1:
            raise DataError(
                f"{path}: {name} may be one of {', '.join(each.key for each in meant)}; "
                "choose one with --only"
            )
        for question in meant:  # answers to what is not asked, e.g. beyond --limit, do not count
            texts[question.key] = _answer(question, row, path)
    missing = [question.key for question in questions if question.key not in texts]
    if missing:
        raise DataError(
            f"{path} has no answer to {len(missing)} of {len(questions)} questions, the first is "
            f"{missing[0]!r}; ask fewer with --limit or --only, or answer them all"
        )
    return [texts[question.key] for question in questions]


def _rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl" or _is_lines(path):
        rows = read_rows(path)
        listed = [rows[index] for index in range(len(rows))]
    else:
        content = read_json(path)
        if isinstance(content, dict) and isinstance(content.get("imgToEval"), dict):
            content = list(content["imgToEval"].values())
        if isinstance(content, dict):
            content = [{"key": key, **_object(value, path)} for key, value in content.items()]
        if not isinstance(content, list):
            raise DataError(
                f"{path} holds no list of answers but a {type(content).__name__}; wanted JSON "
                'lines or one list, such as [{"question_id": 1, "answer": "red"}]'
            )
        listed = content
    return [_object(row, path) for row in listed]


def _is_lines(path: Path) -> bool:
    """Tell JSON lines under another name, as POPE's answers are, from one JSON value."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8-sig") as file:
        first, second = file.readline().strip(), file.readline().strip()
    return first.startswith("{") and first.endswith("}") and second.startswith("{")


def _object(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f"{path}: {str(value)[:60]!r} is no answer; wanted an object with a text")
    return value


def _places(questions: Sequence[Question]) -> dict[str, list[Question]]:
    """Return the questions by each name under which a file may know them."""
    places: dict[str, list[Question]] = {}
    for question in questions:
        picture = Path(question.picture.name).name
        short = question.key.rpartition("/")[2]
        for name in {question.key, short, f"{picture}\n{question.prompt}"}:
            places.setdefault(name, []).append(question)
    return places


def _name_of(row: dict[str, Any]) -> str:
    for name in _IDS:
        if name in row:
            return str(row[name])
    return f"{Path(str(row.get('image', ''))).name}\n{row.get('prompt', '')}"


def _answer(question: Question, row: dict[str, Any], path: Path) -> Answer:
    text = next((row[name] for name in _TEXTS if name in row), None)
    if not isinstance(text, str):
        raise DataError(f"{path}: no text in {str(row)[:80]}; wanted one of {', '.join(_TEXTS)}")
    cut = row.get("finish_reason") == "length" or row.get("finished") is False
    return Answer(question=question, text=text, finished=not cut)
