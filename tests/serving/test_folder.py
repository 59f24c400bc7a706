"""Ranks share the work and their files become one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from generation.tiny_model import build_tiny_model, draw_pictures
from minigpt4.errors import DataError
from minigpt4.generation.ranks import Share, part_files
from minigpt4.model import loading
from minigpt4.serving.folder import (
    AnswerFile,
    join_parts,
    open_questions,
    read_answers,
)

PICTURES = [Path(f"{index}.png") for index in range(7)]


def answer(picture: Path, prompt: str = "What?") -> dict[str, str]:
    return {"image": str(picture), "prompt": prompt, "text": f"a picture named {picture}"}


def test_shares_are_everything_and_nothing_twice(tmp_path):
    out = tmp_path / "out.jsonl"
    shares = [
        open_questions(PICTURES, ["A longer question?", "What?"], out=out, share=Share(rank, 3))
        for rank in range(3)
    ]
    every = [question for share in shares for question in share]
    assert len(every) == len(set(every)) == 14
    for share in shares:
        lengths = [len(prompt) for _, prompt in share]
        assert lengths == sorted(lengths)


def test_what_any_rank_has_answered_is_not_asked_again(tmp_path):
    out = tmp_path / "out.jsonl"
    for rank, pictures in ((0, PICTURES[:2]), (1, PICTURES[2:3])):
        file = AnswerFile(Share(rank, 2).file(out))
        for picture in pictures:
            file.add(answer(picture))
        file.close()
    assert len(part_files(out)) == 2
    questions = open_questions(PICTURES, ["What?"], out=out, share=Share())
    assert [name for name, _ in questions] == [str(picture) for picture in PICTURES[3:]]


def test_parts_become_one_file_in_the_order_of_the_pictures(tmp_path):
    out = tmp_path / "out.jsonl"
    for rank in (1, 0):
        file = AnswerFile(Share(rank, 2).file(out))
        for picture in PICTURES[rank::2]:
            file.add(answer(picture))
        file.close()
    join_parts(out, PICTURES, ["What?"])
    assert [row["image"] for row in read_answers(out)] == [str(picture) for picture in PICTURES]
    assert part_files(out) == [out]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_line_that_was_cut_short_is_taken_away(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text(json.dumps(answer(PICTURES[0])) + "\n" + '{"image": "1.p')
    assert len(read_answers(path)) == 1
    file = AnswerFile(path)
    file.add(answer(PICTURES[2]))
    file.close()
    assert [row["image"] for row in read_answers(path)] == ["0.png", "2.png"]


def test_odd_line_ends_within_an_answer_end_no_line(tmp_path):
    rows = [{**answer(PICTURES[0]), "text": "a\u2028b\x85c"}, answer(PICTURES[1])]
    file = AnswerFile(tmp_path / "out.jsonl")
    for row in rows:
        file.add(row)
    file.close()
    assert read_answers(tmp_path / "out.jsonl") == rows


@pytest.mark.parametrize("line", ["text", "[1]", '{"image": "a.png"}', "3"])
def test_other_files_are_recognised(tmp_path, line):
    path = tmp_path / "out.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(DataError, match="line 1"):
        AnswerFile(path)
    assert path.read_text() == line + "\n"


@pytest.mark.slow
def test_two_ranks_answer_what_one_answers(tmp_path, repository):
    model = loading.save(build_tiny_model(), tmp_path / "tiny")
    for index, picture in enumerate(draw_pictures()):
        (tmp_path / "pictures").mkdir(exist_ok=True)
        picture.save(tmp_path / "pictures" / f"{index}.png")
    environment = {
        **os.environ, "PYTHONPATH": str(repository / "src"), "OMP_NUM_THREADS": "1"
    }  # fmt: skip

    def describe(out: str, *launcher: str) -> list[dict[str, str]]:
        command = [
            sys.executable, *launcher, "-m", "minigpt4", "describe", str(tmp_path / "pictures"),
            "--model", str(model), "--out", str(tmp_path / out), "--max-new-tokens", "6",
        ]  # fmt: skip
        subprocess.run(command, env=environment, check=True, timeout=300, cwd=tmp_path)
        return read_answers(tmp_path / out)

    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone")
    together = describe("two.jsonl", *torchrun)
    assert len(together) == 4
    assert together == describe("one.jsonl")
    assert not list(tmp_path.glob("*.rank*"))
