"""A-OKVQA: a JSON list of questions with four choices and ten free answers each.

Learned is the free answer given most often, or with `answer="choice"` the right choice. Pictures
are COCO's of 2017.

Paper: Table 6.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

from minigpt4.data.example import Example
from minigpt4.data.pictures import coco_stems, find_picture
from minigpt4.data.questions import VQA_PROMPT, most_common_answer, question_example
from minigpt4.data.record_source import RecordSource, pictures_folder
from minigpt4.data.records import need_text, read_rows
from minigpt4.errors import DataError, SettingsError

Answer: TypeAlias = Literal["direct", "choice"]


def open_aokvqa(
    path: str | Path,
    *,
    images: str | Path | None = None,
    answer: Answer = "direct",
    prompt: str = VQA_PROMPT,
) -> RecordSource:
    """Open a questions file.

    Args:
        answer: "direct": the free answer given most often; "choice": the right one of the four.
        prompt: what stands around a question, as `{}`.

    Raises:
        DataError: for a missing file; questions without answers (the test split) raise when read.
    """
    if answer not in ("direct", "choice"):
        raise SettingsError(f"answer={answer}; wanted direct or choice")
    path = Path(path)
    folder = pictures_folder(images, path)
    read = partial(_read, images=folder, answer=answer, prompt=prompt)
    return RecordSource(read_rows(path), read)


def _read(row: dict[str, Any], place: str, *, images: Path, answer: Answer, prompt: str) -> Example:
    question = need_text(row, "question", where=place)
    image_id = str(row.get("image_id", ""))
    if not image_id.isdecimal():
        raise DataError(f"no image_id: {place}: got {image_id!r}")
    return question_example(
        find_picture(images, coco_stems(image_id), where=place),
        question,
        _right_choice(row, place) if answer == "choice" else _direct(row, place),
        key=str(row.get("question_id", place)),
        prompt=prompt,
    )


def _direct(row: dict[str, Any], place: str) -> str:
    answers = row.get("direct_answers")
    if isinstance(answers, str):  # some copies hold the list as text
        answers = [part.strip(" '\"") for part in answers.strip("[]").split(",")]
    return most_common_answer(answers or [], where=place)


def _right_choice(row: dict[str, Any], place: str) -> str:
    choices, index = row.get("choices"), row.get("correct_choice_idx")
    if not isinstance(choices, list) or not isinstance(index, int) or index >= len(choices):
        raise DataError(f"no answer: {place}: no correct_choice_idx among choices")
    return str(choices[index])
