"""COCO's captions, an example a caption."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.small_files import write_json, write_pictures
from minigpt4.data.coco_captions import open_coco_captions
from minigpt4.errors import DataError

IMAGES = [{"id": 9, "file_name": "000000000009.jpg", "width": 4, "height": 4}]
NOTES = [
    {"id": 1, "image_id": 9, "caption": "A cat.\n"},
    {"id": 2, "image_id": 9, "caption": "A cat on a mat."},
]


def _write(path: Path, **content: Any) -> Path:
    return write_json(path, {"images": IMAGES, "annotations": NOTES} | content)


def test_each_caption_is_an_example(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", "000000000009.jpg")
    path = _write(tmp_path / "captions.json")
    source = open_coco_captions(path, images=tmp_path / "pictures")
    assert [source[index].turns[0].answer for index in range(2)] == ["A cat.", "A cat on a mat."]
    assert source[1].image == tmp_path / "pictures" / "000000000009.jpg"
    assert [source[index].key for index in range(2)] == ["1", "2"]


def test_the_official_folders_are_found(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train2017", "000000000009.jpg")
    path = _write(tmp_path / "annotations" / "captions_train2017.json")
    assert open_coco_captions(path)[0].image == tmp_path / "train2017" / "000000000009.jpg"


def test_pictures_in_images_beside_the_file_are_found(tmp_path: Path) -> None:
    write_pictures(tmp_path / "images", "000000000009.jpg")
    assert open_coco_captions(_write(tmp_path / "c.json"))[0].image == (
        tmp_path / "images" / "000000000009.jpg"
    )


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        ({"id": 3, "image_id": 10, "caption": "x"}, "no picture"),
        ({"id": 3, "image_id": 9}, "no caption"),
        ({"id": 3, "image_id": 9, "caption": " "}, "empty caption"),
        (7, "not an object"),
    ],
)
def test_a_bad_annotation_says_why_and_where(tmp_path: Path, note: Any, reason: str) -> None:
    source = open_coco_captions(_write(tmp_path / "c.json", annotations=[*NOTES, note]))
    with pytest.raises(DataError, match=rf"^{reason}: .*c\.json, entry 3"):
        source[2]


@pytest.mark.parametrize(
    ("content", "message"),
    [({"images": []}, "no COCO file"), ([], "no COCO file"),
     ({"images": [], "annotations": []}, "no annotation")],
)  # fmt: skip
def test_another_file_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_coco_captions(write_json(tmp_path / "c.json", content))
