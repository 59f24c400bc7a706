"""Image-text pairs in img2dataset's tar shards: read by position, written in the same layout.

A shard `00000.tar` holds for each sample `KEY.jpg` (or png, webp, ...), `KEY.txt` and `KEY.json`.
It is walked once to note where each member lies (`shard_index`); afterwards any sample is two reads
at known places, so the order of an epoch can be any permutation, with no shuffle buffer.

Paper: §3.1 (5 million pairs of LAION, Conceptual Captions and SBU for stage 1).
"""

from __future__ import annotations

import io
import json
import logging
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from minigpt4.data.example import Example, captioned
from minigpt4.data.open_files import OpenFiles
from minigpt4.data.pictures import PICTURE_SUFFIXES, decode_picture
from minigpt4.data.shard_index import Report, index_shards
from minigpt4.data.troubles import Troubles
from minigpt4.errors import DataError

logger = logging.getLogger(__name__)

_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


class TarShards:
    """The examples of tar shards; `troubles` has the unusable samples by reason and place.

    `shards` is a path, a pattern with brace ranges (`laion/{00000..10488}.tar`), a folder, or a
    list of these. `clean` is applied to each caption. `report` is called with (done, all) shards
    while they are indexed for the first time.
    """

    def __init__(
        self,
        shards: str | Path | Sequence[str | Path],
        *,
        clean: Callable[[str], str] | None = None,
        report: Report | None = None,
    ) -> None:
        self.paths = expand_shards(shards)
        self.clean = clean
        self.troubles = Troubles()
        self._files = OpenFiles()
        indexes = index_shards(self.paths, report=report)
        self.sizes = [index.num_bytes for index in indexes]
        """Bytes of each shard when it was indexed."""
        for index in indexes:
            self.troubles.merge(index.troubles)
        self._keys = np.concatenate([index.keys for index in indexes])
        self._places = np.concatenate([index.places for index in indexes])
        self._ends = np.cumsum([len(index.keys) for index in indexes])
        if not len(self):
            raise DataError(
                f"no usable sample in {len(self.paths)} shards ({dict(self.skipped)}); first: "
                f"{self.paths[0]}. Wanted KEY.jpg with KEY.txt or KEY.json, as img2dataset writes"
            )
        if self.skipped:
            logger.warning(
                "%d samples of %d shards are usable, others are not: %s",
                len(self),
                len(self.paths),
                dict(self.skipped),
            )

    @property
    def skipped(self) -> Counter[str]:
        """Samples that were found unusable when the shards were indexed, by reason."""
        return self.troubles.counts

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Example:
        shard, key, place = self._find(index)
        path = self.paths[shard]
        where = f"{path}, member {key}"
        text = self._files.read(path, int(place["caption"]), int(place["caption_bytes"]))
        caption = _caption(text, is_json=bool(place["is_json"]), where=where)
        if self.clean is not None:
            caption = self.clean(caption)
        picture = decode_picture(self._picture(path, place), where=where)
        return captioned(picture, caption, key=f"{path.name}/{key}")

    def place(self, index: int) -> str:
        """Name the shard and the member of a sample."""
        shard, key, _ = self._find(index)
        return f"{self.paths[shard]}, member {key}"

    def picture_file(self, index: int) -> tuple[bytes, str]:
        """Return the bytes of a picture as they lie in the shard, and its suffix."""
        shard, _, place = self._find(index)
        return self._picture(self.paths[shard], place), PICTURE_SUFFIXES[place["suffix"]]

    def _find(self, index: int) -> tuple[int, str, Any]:
        """Return the number of the shard, the key and the place of a sample."""
        if not 0 <= index < len(self):
            raise IndexError(f"no example {index} among {len(self)}")
        key = bytes(self._keys[index]).decode("utf-8", "replace")
        shard = int(np.searchsorted(self._ends, index, side="right"))
        return shard, key, self._places[index]

    def _picture(self, path: Path, place: Any) -> bytes:
        return self._files.read(path, int(place["picture"]), int(place["picture_bytes"]))


