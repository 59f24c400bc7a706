"""The bar shows what was asked, or nothing at all."""

from __future__ import annotations

import pytest

from minigpt4.training.progress import progress_bar


def test_nothing_is_printed_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(3, 0) as advance:
        advance(1, 0.5)
    assert capsys.readouterr() == ("", "")


def test_a_shown_bar_has_steps_and_loss_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(3, 1, show=True) as advance:
        advance(3, 0.5)
    out, err = capsys.readouterr()
    assert out == ""
    assert "3/3" in err
    assert "loss 0.5000" in err
