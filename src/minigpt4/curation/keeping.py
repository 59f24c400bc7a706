"""Keep a copy of each picture beside the database, so that a draft and its picture stay together.

A picture that is there already, under another number, is not kept a second time.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from minigpt4.curation.pictures import Picture
from minigpt4.curation.store import DraftStore
from minigpt4.errors import CurationError


def keep_picture(store: DraftStore, number: int, picture: Picture) -> dict[str, Any]:
    """Write the picture file and return the columns that say so.

    The second of two pictures with the same bytes gets a fault instead.

    Raises:
        CurationError: when the file can't be written, as on a full disk.
    """
    columns: dict[str, Any] = {
        "picture_sha256": picture.sha256,
        "origin": picture.origin,
        "truth": None if picture.truth is None else json.dumps(picture.truth),
    }
    twin = store.query(
        "SELECT number FROM drafts WHERE picture_sha256 = ? AND number <> ? AND fault = ''",
        (picture.sha256, number),
    )
    if twin:
        return columns | {"fault": f"same picture as number {twin[0][0]}: {picture.origin}"}
    name = f"{number:06d}.{picture.suffix}"
    _write(store.pictures / name, picture.content)
    return columns | {"picture": name}


def _write(path: Path, content: bytes) -> None:
    aside = path.with_name(f".{path.name}.partial")
    try:
        _write_file(aside, content)
        aside.replace(path)
    except OSError as error:
        raise CurationError(
            f"{path} can't be written ({error}); what was recorded before is safe: make room and "
            "run the same command again"
        ) from error
    finally:
        aside.unlink(missing_ok=True)


def _write_file(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        # The database says that the picture is there, so it must survive as surely as that.
        os.fsync(file.fileno())
