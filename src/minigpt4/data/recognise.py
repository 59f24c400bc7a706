"""Tell the format of a data set from what lies there, without reading all of it.

A folder is known by the files in it, an annotation file by its first megabyte: the names in its
first row, or at its top.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minigpt4.data import cc_sbu_align, folder_captions
from minigpt4.errors import DataError

_PEEK_BYTES = 1 << 20
_WANTED = "give FORMAT:PATH to say which it is, or see docs/data.md"


def recognise(path: str | Path) -> tuple[str, Path]:
    """Return the name of the format, and the path that its reader takes.

    Raises:
        DataError: for a path that does not exist, or what is not known (saying what was found).
    """
    path = Path(path)
    if path.suffix == ".tar" or "{" in path.name:
        return "tar_shards", path
    if path.is_dir():
        return _recognise_folder(path)
    if not path.exists():
        raise DataError(f"nothing at {path}; give a folder, an annotation file or tar shards")
    if path.name == cc_sbu_align.ANNOTATIONS:
        return "cc_sbu_align", path.parent
    return _recognise_file(path), path


def _recognise_folder(folder: Path) -> tuple[str, Path]:
    if (folder / cc_sbu_align.ANNOTATIONS).is_file():
        return "cc_sbu_align", folder
    if any(folder.glob("*.tar")):
        return "tar_shards", folder
    if any((folder / name).is_file() for name in folder_captions.NAMES):
        return "folder_captions", folder
    annotations = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".jsonl"))
    if len(annotations) == 1:
        return _recognise_file(annotations[0]), annotations[0]
    names = sorted(path.name for path in folder.iterdir())
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    several = "name one of its annotation files" if annotations else "it needs captions.jsonl"
    raise DataError(f"{folder} has {shown or 'nothing'}: no known format; {several}, or {_WANTED}")


def _recognise_file(path: Path) -> str:
    with path.open("rb") as file:
        text = file.read(_PEEK_BYTES).decode("utf-8-sig", "replace").lstrip()
    if not text:
        raise DataError(
            f"{path} is empty; wanted an annotation file with something in it: get it again, its "
            "download or copy did not end"
        )
    if not text.startswith(("{", "[")):
        raise DataError(f"{path} begins with {text[:20]!r}: neither JSON nor a tar file; {_WANTED}")
    # Not splitlines(): it also splits at U+2028 and its like, which JSON leaves within a text.
    lines = text.rstrip().split("\n")
    first = _decode(lines[0]) if text.startswith("{") else None
    if isinstance(first, dict) and (len(lines) > 1 or path.suffix == ".jsonl"):
        found = _format_of_row(first)  # JSON lines
    elif text.startswith("["):
        first = _decode(text[1:].lstrip())
        found = _format_of_row(first) if isinstance(first, dict) else None
    else:
        top = dict(_top(text))
        first = top
        found = _format_of_object(top)
        if found is None and path.suffix == ".jsonl":  # one row longer than what was read
            found = _format_of_row(top)
    if found is None:
        keys = sorted(first)[:8] if isinstance(first, dict) else type(first).__name__
        raise DataError(f"{path} has {keys}: no known format; {_WANTED}")
    return found


def _format_of_row(row: dict[str, Any]) -> str | None:
    """Tell the format of a list or of JSON lines from its first row."""
    keys = set(row)
    if "url" in keys and "caption" in keys and not keys & set(folder_captions.IMAGE_KEYS):
        raise DataError(
            "this is a list of addresses, not of pictures; `minigpt4 data prepare` turns it into "
            "what img2dataset downloads"
        )
    if "conversations" in keys:
        return "llava"
    if "messages" in keys or {"prompt", "completion"} <= keys or {"query", "response"} <= keys:
        return "messages"
    if "question" in keys and keys & {"direct_answers", "choices", "rationales"}:
        return "aokvqa"
    if {"dataset_id", "image_id", "caption"} <= keys:
        return "localized_narratives"
    if keys & set(folder_captions.IMAGE_KEYS) and keys & set(folder_captions.CAPTION_KEYS):
        return "folder_captions"
    return None


def _format_of_object(top: dict[str, Any]) -> str | None:
    """Tell the format of a JSON object from its names and the first entry of each."""
    if "questions" in top:
        return "vqav2"
    note = top.get("annotations")
    if "images" in top or (isinstance(note, dict) and {"id", "caption"} <= set(note)):
        return "coco_captions"
    first = next(iter(top.values()), None)
    if isinstance(first, dict) and {"imageId", "question"} <= set(first):
        return "gqa"
    return None


def _top(text: str) -> Iterator[tuple[str, Any]]:
    """Yield the names at the top of a JSON object with their values, of a list its first entry.

    The text may break off: the last name is then that of a list too long to be seen whole.
    """
    position = 1
    while True:
        name = re.compile(r'[\s,]*("(?:[^"\\]|\\.)*")\s*:\s*').match(text, position)
        if name is None:
            return
        position = name.end()
        is_list = text.startswith("[", position)
        first = _decode(text[position + 1 :].lstrip()) if is_list else _decode(text[position:])
        yield json.loads(name[1]), first
        try:
            position = json.JSONDecoder().raw_decode(text, position)[1]
        except ValueError:
            return


def _decode(text: str) -> Any:
    """Return the JSON value that a text begins with, None if it is not whole."""
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except ValueError:
        return None
