"""Image-text pairs in img2dataset's tar shards: read by position, written in the same layout.

A shard `00000.tar` holds for each sample `KEY.jpg` (or png, webp), `KEY.txt` and `KEY.json`. It is
walked once to note where each member lies; afterwards any sample is two reads at known places, so
the order of an epoch can be any permutation, with no shuffle buffer.

Paper: §3.1 (5 million pairs of LAION, Conceptual Captions and SBU for stage 1).
"""

from __future__ import annotations

import io
import json
import logging
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from minigpt4.data.example import Example, captioned
from minigpt4.data.pictures import decode_picture
from minigpt4.errors import DataError

logger = logging.getLogger(__name__)

PICTURE_SUFFIXES = ("jpg", "jpeg", "png", "webp")
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of a member lie in its shard."""

    offset: int
    num_bytes: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A usable sample of a shard: its key and where its picture and caption lie."""

    key: str
    picture: Place
    caption: Place
    caption_is_json: bool


class TarShards:
    """The examples of tar shards; `skipped` counts the unusable samples by reason.

    `shards` is a path, a pattern with brace ranges (`laion/{00000..10488}.tar`), a folder, or a
    list of these. `clean` is applied to each caption.
    """

    def __init__(
        self,
        shards: str | Path | Sequence[str | Path],
        *,
        clean: Callable[[str], str] | None = None,
    ) -> None:
        self.paths = expand_shards(shards)
        self.clean = clean
        self.skipped: Counter[str] = Counter()
        self.samples: list[tuple[int, Sample]] = []
        for number, path in enumerate(self.paths):
            samples, skipped = index_shard(path)
            self.samples += [(number, sample) for sample in samples]
            self.skipped += skipped
        if not self.samples:
            raise DataError(
                f"no usable sample in {len(self.paths)} shards ({dict(self.skipped)}); first: "
                f"{self.paths[0]}. Wanted KEY.jpg with KEY.txt or KEY.json, as img2dataset writes"
            )
        if self.skipped:
            logger.warning(
                "%d samples of %d shards are usable, others are not: %s",
                len(self.samples),
                len(self.paths),
                dict(self.skipped),
            )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Example:
        number, sample = self.samples[index]
        path = self.paths[number]
        with path.open("rb") as file:
            picture = _read(file, sample.picture)
            text = _read(file, sample.caption)
        where = f"{path}, member {sample.key}"
        caption = _caption(text, is_json=sample.caption_is_json, where=where)
        if self.clean is not None:
            caption = self.clean(caption)
        return captioned(
            decode_picture(picture, where=where), caption, key=f"{path.name}/{sample.key}"
        )


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


def index_shard(path: Path) -> tuple[list[Sample], Counter[str]]:
    """Walk a shard once; return its samples in order and the unusable ones by reason.

    A shard that breaks off is used up to there, with a warning.
    """
    members: dict[str, dict[str, Place]] = {}
    skipped: Counter[str] = Counter()
    num_bytes = path.stat().st_size
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                key, _, suffix = member.name.rpartition("/")[2].partition(".")
                if not member.isfile():
                    continue
                if member.offset_data + member.size > num_bytes:
                    raise tarfile.ReadError(f"member {member.name} breaks off")
                place = Place(member.offset_data, member.size)
                members.setdefault(key, {})[suffix.lower()] = place
    except (tarfile.TarError, OSError) as error:
        logger.warning("%s is damaged (%s); using the %d samples before", path, error, len(members))
        skipped["damaged shard"] += 1
    samples = []
    for key, parts in members.items():
        picture = next((parts[suffix] for suffix in PICTURE_SUFFIXES if suffix in parts), None)
        caption = parts.get("txt") or parts.get("json")
        if picture is None or caption is None:
            skipped["no picture" if picture is None else "no caption"] += 1
            continue
        samples.append(Sample(key, picture, caption, "txt" not in parts))
    return samples, skipped


def write_shards(
    pairs: Iterable[tuple[Image.Image, str]],
    out: str | Path,
    *,
    samples_per_shard: int = 1000,
    quality: int = 95,
) -> int:
    """Write pictures and captions as img2dataset does; return the number of shards.

    Each shard is written aside and renamed, and has a `00000_stats.json` beside it.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    number = 0
    for number, chunk in enumerate(_chunks(pairs, samples_per_shard), start=1):
        _write_shard(chunk, out, number - 1, samples_per_shard, quality)
    return number


def _write_shard(
    pairs: list[tuple[Image.Image, str]], out: Path, shard: int, per_shard: int, quality: int
) -> None:
    final = out / f"{shard:05d}.tar"
    aside = out / f".{final.name}.partial"
    digits = len(str(per_shard - 1)) if per_shard > 1 else 1
    with tarfile.open(aside, "w") as archive:
        for offset, (image, caption) in enumerate(pairs):
            key = f"{shard:05d}{offset:0{max(digits, 4)}d}"
            image = image.convert("RGB")
            encoded = io.BytesIO()
            image.save(encoded, "JPEG", quality=quality)
            record = {
                "url": f"drawn://{key}",
                "caption": caption,
                "key": key,
                "status": "success",
                "error_message": None,
                "width": image.width,
                "height": image.height,
                "original_width": image.width,
                "original_height": image.height,
                "exif": "{}",
            }
            _add(archive, f"{key}.jpg", encoded.getvalue())
            _add(archive, f"{key}.txt", caption.encode())
            _add(archive, f"{key}.json", json.dumps(record, indent=4).encode())
    aside.replace(final)
    stats = {"count": len(pairs), "successes": len(pairs), "failed_to_download": 0}
    stats |= {"failed_to_resize": 0, "status_dict": {"success": len(pairs)}}
    (out / f"{shard:05d}_stats.json").write_text(json.dumps(stats, indent=4))


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _chunks(
    pairs: Iterable[tuple[Image.Image, str]], size: int
) -> Iterator[list[tuple[Image.Image, str]]]:
    chunk = []
    for pair in pairs:
        chunk.append(pair)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


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


def _read(file: io.BufferedReader, place: Place) -> bytes:
    file.seek(place.offset)
    return file.read(place.num_bytes)


def _caption(text: bytes, *, is_json: bool, where: str) -> str:
    try:
        caption = json.loads(text)["caption"] if is_json else text.decode("utf-8")
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"unreadable caption: {where}: {error}") from error
    if not isinstance(caption, str) or not caption.strip():
        raise DataError(f"empty caption: {where}")
    return caption
