"""A folder of pictures with captions.jsonl, as people and Hugging Face write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.small_files import write_lines, write_pictures
from minigpt4.data.example import Turn
from minigpt4.data.folder_captions import open_folder_captions
from minigpt4.data.mixing import Mixture
from minigpt4.errors import DataError


def test_captions_and_their_pictures(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a.png", "deep/b.webp")
    write_lines(
        tmp_path / "captions.jsonl",
        {"image": "a.png", "caption": "a cat"},
        {"image": "deep/b.webp", "caption": "a dog"},
    )
    source = open_folder_captions(tmp_path)
    assert [source[index].turns[0].answer for index in range(2)] == ["a cat", "a dog"]
    assert source[1].image == tmp_path / "deep" / "b.webp"
    assert source[1].key == "deep/b.webp"
    drawn = Mixture([(source, 1)], batch_size=4, seed=0).draw(0)
    assert not drawn.skipped


def test_the_names_of_an_image_folder_are_understood(tmp_path: Path) -> None:
    write_lines(tmp_path / "metadata.jsonl", {"file_name": "a.png", "text": "a cat"})
    assert open_folder_captions(tmp_path)[0].turns[0].answer == "a cat"


def test_a_prompt_beside_the_caption_is_kept(tmp_path: Path) -> None:
    row = {"image": "a.png", "prompt": "<image>What?", "caption": "a cat"}
    path = write_lines(tmp_path / "x.jsonl", row)
    assert open_folder_captions(path)[0].turns == (Turn(prompt="What?", answer="a cat"),)


def test_pictures_can_lie_elsewhere(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", {"image": "a.png", "caption": "a cat"})
    pictures = write_pictures(tmp_path / "pictures", "a.png")
    assert open_folder_captions(path, images=pictures)[0].image == pictures / "a.png"
    with pytest.raises(DataError, match=r"no folder .*images=DIR"):
        open_folder_captions(path, images=tmp_path / "gone")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"image": "a.png"}, "no caption"),
        ({"image": "a.png", "caption": 3}, "no caption"),
        ({"image": "a.png", "caption": "  "}, "empty caption"),
        ({"caption": "x"}, "no image"),
        ({"image": "", "caption": "x"}, "empty image"),
        (["a.png", "x"], "not an object"),
        ("{broken", "not JSON"),
    ],
)
def test_a_bad_line_says_why_and_where(tmp_path: Path, row: object, reason: str) -> None:
    good = {"image": "a.png", "caption": "x"}
    source = open_folder_captions(write_lines(tmp_path / "x.jsonl", good, row))
    with pytest.raises(DataError, match=rf"^{reason}: .*x\.jsonl, line 2"):
        source[1]
    assert source[0].turns


def test_a_missing_picture_is_replaced_and_counted(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a.png")
    rows = [{"image": name, "caption": name} for name in ("a.png", "gone.png")]
    write_lines(tmp_path / "captions.jsonl", *rows)
    drawn = Mixture([(open_folder_captions(tmp_path), 1)], batch_size=4, seed=0).draw(0)
    assert {example.key for example in drawn.examples} == {"a.png"}
    assert drawn.skipped["missing picture"] >= 2


def test_a_folder_without_captions_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"captions\.jsonl or metadata\.jsonl"):
        open_folder_captions(tmp_path)


def test_indices_beyond_the_end_are_refused(tmp_path: Path) -> None:
    source = open_folder_captions(write_lines(tmp_path / "x.jsonl", {"image": "a", "text": "x"}))
    with pytest.raises(IndexError):
        source[1]
