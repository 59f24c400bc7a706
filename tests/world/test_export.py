"""A folder of pictures is whole, true to the scenes, and never overwrites anything."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from minigpt4.errors import SettingsError
from minigpt4.world import export
from minigpt4.world.draw.picture import draw
from minigpt4.world.export import new_folder, write_pictures
from minigpt4.world.sample import sample_scene
from minigpt4.world.scene import SCENE_KINDS

KEYS = {"image", "kind", "place", "time", "weather", "objects", "relations", "extra"}


def test_each_picture_has_its_line_of_truth_in_order(tmp_path):
    write_pictures(tmp_path / "a" / "b", split="test", seed=7, count=3)
    out = tmp_path / "a" / "b"
    rows = [json.loads(line) for line in (out / "truth.jsonl").read_text().splitlines()]
    assert sorted(path.name for path in out.iterdir()) == [
        *(f"{index:06d}.png" for index in range(3)),
        "truth.jsonl",
    ]
    for index, row in enumerate(rows):
        scene = sample_scene("test", 7, index)
        assert row == json.loads(json.dumps(scene.truth(f"{index:06d}.png")))
        assert set(row) == KEYS
        with Image.open(out / row["image"]) as picture:
            assert np.array_equal(np.asarray(picture), np.asarray(draw(scene)))


@pytest.mark.parametrize("kind", SCENE_KINDS)
def test_truth_is_plain_json_with_null_for_what_does_not_apply(kind):
    row = json.loads(json.dumps(sample_scene("test", 1, 2, kind=kind).truth("x.png")))
    assert set(row) == KEYS
    assert row["kind"] == kind
    has_place = kind in ("scene", "incongruous")
    assert all((row[key] is not None) == has_place for key in ("place", "time", "weather"))
    assert (row["objects"] is None) == (kind in ("dish", "mockup"))
    assert (row["extra"] is None) == (kind in ("scene", "product"))
    for thing in row["objects"] or []:
        assert set(thing) == {"kind", "color", "size", "position"}
    for relation in row["relations"] or []:
        assert set(relation) == {"subject", "relation", "object", "text"}


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SettingsError, match=r"is not empty \(notes\.txt"):
        write_pictures(tmp_path, split="test", seed=0, count=1)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(SettingsError, match="is a file"):
        write_pictures(tmp_path / "out", split="test", seed=0, count=1)


def test_an_interrupted_export_leaves_an_empty_folder(tmp_path, monkeypatch):
    drawn = []

    def draw_one_then_stop(scene):
        if drawn:
            raise KeyboardInterrupt
        drawn.append(scene)
        return draw(scene)

    monkeypatch.setattr(export, "draw", draw_one_then_stop)
    with pytest.raises(KeyboardInterrupt):
        write_pictures(tmp_path, split="test", seed=0, count=2)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_export_left_is_replaced(tmp_path):
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / "old.png").write_text("half")
    with new_folder(tmp_path) as draft:
        (draft / "new.png").write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["new.png"]


def test_progress_counts_every_picture(tmp_path):
    steps = []
    write_pictures(tmp_path, split="test", seed=0, count=2, report=lambda *step: steps.append(step))
    assert steps == [(1, 2), (2, 2)]
