"""The record of a run survives kills and cuts."""

from __future__ import annotations

from pathlib import Path

from minigpt4.training.journal import append_line, cut_lines_after, plot_losses, read_lines


def test_a_line_cut_by_a_kill_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    append_line(path, {"step": 1, "loss": 0.1})
    with path.open("a") as file:
        file.write('{"step": 2, "lo')
    assert read_lines(path) == [{"step": 1, "loss": 0.1}]


def test_lines_after_the_checkpoint_are_cut_and_others_kept_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    append_line(path, {"step": 10, "loss": 1 / 3})
    kept = path.read_bytes()
    append_line(path, {"step": 20, "loss": 0.1, "answer": "schön"})
    cut_lines_after(path, 10)
    assert path.read_bytes() == kept
    cut_lines_after(tmp_path / "absent.jsonl", 10)


def test_the_plot_needs_no_losses(tmp_path: Path) -> None:
    plot_losses(tmp_path)
    assert (tmp_path / "loss.png").stat().st_size > 1000
