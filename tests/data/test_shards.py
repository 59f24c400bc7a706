"""Tar shards are read by position, and what is bad in them is skipped and counted."""

from __future__ import annotations

import io
import json
import logging
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from minigpt4.data.captions import clean_caption
from minigpt4.data.check import check_source
from minigpt4.data.mixing import Mixture
from minigpt4.data.shard_index import index_shard
from minigpt4.data.shards import TarShards, expand_shards, write_shards
from minigpt4.errors import DataError


def _picture(number: int) -> Image.Image:
    return Image.new("RGB", (16, 12), (number * 20 % 256, 100, 0))


def _bytes(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def _write_tar(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_shards([(_picture(n), f"Caption {n}!") for n in range(7)], tmp_path, samples_per_shard=3)
    return tmp_path


def test_what_is_written_is_read_again(folder: Path) -> None:
    source = TarShards(folder)
    assert [source[i].turns[0].answer for i in range(7)] == [f"Caption {n}!" for n in range(7)]
    image = source[5].image
    assert isinstance(image, Image.Image)
    red, green, _ = image.convert("RGB").getpixel((3, 3))  # type: ignore[misc]
    assert abs(red - 100) < 8
    assert abs(green - 100) < 8
    assert source[3].key == "00001.tar/000010000"


def test_the_layout_is_that_of_img2dataset(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "00000.tar",
        "00000_stats.json",
        "00001.tar",
        "00001_stats.json",
        "00002.tar",
        "00002_stats.json",
    ]
    with tarfile.open(folder / "00000.tar") as archive:
        names = archive.getnames()
        record = json.load(archive.extractfile("000000000.json"))  # type: ignore[arg-type]
    assert names[:3] == ["000000000.jpg", "000000000.txt", "000000000.json"]
    assert record["key"] == "000000000"
    assert record["status"] == "success"
    assert (record["width"], record["height"]) == (16, 12)
    assert {"url", "caption", "error_message"} <= record.keys()
    assert json.loads((folder / "00002_stats.json").read_text())["successes"] == 1


def test_captions_can_be_cleaned_as_in_stage_1(folder: Path) -> None:
    assert TarShards(folder, clean=clean_caption)[0].turns[0].answer == "caption 0"


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "png", "webp"])
def test_any_picture_extension_and_captions_from_json_alone(tmp_path: Path, suffix: str) -> None:
    kind = "jpeg" if suffix == "jpg" else suffix
    caption = json.dumps({"caption": "a sea"}).encode()
    _write_tar(
        tmp_path / "0.tar", {f"x/7.{suffix}": _bytes(_picture(1), kind), "x/7.json": caption}
    )
    example = TarShards(tmp_path / "0.tar")[0]
    assert example.turns[0].answer == "a sea"
    assert isinstance(example.image, Image.Image)


def test_incomplete_samples_are_counted_by_reason(tmp_path: Path) -> None:
    good = _bytes(_picture(1), "png")
    members = {"1.png": good, "1.txt": b"good", "2.png": good, "3.txt": b"x", "4.parquet": b"x"}
    _write_tar(tmp_path / "0.tar", members)
    source = TarShards(tmp_path)
    assert len(source) == 1
    assert source.skipped == {"no caption": 1, "no picture": 1}


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"1.png": b"not a picture", "1.txt": b"x"}, "undecodable picture"),
        ({"1.png": b"", "1.txt": b"x"}, "empty picture"),
        ({"1.png": _bytes(_picture(0), "png")[:48], "1.txt": b"x"}, "truncated picture"),
        ({"1.png": _bytes(_picture(0), "png"), "1.txt": b" \n"}, "empty caption"),
        ({"1.png": _bytes(_picture(0), "png"), "1.txt": b"\xff\xfe"}, "unreadable caption"),
        ({"1.png": _bytes(_picture(0), "png"), "1.json": b"{}"}, "unreadable caption"),
    ],
)
def test_a_bad_member_says_why_and_where(
    tmp_path: Path, members: dict[str, bytes], reason: str
) -> None:
    _write_tar(tmp_path / "0.tar", members)
    with pytest.raises(DataError, match=rf"^{reason}: .*0\.tar, member 1"):
        TarShards(tmp_path)[0]


def test_bad_members_do_not_stop_a_mixture(tmp_path: Path) -> None:
    good = _bytes(_picture(1), "png")
    _write_tar(
        tmp_path / "0.tar",
        {"1.png": good, "1.txt": b"good", "2.png": b"junk", "2.txt": b"x"},
    )
    drawn = Mixture([(TarShards(tmp_path), 1)], batch_size=4, seed=0).draw(0)
    assert {example.turns[0].answer for example in drawn.examples} == {"good"}
    assert drawn.skipped["undecodable picture"] >= 2


def test_a_shard_that_goes_during_a_run_costs_its_samples_only(folder: Path) -> None:
    source = TarShards(folder)
    (folder / "00001.tar").unlink()
    with pytest.raises(DataError, match=r"^missing file: .*00001\.tar: .*put it back"):
        source[4]
    drawn = Mixture([(source, 1)], batch_size=7, seed=0).draw(0)
    assert {example.key.partition("/")[0] for example in drawn.examples} == {
        "00000.tar",
        "00002.tar",
    }
    assert drawn.skipped["missing file"] >= 3
    checked = check_source(source)
    assert checked.unusable.counts == {"missing file": 3}
    assert "00001.tar, member" in checked.unusable.places["missing file"][0]


def test_a_shard_that_breaks_off_is_used_up_to_there(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = folder / "00000.tar"
    whole = path.read_bytes()
    with tarfile.open(path) as archive:
        second = archive.getmember("000000001.jpg")
    path.write_bytes(whole[: second.offset_data + 10])
    with caplog.at_level(logging.WARNING):
        index = index_shard(path)
    assert index.keys.tolist() == [b"000000000"]
    assert index.troubles.counts["damaged shard"] == 1
    assert "00000.tar breaks off" in caplog.text


def test_a_file_that_is_no_tar_has_no_samples(tmp_path: Path) -> None:
    (tmp_path / "0.tar").write_bytes(b"<html>not found</html>" * 100)
    with pytest.raises(DataError, match="no usable sample"):
        TarShards(tmp_path)


def test_brace_ranges_keep_their_zeros(folder: Path) -> None:
    names = [path.name for path in expand_shards(f"{folder}/{{00000..00002}}.tar")]
    assert names == ["00000.tar", "00001.tar", "00002.tar"]


def test_several_ranges_multiply(tmp_path: Path) -> None:
    for name in ("a8", "a9", "a10"):
        (tmp_path / name).mkdir()
        _write_tar(tmp_path / name / "0.tar", {})
    paths = expand_shards(f"{tmp_path}/a{{8..10}}/{{0..0}}.tar")
    assert [path.parent.name for path in paths] == ["a8", "a9", "a10"]


def test_missing_shards_are_named(folder: Path) -> None:
    with pytest.raises(DataError, match=r"1 of 4 shards do not exist: .*00003\.tar"):
        expand_shards(f"{folder}/{{00000..00003}}.tar")


def test_an_interrupted_write_leaves_no_half_shard(tmp_path: Path) -> None:
    class Broken(Image.Image):
        def convert(self, *_: object, **__: object) -> Image.Image:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shards([(_picture(0), "x"), (Broken(), "y")], tmp_path)
    assert not list(tmp_path.glob("*.tar"))
