"""A source made of an annotation file's rows and a function that reads a row.

Each format of annotation files is one small module with one `open_FORMAT` function, which returns
this source. A row is read when it is drawn, so a data set opens at once and a bad row is counted
where it is met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from minigpt4.data.example import Example
from minigpt4.data.records import Records, need_object
from minigpt4.data.troubles import Troubles
from minigpt4.errors import DataError

ReadRow: TypeAlias = Callable[[dict[str, Any], str], Example]
"""Make an example of (row, place). Picklable: a module's function or a partial of one."""


class RecordSource:
    """Examples read from annotation rows; raises a DataError for a row that is bad."""

    def __init__(self, records: Records, read: ReadRow) -> None:
        self.records, self.read = records, read
        self.clean: Callable[[str], str] | None = None
        """Applied to captions, that is to answers without a prompt."""

        self.troubles = Troubles()

    @property
    def skipped(self) -> Counter[str]:
        """Rows found unusable when the source was opened: none, they are met when drawn."""
        return self.troubles.counts

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Example:
        if not 0 <= index < len(self):
            raise IndexError(f"no example {index} among {len(self)}")
        place = self.place(index)
        example = self.read(need_object(self.records[index], where=place), place)
        if self.clean is None:
            return example
        turns = (
            turn if turn.prompt else replace(turn, answer=self.clean(turn.answer))
            for turn in example.turns
        )
        return replace(example, turns=tuple(turns))

    def place(self, index: int) -> str:
        """Say where a row stands: file and line, or file and entry."""
        return self.records.place(index)


def pictures_folder(images: str | Path | None, annotations: Path) -> Path:
    """Return where pictures are looked for: `images`, else `images/` beside the file, else there.

    Raises:
        DataError: if `images` is not a folder.
    """
    if images is not None:
        folder = Path(images)
        if not folder.is_dir():
            raise DataError(f"no folder {folder}; give the folder of the pictures as images=DIR")
        return folder
    beside = annotations.parent / "images"
    return beside if beside.is_dir() else annotations.parent
