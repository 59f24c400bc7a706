"""Piles of pictures: folders, data sets, the drawn world."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from curation.small_run import draw_pictures
from minigpt4.curation.pictures import DataPile, DrawnPile, FolderPile, choose, open_pile
from minigpt4.data.cc_sbu_align import write_cc_sbu_align
from minigpt4.errors import DataError, SettingsError
from minigpt4.world.export import write_pictures
from minigpt4.world.sample import sample_scene


def test_a_folder_gives_all_pictures_inside_byte_for_byte(tmp_path):
    folder = draw_pictures(tmp_path / "pile", 3)
    draw_pictures(folder / "deeper", 1)
    (folder / "notes.txt").write_text("no picture")
    pile = open_pile(str(folder))
    assert [pile.key(index) for index in range(len(pile))] == [
        "000.png", "001.png", "002.png", "deeper/000.png",
    ]  # fmt: skip
    picture = pile.read("deeper/000.png")
    assert picture.content == (folder / "deeper" / "000.png").read_bytes()
    assert (picture.suffix, picture.truth) == ("png", None)


def test_a_drawn_folder_brings_its_truth(tmp_path):
    write_pictures(tmp_path / "drawn", split="train", seed=4, count=2)
    pile = open_pile(str(tmp_path / "drawn"))
    expected = sample_scene("train", 4, 1).truth("000001.png")
    assert pile.read("000001.png").truth == json.loads(json.dumps(expected))


def test_odd_line_ends_within_a_truth_end_no_line(tmp_path):
    folder = draw_pictures(tmp_path / "pile", 1)
    truth = {"image": "000.png", "title": "a\u2028b\x85c"}
    text = json.dumps(truth, ensure_ascii=False) + "\n"
    (folder / "truth.jsonl").write_text(text, encoding="utf-8")
    assert open_pile(str(folder)).read("000.png").truth == truth


def test_a_stream_of_the_world_is_what_world_draw_draws(tmp_path):
    write_pictures(tmp_path / "drawn", split="train", seed=4, count=2)
    pile = open_pile("world:train,seed=4,count=2")
    assert isinstance(pile, DrawnPile)
    drawn = Image.open(tmp_path / "drawn" / "000001.png")
    picture = pile.read(pile.key(1))
    (tmp_path / "own.png").write_bytes(picture.content)
    assert Image.open(tmp_path / "own.png").tobytes() == drawn.tobytes()
    assert picture.truth == sample_scene("train", 4, 1).truth("train-4-000001")


def test_a_data_set_gives_its_pictures_and_not_its_texts(tmp_path):
    pairs = [(Image.new("RGB", (9, 9), (index, 0, 0)), "a text") for index in range(3)]
    write_cc_sbu_align(pairs, tmp_path / "data")
    pile = open_pile(str(tmp_path / "data"))
    assert isinstance(pile, DataPile)
    assert pile.read(pile.key(2)).content == (tmp_path / "data" / "image" / "2.jpg").read_bytes()


def test_what_cannot_be_read_begins_with_the_reason(tmp_path):
    folder = draw_pictures(tmp_path / "pile", 3)
    pile = FolderPile(folder)
    (folder / "000.png").unlink()
    (folder / "001.png").write_bytes(b"")
    for key, reason in (("000.png", "missing picture: "), ("001.png", "empty picture: ")):
        with pytest.raises(DataError, match=f"^{reason}"):
            pile.read(key)


def test_the_choice_is_a_function_of_the_seed(tmp_path):
    pile = open_pile("world:train,count=50")
    assert choose(pile, limit=9, seed=1) == choose(pile, limit=9, seed=1)
    assert choose(pile, limit=9, seed=1) != choose(pile, limit=9, seed=2)
    for limit in (1, 5, 9, 21, 49):
        assert choose(pile, limit=None, seed=1)[:limit] == choose(pile, limit=limit, seed=1)
    assert len(set(choose(pile, limit=None, seed=1))) == 50


@pytest.mark.parametrize(
    "spec", ["world:moon,count=3", "world:train", "world:train,count=x", "world:train,count=0",
             "world:train,size=3,count=1"],
)  # fmt: skip
def test_a_part_of_the_world_that_is_none_is_an_error(spec):
    with pytest.raises(SettingsError, match="wanted world:SPLIT,seed=N,count=N"):
        open_pile(spec)


def test_a_folder_without_pictures_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no pictures"):
        open_pile(str(tmp_path))