def expand_shards(shards: str | Path | Sequence[str | Path]) -> list[Path]:
    """Return the shard files meant by paths, brace ranges and folders.

    Raises:
        DataError: for a path that does not exist (the first missing ones are named).
    """
    if isinstance(shards, (str, Path)):
        shards = [shards]
    paths: list[Path] = []
    for text in shards:
        folder = Path(text)
        paths += sorted(folder.glob("*.tar")) if folder.is_dir() else _expand_braces(str(text))
    missing = [path for path in paths if not path.is_file()]
    if missing or not paths:
        named = ", ".join(map(str, missing[:3])) or ", ".join(map(str, shards))
        raise DataError(
            f"{len(missing)} of {len(paths)} shards do not exist: {named}; "
            "give .tar files, a folder of them, or a range such as laion/{00000..00041}.tar"
        )
    return paths


class EncodedPair(NamedTuple):
    """A picture as a file's bytes, and its caption."""

    content: bytes
    suffix: str
    caption: str
    size_px: tuple[int, int]
    """Width and height."""

    url: str
    """Where it comes from."""


def write_shards(
    pairs: Iterable[tuple[Image.Image, str]],
    out: str | Path,
    *,
    samples_per_shard: int = 1000,
    quality: int = 95,
) -> int:
    """Write pictures as JPEG and captions as img2dataset does; return the number of shards."""
    encoded = (
        EncodedPair(_jpeg(image, quality), "jpg", caption, image.size, f"drawn://{number}")
        for number, (image, caption) in enumerate(pairs)
    )
    return write_encoded_shards(encoded, out, samples_per_shard=samples_per_shard)


def write_encoded_shards(
    pairs: Iterable[EncodedPair], out: str | Path, *, samples_per_shard: int = 1000
) -> int:
    """Write pictures as they are and captions as img2dataset does; return the number of shards.

    Each shard is written aside and renamed, and has a `00000_stats.json` beside it.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    pairs, number = iter(pairs), 0
    while chunk := list(islice(pairs, samples_per_shard)):
        _write_shard(chunk, out, number, samples_per_shard)
        number += 1
    return number


def _write_shard(pairs: list[EncodedPair], out: Path, shard: int, per_shard: int) -> None:
    final = out / f"{shard:05d}.tar"
    aside = out / f".{final.name}.partial"
    digits = len(str(per_shard - 1)) if per_shard > 1 else 1
    with tarfile.open(aside, "w") as archive:
        for offset, pair in enumerate(pairs):
            key = f"{shard:05d}{offset:0{max(digits, 4)}d}"
            width, height = pair.size_px
            record = {
                "url": pair.url,
                "caption": pair.caption,
                "key": key,
                "status": "success",
                "error_message": None,
                "width": width,
                "height": height,
                "original_width": width,
                "original_height": height,
                "exif": "{}",
            }
            _add(archive, f"{key}.{pair.suffix}", pair.content)
            _add(archive, f"{key}.txt", pair.caption.encode())
            _add(archive, f"{key}.json", json.dumps(record, indent=4).encode())
    aside.replace(final)
    stats = {"count": len(pairs), "successes": len(pairs), "failed_to_download": 0}
    stats |= {"failed_to_resize": 0, "status_dict": {"success": len(pairs)}}
    (out / f"{shard:05d}_stats.json").write_text(json.dumps(stats, indent=4))


def _jpeg(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _expand_braces(text: str) -> list[Path]:
    found = _RANGE.search(text)
    if found is None:
        return [Path(text)]
    first, last = found.groups()
    before, after = text[: found.start()], text[found.end() :]
    return [
        path
        for number in range(int(first), int(last) + 1)
        for path in _expand_braces(f"{before}{number:0{len(first)}d}{after}")
    ]


def _caption(text: bytes, *, is_json: bool, where: str) -> str:
    try:
        caption = json.loads(text)["caption"] if is_json else text.decode("utf-8")
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"unreadable caption: {where}: {error}") from error
    if not isinstance(caption, str) or not caption.strip():
        raise DataError(f"empty caption: {where}")
    return caption
