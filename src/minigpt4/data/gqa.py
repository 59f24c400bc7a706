"""GQA: a JSON object of questions by their id, with a short and a full answer each.

{QUESTION_ID: {"imageId", "question", "answer", "fullAnswer", "isBalanced"}}; the balanced
questions are what the benchmark counts. Pictures lie in one folder as IMAGE_ID.jpg.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from minigpt4.data.example import Example
from minigpt4.data.pictures import find_picture
from minigpt4.data.questions import VQA_PROMPT, question_example
from minigpt4.data.record_source import RecordSource, pictures_folder
from minigpt4.data.records import PackedRecords, need_text, read_json
from minigpt4.errors import DataError

KEPT = ("imageId", "question", "answer")
"""Fields of a question that are kept in memory; the scene graph programs are not."""


def open_gqa(
    path: str | Path, *, images: str | Path | None = None, prompt: str = VQA_PROMPT
) -> RecordSource:
    """Open a questions file.

    Raises:
        DataError: for a missing file or a file of another form.
    """
    path = Path(path)
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        raise DataError(
            f"{path} is no GQA file; wanted {{QUESTION_ID: {{imageId, question, ...}}}}"
        )
    rows = PackedRecords(_rows(content), path=path)
    folder = pictures_folder(images, path)
    return RecordSource(rows, partial(_read, images=folder, prompt=prompt))


def _rows(content: dict[str, Any]) -> Iterator[Any]:
    for name, question in content.items():
        if isinstance(question, dict):
            kept = {field: question[field] for field in KEPT if field in question}
            yield {"id": name, **kept}
        else:
            yield question


def _read(row: dict[str, Any], place: str, *, images: Path, prompt: str) -> Example:
    where = f"{place} (question {row['id']})"
    question = need_text(row, "question", where=where)
    answer = need_text(row, "answer", where=where)
    image_id = need_text(row, "imageId", where=where)
    picture = find_picture(images, [image_id], where=where)
    return question_example(picture, question, answer, key=str(row["id"]), prompt=prompt)
