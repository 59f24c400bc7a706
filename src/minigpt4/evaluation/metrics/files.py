"""Read the official files of the benchmarks, with errors that say what is wrong with them.

A reader returns plain values by question or picture, in the order of the file. Which file is
which:

    captions      COCO `captions_val2014.json`: {"annotations": [{"image_id", "caption"}]}
    instances     COCO `instances_val2014.json`: {"categories", "annotations": [{"category_id"}]}
    results       a COCO results list [{"image_id", "caption"}], or {"imgToEval": {...}} with them
    VQA           questions {"questions": [...]}, annotations {"annotations": [{"answers": [...]}]},
                  results [{"question_id", "answer"}]; OK-VQA has the same three
    GQA           questions {ID: {...}}, predictions [{"questionId", "prediction"}]
    A-OKVQA       questions [{...}], predictions {ID: {"multiple_choice", "direct_answer"}}
    POPE          JSON lines {"question_id", "image", "text", "label"}, answers {"question",
                  "answer"} in the same order
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from minigpt4.data.records import need_object, read_json, read_rows
from minigpt4.errors import DataError

Rows = list[dict[str, Any]]


def read_captions(path: str | Path) -> dict[int, list[str]]:
    """Return the reference captions of each picture of a COCO captions file."""
    captions: dict[int, list[str]] = {}
    for row in listed(path, "annotations", needed=("image_id", "caption")):
        captions.setdefault(row["image_id"], []).append(text_of(row, "caption", path))
    return captions


def read_instances(path: str | Path) -> dict[int, set[str]]:
    """Return the category names annotated in each picture of a COCO instances file.

    A picture that is listed without an annotation has none.
    """
    categories = listed(path, "categories", needed=("id", "name"))
    names = {row["id"]: row["name"] for row in categories}
    content = read_json(Path(path))
    found: dict[int, set[str]] = {}
    for row in content.get("images", []):
        if isinstance(row, dict) and "id" in row:
            found[row["id"]] = set()
    for row in listed(path, "annotations", needed=("image_id", "category_id"), may_be_empty=True):
        if row["category_id"] not in names:
            raise DataError(
                f"{path}: category_id {row['category_id']} is none of its {len(names)} categories"
            )
        found.setdefault(row["image_id"], set()).add(names[row["category_id"]])
    return found


def read_results(path: str | Path) -> dict[int, str]:
    """Return the generated caption of each picture, from a results list or an evaluated one."""
    content = read_json(Path(path))
    if isinstance(content, dict):
        content = content.get("imgToEval")
        if not isinstance(content, dict):
            raise DataError(f'{path}: wanted a list of results or {{"imgToEval": {{...}}}}')
        content = list(content.values())
    rows = objects(content, path, needed=("image_id", "caption"))
    return by_key(rows, "image_id", "caption", path)


def read_vqa_questions(path: str | Path) -> dict[int, dict[str, Any]]:
    """Return the questions of a VQAv2 or OK-VQA file by their id."""
    rows = listed(path, "questions", needed=("question_id", "image_id", "question"))
    return unique(rows, "question_id", path)


def read_vqa_annotations(path: str | Path) -> dict[int, dict[str, Any]]:
    """Return the annotations of a VQAv2 or OK-VQA file by their question id."""
    rows = listed(path, "annotations", needed=("question_id", "answers"))
    for row in rows:
        answers = objects(row["answers"], f"{path}, question {row['question_id']}", ("answer",))
        if not answers:
            raise DataError(f"{path}: question {row['question_id']} has no answers")
    return unique(rows, "question_id", path)


def read_vqa_results(path: str | Path) -> dict[int, str]:
    """Return the predicted answer to each question, from a VQA results list."""
    rows = objects(read_json(Path(path)), path, needed=("question_id", "answer"))
    return by_key(rows, "question_id", "answer", path)


def read_gqa_questions(path: str | Path) -> dict[str, dict[str, Any]]:
    """Return GQA's questions by id, or those of MiniGPT-4's own list of questions.

    The list has no question types; `gqa.score_answers` then reports no groups.
    """
    content = read_json(Path(path))
    if isinstance(content, list):
        rows = objects(content, path, needed=("question_id", "question", "answer"))
        return {str(key): row for key, row in unique(rows, "question_id", path).items()}
    if not isinstance(content, dict) or not content:
        raise DataError(f"{path}: wanted {{QUESTION_ID: {{question, answer, ...}}}}")
    objects(list(content.values()), path, needed=("question", "answer"))
    return content


def read_gqa_predictions(path: str | Path) -> dict[str, str]:
    """Return the prediction for each question id of a GQA predictions list."""
    rows = objects(read_json(Path(path)), path, needed=("questionId", "prediction"))
    return {str(key): text for key, text in by_key(rows, "questionId", "prediction", path).items()}


def read_aokvqa_questions(path: str | Path) -> dict[str, dict[str, Any]]:
    """Return A-OKVQA's questions by their id."""
    rows = objects(read_json(Path(path)), path, needed=("question_id", "question"))
    return unique(rows, "question_id", path)


