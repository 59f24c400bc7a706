"""From BLIP's lists of addresses to what img2dataset downloads.

`ccs_synthetic_filtered_large.json` and `laion_synthetic_filtered_large.json` are JSON lists of
{"url", "caption"}, the larger one of more than 100 million: read piece by piece, in little memory.

Paper: §3.1; the official preparation, which takes the lists whole.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigpt4.data.records import need_file
from minigpt4.errors import DataError, SettingsError

Report = Callable[[int, int], None]
"""Called with (characters read, bytes of the file), for a progress bar."""

_CHUNK_BYTES = 1 << 20
_MAX_ENTRY_CHARS = 1 << 24
_FOLDERS = {"ccs_synthetic_filtered_large": "cc_sbu_dataset"}
_FOLDERS["laion_synthetic_filtered_large"] = "laion_dataset"


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What became of one list."""

    tsv: Path
    num_written: int
    left_out: Counter[str]
    """Entries that were not written, by reason."""


def prepare(
    path: str | Path, out: str | Path, *, share: float = 1.0, report: Report | None = None
) -> Prepared:
    """Write the addresses and captions of a list as OUT/NAME.tsv.

    Args:
        share: keep this part of the list, chosen by the addresses: the same in every run.

    Raises:
        DataError: for a missing file, or one that is no such list.
    """
    if not 0 < share <= 1:
        raise SettingsError(f"share is {share}; wanted more than 0 and at most 1")
    path, out = Path(path), Path(out)
    num_bytes = need_file(path).stat().st_size
    out.mkdir(parents=True, exist_ok=True)
    final = out / f"{path.stem}.tsv"
    aside = final.with_name(f".{final.name}.partial")
    num_written, left_out = 0, Counter[str]()
    try:
        with aside.open("w", encoding="utf-8", errors="replace", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerow(("url", "caption"))
            for entry, position in _entries(path):
                fault = _write(entry, share, writer)
                if fault:
                    left_out[fault] += 1
                else:
                    num_written += 1
                if report is not None and (num_written + left_out.total()) % 10_000 == 0:
                    report(position, num_bytes)
        if not num_written:
            raise DataError(
                f'{path} has no usable entry ({dict(left_out)}); wanted [{{"url", "caption"}}, ...]'
            )
        aside.replace(final)
    finally:
        aside.unlink(missing_ok=True)
    return Prepared(tsv=final, num_written=num_written, left_out=left_out)


def download_command(tsv: Path, *, image_px: int = 224) -> str:
    """Return the official img2dataset command line for a TSV file.

    The official one resizes with img2dataset's default, a letter box on a square.
    """
    folder = tsv.parent / _FOLDERS.get(tsv.stem, tsv.stem)
    options = {
        "url_list": tsv,
        "input_format": "tsv",
        "url_col": "url",
        "caption_col": "caption",
        "output_format": "webdataset",
        "output_folder": folder,
        "processes_count": 16,
        "thread_count": 128,
        "image_size": image_px,
        "enable_wandb": False,
    }
    return "img2dataset " + " ".join(f"--{k} {shlex.quote(str(v))}" for k, v in options.items())


def _write(entry: Any, share: float, writer: Any) -> str | None:
    """Write an entry; return why it was left out instead, if it was."""
    if not isinstance(entry, dict):
        return "not an object"
    # A line break or a tab would end the row or the column for img2dataset.
    url, caption = (" ".join(str(entry.get(name) or "").split()) for name in ("url", "caption"))
    if not url or not caption:
        return "no caption" if url else "no url"
    if share < 1 and _dice(url) >= share:
        return "not in the share"
    writer.writerow((url, caption))
    return None


def _dice(url: str) -> float:
    """Return a number in [0, 1) that depends on the address alone."""
    digest = hashlib.blake2b(url.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _entries(path: Path) -> Iterator[tuple[Any, int]]:
    """Yield the entries of a JSON list and how many characters have been read.

    Raises:
        DataError: for a file that is no list, or breaks off.
    """
    decoder = json.JSONDecoder()
    with path.open(encoding="utf-8-sig") as file:
        text, begun, num_read = "", False, 0
        while True:
            chunk = file.read(_CHUNK_BYTES)
            num_read += len(chunk)
            text = (text + chunk).lstrip()
            if not begun and text:
                if not text.startswith("["):
                    raise DataError(f"{path} begins with {text[:20]!r}; wanted a JSON list")
                text, begun = text[1:], True
            position = 0
            while (start := _skip(text, position)) < len(text):
                if text[start] == "]":
                    return
                try:
                    entry, end = decoder.raw_decode(text, start)
                except ValueError as error:
                    if not chunk or len(text) - start > _MAX_ENTRY_CHARS:
                        raise DataError(f"{path} is not valid JSON: {error}") from error
                    break  # the entry goes on in the next chunk
                if end == len(text) and chunk:
                    break  # a number may go on as well
                position = end
                yield entry, num_read
            text = text[position:]
            if not chunk:
                raise DataError(f"{path} breaks off; is the download complete?")


def _skip(text: str, position: int) -> int:
    """Return the position after blanks and commas."""
    while position < len(text) and text[position] in " \t\r\n,":
        position += 1
    return position
