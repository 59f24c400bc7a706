"""Narratives are captions; pictures are found under the names of their data sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.small_files import write_lines, write_pictures
from minigpt4.data.localized_narratives import open_localized_narratives
from minigpt4.errors import DataError

ROW = {
    "dataset_id": "mscoco_train2017",
    "image_id": "137576",
    "annotator_id": 93,
    "caption": "In this image there are  two cows.",
    "timed_caption": [{"utterance": "In", "start_time": 0.0, "end_time": 0.4}],
    "traces": [[{"x": 0.2, "y": -0.1, "t": 0.0}]],
    "voice_recording": "coco_train/coco_train_137576_93.ogg",
}


@pytest.mark.parametrize(
    ("image_id", "file_name"),
    [
        ("137576", "000000137576.jpg"),
        ("137576", "COCO_train2014_000000137576.jpg"),
        ("137576", "137576.png"),
        ("d0a1b2c3", "d0a1b2c3.jpg"),
        ("ADE_train_00000001", "ADE_train_00000001.jpg"),
    ],
)
def test_pictures_of_all_its_data_sets(tmp_path: Path, image_id: str, file_name: str) -> None:
    pictures = write_pictures(tmp_path / "pictures", file_name)
    path = write_lines(tmp_path / "n.jsonl", {**ROW, "image_id": image_id})
    example = open_localized_narratives(path, images=pictures)[0]
    assert example.image == pictures / file_name
    assert example.turns[0].answer == "In this image there are two cows."
    assert example.turns[0].prompt == ""
    assert example.key == f"mscoco_train2017/{image_id}"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ROW, "missing picture"),
        ({**ROW, "caption": ""}, "empty caption"),
        ({"dataset_id": "x", "caption": "x"}, "no image_id"),
    ],
)
def test_a_bad_line_says_why_and_where(tmp_path: Path, row: dict, reason: str) -> None:
    source = open_localized_narratives(write_lines(tmp_path / "n.jsonl", row))
    with pytest.raises(DataError, match=rf"^{reason}: .*n\.jsonl, line 1"):
        source[0]