def read_aokvqa_predictions(path: str | Path) -> dict[str, dict[str, str]]:
    """Return the predictions of each question: `multiple_choice`, `direct_answer` or both."""
    content = read_json(Path(path))
    if not isinstance(content, dict):
        raise DataError(f'{path}: wanted {{QUESTION_ID: {{"multiple_choice", "direct_answer"}}}}')
    objects(list(content.values()), path, needed=())
    return content


def read_pope_questions(path: str | Path) -> Rows:
    """Return POPE's questions in the order of the file."""
    rows = lines(path, needed=("text", "label"))
    for row in rows:
        if row["label"] not in ("yes", "no"):
            raise DataError(f"{path}: label {row['label']!r}; wanted yes or no")
    return rows


def read_pope_answers(path: str | Path) -> Rows:
    """Return the answers to POPE's questions, in the order of the questions."""
    rows = lines(path, needed=("answer",))
    for row in rows:
        text_of(row, "answer", path)
    return rows


def lines(path: str | Path, *, needed: Iterable[str]) -> Rows:
    """Return the objects of a JSON lines file (or of one JSON list) with the `needed` fields."""
    rows = read_rows(Path(path))
    return objects([rows[index] for index in range(len(rows))], path, needed)


def listed(
    path: str | Path, name: str, *, needed: Iterable[str], may_be_empty: bool = False
) -> Rows:
    """Return the objects under `name` of a JSON object, each with the `needed` fields.

    Raises:
        DataError: if there is no such list or an entry is of another form.
    """
    content = read_json(Path(path))
    rows = content.get(name) if isinstance(content, dict) else None
    if not isinstance(rows, list) or not (rows or may_be_empty):
        raise DataError(f'{path} holds no {name}; wanted {{"{name}": [...]}}')
    return objects(rows, path, needed)


def objects(rows: Any, where: str | Path, needed: Iterable[str]) -> Rows:
    """Return `rows` if it is a list of objects that have the `needed` fields.

    Raises:
        DataError: naming the first entry that is not so.
    """
    if not isinstance(rows, list):
        raise DataError(f"{where}: wanted a list, got {type(rows).__name__}")
    needed = tuple(needed)
    for number, row in enumerate(rows, start=1):
        need_object(row, where=f"{where}, entry {number}")
        missing = [name for name in needed if name not in row]
        if missing:
            raise DataError(
                f"{where}, entry {number}: no {' and no '.join(missing)}; has {', '.join(row)}"
            )
    return rows


def unique(rows: Rows, key: str, where: str | Path) -> dict[Any, dict[str, Any]]:
    """Return rows by their key.

    Raises:
        DataError: if a key comes twice.
    """
    found: dict[Any, dict[str, Any]] = {}
    for row in rows:
        if row[key] in found:
            raise DataError(f"{where}: {key} {row[key]!r} comes twice; keep one entry for each")
        found[row[key]] = row
    return found


def by_key(rows: Rows, key: str, name: str, where: str | Path) -> dict[Any, str]:
    """Return one text field of rows by their key; a key that comes twice is an error."""
    return {key: text_of(row, name, where) for key, row in unique(rows, key, where).items()}


def text_of(row: dict[str, Any], name: str, where: str | Path) -> str:
    """Return a field that is a text; it may be empty.

    Raises:
        DataError: if it is something else.
    """
    value = row[name]
    if not isinstance(value, str):
        raise DataError(f"{where}: {name} is {value!r}; wanted a text")
    return value


def check_answered(answered: Iterable[Any], wanted: Iterable[Any], *, what: str) -> None:
    """Check that exactly what was asked was answered.

    Raises:
        DataError: naming what lacks an answer, or was answered without being asked.
    """
    answered, wanted = set(answered), list(wanted)
    missing = [key for key in wanted if key not in answered]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(wanted)} {what} have no answer, the first is {missing[0]!r}"
        )
    foreign = answered - set(wanted)
    if foreign:
        first = min(foreign, key=str)
        raise DataError(f"{len(foreign)} answers belong to no {what}, for example {first!r}")
