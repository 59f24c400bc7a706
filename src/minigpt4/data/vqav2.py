"""VQAv2 and OK-VQA, which share a form: a file of questions and a file of annotations.

`v2_OpenEnded_mscoco_train2014_questions.json` has {"questions": [{"question_id", "image_id",
"question"}]}, `v2_mscoco_train2014_annotations.json` {"annotations": [{"question_id", "answers":
[{"answer"}], "multiple_choice_answer"}]}. Pictures are COCO's.

Paper: Table 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from minigpt4.data.example import Example
from minigpt4.data.pictures import coco_stems, find_picture
from minigpt4.data.questions import VQA_PROMPT, most_common_answer, question_example
from minigpt4.data.record_source import RecordSource, pictures_folder
from minigpt4.data.records import PackedRecords, need_text, read_json
from minigpt4.errors import DataError


def open_vqav2(
    path: str | Path,
    *,
    images: str | Path | None = None,
    annotations: str | Path | None = None,
    prompt: str = VQA_PROMPT,
) -> RecordSource:
    """Open a questions file of VQAv2 or OK-VQA.

    Args:
        annotations: file of answers; default: the one officially beside the questions.
        prompt: what stands around a question, as `{}`.

    Raises:
        DataError: for a missing file or a file of another form.
    """
    path = Path(path)
    answers = annotations_beside(path) if annotations is None else Path(annotations)
    if not answers.is_file():
        raise DataError(f"no answers at {answers}; give the file as annotations=FILE")
    rows = PackedRecords(_rows(_list(path, "questions"), _list(answers, "annotations")), path=path)
    folder = pictures_folder(images, path)
    return RecordSource(rows, partial(_read, images=folder, prompt=prompt))


def annotations_beside(questions: Path) -> Path:
    """Return where the annotations of a questions file lie under their official name."""
    name = questions.name.replace("OpenEnded_", "").replace("questions", "annotations")
    return questions.with_name(name)


def _list(path: Path, name: str) -> list[Any]:
    content = read_json(path)
    listed = content.get(name) if isinstance(content, dict) else None
    if not isinstance(listed, list) or not listed:
        raise DataError(f'{path} holds no {name}; wanted {{"{name}": [...]}}')
    return listed


def _rows(questions: list[Any], annotations: list[Any]) -> Iterator[Any]:
    """Give each question its annotation."""
    known = {note.get("question_id"): note for note in annotations if isinstance(note, dict)}
    for question in questions:
        if not isinstance(question, dict):
            yield question
            continue
        note = known.get(question.get("question_id"), {})
        answers = [given.get("answer", "") for given in note.get("answers", [])]
        yield {**question, "official": note.get("multiple_choice_answer"), "answers": answers}


def _read(row: dict[str, Any], place: str, *, images: Path, prompt: str) -> Example:
    question = need_text(row, "question", where=place)
    image_id = str(row.get("image_id", ""))
    if not image_id.isdecimal():
        raise DataError(f"no image_id: {place}: got {image_id!r}")
    answer = row["official"] or most_common_answer(row["answers"], where=place)
    return question_example(
        find_picture(images, coco_stems(image_id), where=place),
        question,
        answer,
        key=str(row.get("question_id", place)),
        prompt=prompt,
    )
