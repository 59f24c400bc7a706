"""A data set is opened by its path alone; what is not known is said with what was found."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from data.small_files import picture, picture_bytes, write_json, write_lines, write_pictures
from data.test_aokvqa import ROW as AOKVQA
from data.test_gqa import QUESTION as GQA
from data.test_localized_narratives import ROW as NARRATIVE
from data.test_vqav2 import NOTES, QUESTIONS
from minigpt4.data.captions import clean_caption
from minigpt4.data.cc_sbu_align import CcSbuAlign, write_cc_sbu_align
from minigpt4.data.mixing import Mixture
from minigpt4.data.open_source import FORMATS, open_source
from minigpt4.data.recognise import recognise
from minigpt4.data.shards import TarShards, write_shards
from minigpt4.errors import DataError, SettingsError

PAIRS = [(picture(number), f"Caption {number}!") for number in range(3)]
SAID = [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "A cat."}]
LLAVA = {"id": "1", "image": "a.png", "conversations": SAID}
MESSAGES = {
    "images": ["a.png"],
    "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "A cat."}],
}
COCO = {
    "info": {"year": 2017},
    "images": [{"id": 1, "file_name": "a.png"}],
    "annotations": [{"id": 5, "image_id": 1, "caption": "A cat."}],
}
FILES: dict[str, tuple[str, Any]] = {
    "folder_captions": ("c.jsonl", {"image": "a.png", "caption": "A cat."}),
    "coco_captions": ("captions.json", COCO),
    "llava": ("llava.json", [LLAVA]),
    "messages": ("m.jsonl", MESSAGES),
    "localized_narratives": ("n.jsonl", {**NARRATIVE, "image_id": "a"}),
    "vqav2": ("OpenEnded_questions.json", {"license": {}, "questions": QUESTIONS[:1]}),
    "aokvqa": ("aokvqa.json", [AOKVQA]),
    "gqa": ("gqa.json", {"1": {**GQA, "imageId": "a"}}),
}


def _write(folder: Path, format: str) -> Path:
    name, content = FILES[format]
    write_pictures(folder, "a.png", "000000000009.jpg", "000000299207.jpg")
    if format == "vqav2":
        write_json(folder / "annotations.json", {"annotations": NOTES})
    write = write_lines if name.endswith(".jsonl") else write_json
    return write(folder / name, content)


@pytest.mark.parametrize("format", FILES)
def test_annotation_files_are_recognised_and_drawn_from(tmp_path: Path, format: str) -> None:
    path = _write(tmp_path, format)
    options = ",annotations=" + str(tmp_path / "annotations.json") if format == "vqav2" else ""
    assert recognise(path) == (format, path)
    source = open_source(f"{path}{options}")
    drawn = Mixture([(source, 1)], batch_size=2, seed=0).draw(0)
    assert not drawn.skipped
    assert len(source) == 1
    assert source.place(0).startswith(str(path))
    assert pickle.loads(pickle.dumps(source))[0] == source[0]
    assert open_source(f"{format}:{path}{options}")[0] == source[0]
    assert open_source(f"{path}{options}", format=format)[0] == source[0]


@pytest.mark.parametrize("indent", [None, 1])
def test_recognised_however_it_is_printed_and_wherever_the_first_megabyte_ends(
    tmp_path: Path, indent: int | None
) -> None:
    images = [{"id": number, "file_name": "x" * 90} for number in range(12_000)]
    long = {"info": {}, "images": images, "annotations": []}
    (tmp_path / "c.json").write_text(json.dumps(long, indent=indent))
    assert recognise(tmp_path / "c.json")[0] == "coco_captions"
    (tmp_path / "l.json").write_text(json.dumps([LLAVA] * 3, indent=indent))
    assert recognise(tmp_path / "l.json")[0] == "llava"


def test_odd_line_ends_within_a_text_end_no_row(tmp_path: Path) -> None:
    row = {"image": "a.png", "caption": "a\u2028b"}
    lines = (json.dumps(row, ensure_ascii=False) + "\n") * 2
    (tmp_path / "captions.json").write_text(lines, encoding="utf-8")
    assert recognise(tmp_path / "captions.json")[0] == "folder_captions"


def test_a_row_longer_than_a_megabyte_is_recognised(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "m.jsonl", {"messages": [], "image": "data:," + "A" * 2_000_000})
    assert recognise(path)[0] == "messages"


def test_folders_are_recognised_by_what_is_in_them(tmp_path: Path) -> None:
    write_shards(PAIRS, tmp_path / "tars")
    write_cc_sbu_align(PAIRS, tmp_path / "align")
    _write(tmp_path / "one", "messages")
    write_lines(tmp_path / "captions" / "captions.jsonl", {"image": "a", "caption": "x"})
    assert recognise(tmp_path / "tars") == ("tar_shards", tmp_path / "tars")
    assert recognise(tmp_path / "align") == ("cc_sbu_align", tmp_path / "align")
    assert recognise(tmp_path / "align" / "filter_cap.json")[1] == tmp_path / "align"
    assert recognise(tmp_path / "one") == ("messages", tmp_path / "one" / "m.jsonl")
    assert recognise(tmp_path / "captions") == ("folder_captions", tmp_path / "captions")
    assert isinstance(open_source(tmp_path / "align"), CcSbuAlign)


def test_shards_are_opened_by_a_range_and_captions_cleaned(tmp_path: Path) -> None:
    write_shards(PAIRS, tmp_path, samples_per_shard=1)
    source = open_source(f"{tmp_path}/{{00000..00001}}.tar", clean=clean_caption)
    assert isinstance(source, TarShards)
    assert [source[index].turns[0].answer for index in range(2)] == ["caption 0", "caption 1"]


def test_captions_of_any_format_can_be_cleaned_but_answers_are_kept(tmp_path: Path) -> None:
    rows = [{"image": "a", "caption": "A Cat!"}, {"image": "a", "caption": "A!", "prompt": "?"}]
    path = write_lines(tmp_path / "c.jsonl", *rows)
    source = open_source(path, clean=clean_caption)
    assert [source[index].turns[0].answer for index in range(2)] == ["a cat", "A!"]


def test_options_follow_the_path(tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "p, q", "a.png")
    path = write_lines(tmp_path / "c.jsonl", {"image": "a.png", "caption": "x"})
    source = open_source(f"folder_captions:{path},images={pictures}")
    assert source[0].image == pictures / "a.png"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("caco:x.json", "unknown format 'caco'.*tar_shards, cc_sbu_align"),
        ("tar_shards:{path},images=x", "tar_shards has no option images; it takes none"),
        ("llava:{path},answer=x", "llava has no option answer; it takes images"),
    ],
)
def test_unknown_formats_and_options_are_refused(tmp_path: Path, spec: str, message: str) -> None:
    path = write_json(tmp_path / "x.json", [LLAVA])
    with pytest.raises(SettingsError, match=message):
        open_source(spec.format(path=path))
    with pytest.raises(SettingsError, match="unknown format 'x'"):
        open_source(path, format="x")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b'{"a": 1}', r"a\.json has \['a'\]: no known format"),
        ("a.jsonl", b'{"a": 1}\n{"a": 2}', r"a\.jsonl has \['a'\]"),
        ("a.json", b"[1, 2]", "has int"),
        ("a.json", b"", "is empty; wanted .* get it again"),
        ("a.csv", b"image,caption\n", "begins with 'image,caption"),
        ("a.json", b'[{"url": "http://a", "caption": "x"}]', "data prepare"),
    ],
)
def test_an_unknown_file_is_named_with_what_is_in_it(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_source(tmp_path / name)


def test_an_unknown_folder_is_named_with_what_is_in_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing at"):
        open_source(tmp_path / "gone")
    with pytest.raises(DataError, match="has nothing"):
        open_source(tmp_path)
    (tmp_path / "a.png").write_bytes(picture_bytes(0))
    with pytest.raises(DataError, match=r"has a\.png: .*captions\.jsonl"):
        open_source(tmp_path)
    for name in ("b.json", "c.json"):
        write_json(tmp_path / name, [])
    with pytest.raises(DataError, match="name one of its annotation files"):
        open_source(tmp_path)


def test_each_format_has_a_page(repository: Path) -> None:
    page = (repository / "docs" / "data.md").read_text(encoding="utf-8")
    assert all(f"`{format}`" in page for format in FORMATS)
