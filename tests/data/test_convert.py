"""Between the written forms nothing is lost that both can hold."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from data.small_files import picture, picture_bytes, write_json, write_lines, write_tar
from minigpt4.data.convert import WRITERS, convert
from minigpt4.data.example import Example, OpenedSource, Turn
from minigpt4.data.mixing import with_picture
from minigpt4.data.open_source import open_source
from minigpt4.data.shards import TarShards
from minigpt4.errors import DataError, SettingsError

CONVERSATION = {
    "id": "1",
    "image": "a.png",
    "conversations": [
        {"from": "human", "value": "<image>\nWhat?"},
        {"from": "gpt", "value": "A cat."},
        {"from": "human", "value": "Sure?"},
        {"from": "gpt", "value": "Yes."},
    ],
}


@pytest.fixture
def shards(tmp_path: Path) -> OpenedSource:
    members = {}
    for number, kind in enumerate(("png", "jpeg", "webp")):
        members[f"{number}.{kind}"] = picture_bytes(number, kind)
        members[f"{number}.txt"] = f"Caption {number}, with ü!".encode()
    members |= {"8.png": b"broken", "8.txt": b"x", "9.png": b"x"}
    return open_source(write_tar(tmp_path / "0.tar", members))


@pytest.fixture
def talks(tmp_path: Path) -> OpenedSource:
    picture(3).save(tmp_path / "a.png")
    return open_source(write_json(tmp_path / "talks.json", [CONVERSATION]))


def _examples(source: OpenedSource) -> list[Example]:
    return [with_picture(source[index]) for index in range(len(source))]


def _colors(examples: list[Example]) -> list[int]:
    pixels = [np.asarray(example.image.convert("RGB"))[5, 5] for example in examples]  # type: ignore[union-attr]
    return [round(float(red) / 20) for red, _, _ in pixels]


@pytest.mark.parametrize(("first", "second"), [*product(WRITERS, repeat=2)])
def test_captions_and_pictures_survive_any_two_conversions(
    tmp_path: Path, shards: OpenedSource, first: str, second: str
) -> None:
    done = convert(shards, first, tmp_path / "1")
    assert done.num_written == 3
    assert done.left_out.counts == {"no caption": 1, "undecodable picture": 1}
    assert convert(open_source(tmp_path / "1"), second, tmp_path / "2").num_written == 3
    examples = _examples(open_source(tmp_path / "2"))
    assert [example.turns for example in examples] == [
        (Turn(prompt="", answer=f"Caption {number}, with ü!"),) for number in range(3)
    ]
    assert _colors(examples) == [0, 1, 2]


def test_picture_files_stay_as_they_are(tmp_path: Path, shards: OpenedSource) -> None:
    convert(shards, "folder_captions", tmp_path / "1")
    assert sorted(path.name for path in (tmp_path / "1" / "images").iterdir()) == [
        "000000000.png", "000000001.jpeg", "000000002.webp"
    ]  # fmt: skip
    again = (tmp_path / "1" / "images" / "000000001.jpeg").read_bytes()
    assert again == picture_bytes(1, "jpeg")
    convert(open_source(tmp_path / "1"), "tar_shards", tmp_path / "2")
    assert TarShards(tmp_path / "2").picture_file(1) == (again, "jpeg")


def test_the_official_form_has_jpeg_pictures_only(tmp_path: Path, shards: OpenedSource) -> None:
    convert(shards, "cc_sbu_align", tmp_path / "1")
    pictures = sorted((tmp_path / "1" / "image").iterdir())
    assert [path.name for path in pictures] == ["0.jpg", "1.jpg", "2.jpg"]
    assert all(path.read_bytes().startswith(b"\xff\xd8\xff") for path in pictures)


@pytest.mark.parametrize("to", ["llava", "messages"])
def test_conversations_survive(tmp_path: Path, talks: OpenedSource, to: str) -> None:
    convert(talks, to, tmp_path / "1")
    assert open_source(tmp_path / "1")[0].turns == talks[0].turns
    assert len(talks[0].turns) == 2
    assert _colors(_examples(open_source(tmp_path / "1"))) == [3]


def test_what_is_written_for_others_is_their_form(tmp_path: Path, talks: OpenedSource) -> None:
    convert(talks, "messages", tmp_path / "m")
    row = json.loads((tmp_path / "m" / "messages.jsonl").read_text())
    assert row["messages"][:2] == [
        {"role": "user", "content": "<image>What?"},
        {"role": "assistant", "content": "A cat."},
    ]
    assert row["images"] == ["images/000000000.png"]
    convert(talks, "llava", tmp_path / "l")
    rows = json.loads((tmp_path / "l" / "llava.json").read_text())
    assert rows[0]["conversations"] == CONVERSATION["conversations"]


@pytest.mark.parametrize("to", ["tar_shards", "cc_sbu_align", "coco_captions", "folder_captions"])
def test_a_form_without_room_for_the_prompts_is_refused(
    tmp_path: Path, talks: OpenedSource, to: str
) -> None:
    with pytest.raises(SettingsError, match=r"2 turns.*choose llava or messages"):
        convert(talks, to, tmp_path / "1")
    assert not list((tmp_path / "1").iterdir())


def test_one_prompt_has_room_in_captions_jsonl(tmp_path: Path) -> None:
    picture(1).save(tmp_path / "a.png")
    path = write_lines(tmp_path / "c.jsonl", {"image": "a.png", "prompt": "?", "caption": "x"})
    convert(open_source(path), "folder_captions", tmp_path / "1")
    assert open_source(tmp_path / "1")[0].turns == (Turn(prompt="?", answer="x"),)


def test_a_limit_and_progress(tmp_path: Path, shards: OpenedSource) -> None:
    seen: list[tuple[int, int]] = []
    done = convert(
        shards, "llava", tmp_path / "1", limit=2, report=lambda *numbers: seen.append(numbers)
    )
    assert done.num_written == 2
    assert seen == [(1, 2), (2, 2)]


def test_impossible_orders_are_refused(tmp_path: Path, shards: OpenedSource) -> None:
    with pytest.raises(SettingsError, match="unknown form 'parquet'; known: tar_shards"):
        convert(shards, "parquet", tmp_path / "1")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(SettingsError, match="not empty"):
        convert(shards, "llava", tmp_path / "full")
    gone = write_lines(tmp_path / "c.jsonl", {"image": "gone.png", "caption": "x"})
    with pytest.raises(DataError, match=r"no usable example.*missing picture"):
        convert(open_source(gone), "llava", tmp_path / "2")
