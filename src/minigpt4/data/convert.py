"""Write a data set in another form, picture files byte for byte as they were.

Tar shards, cc_sbu_align and COCO have room for a caption only, captions.jsonl also for one prompt;
conversations go to LLaVA's or the messages form. Bad examples are left out and counted.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from PIL import Image

from minigpt4.data import cc_sbu_align, folder_captions
from minigpt4.data.example import Example, OpenedSource, Turn
from minigpt4.data.mixing import with_picture
from minigpt4.data.pictures import decode_picture, encoded_picture
from minigpt4.data.shards import EncodedPair, TarShards, write_encoded_shards
from minigpt4.data.troubles import Troubles, reason_of
from minigpt4.errors import DataError, ImageError, SettingsError
from minigpt4.world.export import new_folder

Report = Callable[[int, int], None]
"""Called with (done, all) examples, for a progress bar."""

_IMAGES = "images"
_JPEG_QUALITY = 95


@dataclass(frozen=True, kw_only=True)
class Converted:
    """What became of a data set."""

    num_written: int
    left_out: Troubles


@dataclass(frozen=True, kw_only=True)
class _Item:
    """A good example with the bytes of its picture file."""

    number: int
    content: bytes
    suffix: str
    size_px: tuple[int, int]
    turns: tuple[Turn, ...]
    key: str

    @property
    def caption(self) -> str:
        return self.turns[0].answer

    @property
    def file_name(self) -> str:
        return f"{self.number:09d}.{self.suffix}"


def convert(
    source: OpenedSource,
    to: str,
    out: str | Path,
    *,
    limit: int | None = None,
    report: Report | None = None,
) -> Converted:
    """Write the examples of a source into a new or empty folder, whole or not at all.

    Raises:
        SettingsError: for an unknown form, one that has no room for the examples' prompts, or a
            folder that is not empty.
        DataError: if no example is usable.
    """
    if to not in WRITERS:
        raise SettingsError(f"unknown form {to!r}; known: {', '.join(WRITERS)}")
    left_out, num_written = Troubles(), 0
    left_out.merge(source.troubles)

    def counted() -> Iterator[_Item]:
        nonlocal num_written
        for item in _items(source, limit, left_out, report):
            prompt = item.turns[0].prompt
            several = len(item.turns) > 1 and to not in _CONVERSATIONS
            if several or (prompt and to not in _WITH_PROMPT):
                raise SettingsError(
                    f"{item.key} has {len(item.turns)} turns, first prompt "
                    f"{prompt[:40]!r}; {to} has no room for that: choose llava or "
                    "messages"
                )
            num_written += 1
            yield item

    with new_folder(out) as draft:
        items = counted()
        first = next(items, None)
        if first is None:
            raise DataError(f"no usable example to convert: {dict(left_out.counts)}")
        WRITERS[to](chain([first], items), draft)
    return Converted(num_written=num_written, left_out=left_out)


def _items(
    source: OpenedSource, limit: int | None, left_out: Troubles, report: Report | None
) -> Iterator[_Item]:
    num = len(source) if limit is None else min(limit, len(source))
    number = 0
    for index in range(num):
        try:
            example = source[index]
            decoded = with_picture(example).image
            assert isinstance(decoded, Image.Image)
            content, suffix = _picture_file(source, index, example)
        except (DataError, ImageError) as error:
            left_out.add(*reason_of(error))
        else:
            yield _Item(
                number=number,
                content=content,
                suffix=suffix,
                size_px=decoded.size,
                turns=example.turns,
                key=example.key,
            )
            number += 1
        if report is not None:
            report(index + 1, num)


def _picture_file(source: OpenedSource, index: int, example: Example) -> tuple[bytes, str]:
    if isinstance(source, TarShards):
        return source.picture_file(index)
    assert example.image is not None
    return encoded_picture(example.image)


def _write_tar_shards(items: Iterable[_Item], out: Path) -> None:
    pairs = (
        EncodedPair(item.content, item.suffix, item.caption, item.size_px, item.key)
        for item in items
    )
    write_encoded_shards(pairs, out)


def _write_cc_sbu_align(items: Iterable[_Item], out: Path) -> None:
    """The official reader knows .jpg only, so other pictures are encoded anew."""
    (out / cc_sbu_align.IMAGES).mkdir()
    annotations = []
    for item in items:
        content = item.content
        if item.suffix not in ("jpg", "jpeg"):
            file = io.BytesIO()
            picture = decode_picture(content, where=item.key).convert("RGB")
            picture.save(file, "JPEG", quality=_JPEG_QUALITY)
            content = file.getvalue()
        (out / cc_sbu_align.IMAGES / f"{item.number}.jpg").write_bytes(content)
        annotations.append({"image_id": str(item.number), "caption": item.caption})
    text = json.dumps({"annotations": annotations}, indent=1)
    (out / cc_sbu_align.ANNOTATIONS).write_text(text, encoding="utf-8")


def _write_folder_captions(items: Iterable[_Item], out: Path) -> None:
    def row(item: _Item) -> dict[str, Any]:
        row = {"image": _write_picture(item, out), "caption": item.caption}
        return row | ({"prompt": item.turns[0].prompt} if item.turns[0].prompt else {})

    _write_lines((row(item) for item in items), out / folder_captions.NAMES[0])


def _write_coco_captions(items: Iterable[_Item], out: Path) -> None:
    images, annotations = [], []
    for item in items:
        _write_picture(item, out)
        width, height = item.size_px
        number = item.number
        images.append({"id": number, "file_name": item.file_name, "width": width, "height": height})
        annotations.append({"id": number, "image_id": number, "caption": item.caption})
    content = {"info": {}, "licenses": [], "images": images, "annotations": annotations}
    (out / "captions.json").write_text(json.dumps(content), encoding="utf-8")


def _write_llava(items: Iterable[_Item], out: Path) -> None:
    with (out / "llava.json").open("w", encoding="utf-8") as file:
        for item in items:
            said = []
            for turn in item.turns:
                mark = "<image>\n" if not said else ""
                said.append({"from": "human", "value": (mark + turn.prompt).strip()})
                said.append({"from": "gpt", "value": turn.answer})
            image = Path(_write_picture(item, out)).name  # found in images/ beside the file
            row = {"id": f"{item.number:09d}", "image": image, "conversations": said}
            file.write(("[\n" if item.number == 0 else ",\n") + json.dumps(row))
        file.write("\n]\n")


def _write_messages(items: Iterable[_Item], out: Path) -> None:
    def row(item: _Item) -> dict[str, Any]:
        messages = []
        for turn in item.turns:
            mark = "<image>" if not messages else ""
            messages.append({"role": "user", "content": mark + turn.prompt})
            messages.append({"role": "assistant", "content": turn.answer})
        return {"messages": messages, "images": [_write_picture(item, out)]}

    _write_lines((row(item) for item in items), out / "messages.jsonl")


def _write_lines(rows: Iterable[dict[str, Any]], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def _write_picture(item: _Item, out: Path) -> str:
    """Write the picture file; return its path inside the folder."""
    folder = out / _IMAGES
    folder.mkdir(exist_ok=True)
    (folder / item.file_name).write_bytes(item.content)
    return f"{_IMAGES}/{item.file_name}"


WRITERS: dict[str, Callable[[Iterable[_Item], Path], None]] = {
    "tar_shards": _write_tar_shards,
    "cc_sbu_align": _write_cc_sbu_align,
    "folder_captions": _write_folder_captions,
    "coco_captions": _write_coco_captions,
    "llava": _write_llava,
    "messages": _write_messages,
}
"""The forms that can be written."""

_CONVERSATIONS = frozenset({"llava", "messages"})
_WITH_PROMPT = _CONVERSATIONS | {"folder_captions"}
