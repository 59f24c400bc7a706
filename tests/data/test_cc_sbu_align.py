"""The stage-2 form is read as it is found in the wild, and written as officially."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from minigpt4.data.cc_sbu_align import CcSbuAlign, write_cc_sbu_align
from minigpt4.errors import DataError


def _picture(number: int) -> Image.Image:
    return Image.new("RGB", (8, 6), (number * 40, 10, 10))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_cc_sbu_align(
        [(_picture(n), f"The {n}th picture. It is red!") for n in range(4)], tmp_path
    )
    return tmp_path


def test_what_is_written_is_read_again(folder: Path) -> None:
    source = CcSbuAlign(folder)
    assert len(source) == 4
    example = source[2]
    assert example.key == "2"
    assert example.turns[0].answer == "The 2th picture. It is red!"
    assert example.image == folder / "image" / "2.jpg"
    assert not source.skipped


def test_the_written_form_is_the_official_one(folder: Path) -> None:
    content = json.loads((folder / "filter_cap.json").read_text())
    assert content["annotations"][0] == {
        "image_id": "0",
        "caption": "The 0th picture. It is red!",
    }


def test_a_bare_list_and_numbers_for_ids_are_accepted(folder: Path) -> None:
    (folder / "filter_cap.json").write_text('[{"image_id": 3, "caption": "three"}]')
    assert CcSbuAlign(folder)[0].turns[0].answer == "three"


def test_other_extensions_are_found(folder: Path) -> None:
    (folder / "image" / "1.jpg").unlink()
    _picture(1).save(folder / "image" / "1.PNG")
    assert CcSbuAlign(folder)[1].image == folder / "image" / "1.PNG"


def test_jpg_wins_over_another_extension(folder: Path) -> None:
    _picture(1).save(folder / "image" / "1.png")
    assert CcSbuAlign(folder)[1].image == folder / "image" / "1.jpg"


def test_unusable_annotations_are_counted_by_reason(folder: Path) -> None:
    annotations = [
        {"image_id": "0", "caption": "good"},
        {"image_id": "0", "caption": "  "},
        {"image_id": "99", "caption": "gone"},
        {"caption": "whose?"},
        "text",
    ]
    (folder / "filter_cap.json").write_text(json.dumps(annotations))
    source = CcSbuAlign(folder)
    assert len(source) == 1
    assert source.skipped == {"no caption": 1, "no picture": 1, "no image_id": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not valid JSON"), ('{"a": 1}', "no list"), ("[]", "no usable pair")],
)
def test_a_broken_annotation_file_is_named(folder: Path, text: str, message: str) -> None:
    (folder / "filter_cap.json").write_text(text)
    with pytest.raises(DataError, match=message):
        CcSbuAlign(folder)


def test_a_folder_without_the_form_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"image"):
        CcSbuAlign(tmp_path)
    (tmp_path / "image").mkdir()
    with pytest.raises(DataError, match=r"filter_cap\.json"):
        CcSbuAlign(tmp_path)
