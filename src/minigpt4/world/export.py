"""Write pictures of the world and their truth to a folder.

    DIR/000000.png ...      the pictures
    DIR/truth.jsonl         a line a picture: `Scene.truth`

A folder is written whole or not at all.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from minigpt4.errors import SettingsError
from minigpt4.world.draw.picture import draw
from minigpt4.world.sample import Split, sample_scene

TRUTH_FILE = "truth.jsonl"
_DRAFT = ".partial"


def write_pictures(
    out: str | Path,
    *,
    split: Split,
    seed: int,
    count: int,
    report: Callable[[int, int], None] | None = None,
) -> None:
    """Write the first `count` pictures of a stream and their truth into a new or empty folder.

    Args:
        report: called with (written, count), for a progress bar.

    Raises:
        SettingsError: if there is something in the folder already.
    """
    with new_folder(out) as draft:
        lines = []
        for index in range(count):
            scene = sample_scene(split, seed, index)
            name = f"{index:06d}.png"
            draw(scene).save(draft / name)
            lines.append(json.dumps(scene.truth(name)) + "\n")
            if report is not None:
                report(index + 1, count)
        (draft / TRUTH_FILE).write_text("".join(lines), encoding="utf-8")


@contextmanager
def new_folder(out: str | Path) -> Iterator[Path]:
    """Give a hidden draft folder whose contents move into `out` when the block ends well.

    After an error or Ctrl-C nothing is left in `out`. Files move last, in the order of their
    names, so that where `truth.jsonl` is, its pictures are too.

    Raises:
        SettingsError: if `out` is a file or has something in it.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise SettingsError(f"{out} is a file; name a new or empty folder")
    out.mkdir(parents=True, exist_ok=True)
    # What a killed process left behind was never finished and may go.
    found = sorted(entry.name for entry in out.iterdir() if entry.name != _DRAFT)
    if found:
        raise SettingsError(
            f"{out} is not empty ({found[0]}, {len(found)} in all); name a new or empty folder"
        )
    # Inside `out`, which may be a disk of its own: a rename can't leave a disk.
    draft = out / _DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        yield draft
        for entry in sorted(draft.iterdir(), key=lambda entry: (entry.is_file(), entry.name)):
            entry.rename(out / entry.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
