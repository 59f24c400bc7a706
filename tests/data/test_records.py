"""Rows are found by position, and a bad one is named by its file and line."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from data.small_files import write_json, write_lines
from minigpt4.data.records import JsonLines, PackedRecords, read_json, read_rows
from minigpt4.errors import DataError

ROWS = [{"a": 1}, {"a": "ü\ud83d"}, [None, 2.5]]


@pytest.fixture(params=["lines", "list"])
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    if request.param == "list":
        return write_json(tmp_path / "rows.json", ROWS)
    return write_lines(tmp_path / "rows.jsonl", *ROWS)


def test_rows_of_lines_and_of_a_list_are_the_same(path: Path) -> None:
    rows = read_rows(path)
    assert [rows[index] for index in (2, 0, 1)] == [ROWS[2], ROWS[0], ROWS[1]]
    assert [pickle.loads(pickle.dumps(rows))[index] for index in range(len(rows))] == ROWS


def test_the_place_of_a_row_is_its_line_or_its_entry(tmp_path: Path) -> None:
    lines = JsonLines(write_lines(tmp_path / "a.jsonl", "", {"a": 1}, "  ", {"a": 2}))
    assert len(lines) == 2
    assert lines.place(1) == f"{tmp_path / 'a.jsonl'}, line 4"
    assert PackedRecords([1, 2], path=Path("a.json")).place(1) == "a.json, entry 2"


def test_a_broken_line_is_named_and_the_others_are_good(tmp_path: Path) -> None:
    lines = JsonLines(write_lines(tmp_path / "a.jsonl", {"a": 1}, '{"a": ', {"a": 3}))
    with pytest.raises(DataError, match=r"^not JSON: .*a\.jsonl, line 2"):
        lines[1]
    assert lines[2] == {"a": 3}


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": 2}')
    rows = read_rows(path)
    assert [rows[index]["a"] for index in range(2)] == [1, 2]
    path.write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(path) == [1]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no row"), (b"\n\n", "no row"), (b"[]", "no row"), (b'[{"a": 1},', "not valid JSON")],
)
def test_a_file_without_rows_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_rows(tmp_path / "a.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file .*gone\.jsonl: nothing is there; give"):
        read_rows(tmp_path / "gone.jsonl")
