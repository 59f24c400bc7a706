"""A directory is there whole or not at all, whatever interrupts the writing."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from minigpt4.errors import WeightsError
from minigpt4.model.storage import whole_directory

OWNED = frozenset({"model"})


def contents(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


def save_half(target: Path, interruption: BaseException) -> None:
    with whole_directory(target, owned=OWNED) as draft:
        (draft / "model").write_text("half")
        raise interruption


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "model_dir").mkdir()
    (tmp_path / "model_dir" / "model").write_text("old")
    (tmp_path / "model_dir" / "log").write_text("log")
    return tmp_path / "model_dir"


def test_a_new_directory_appears_with_all_its_files(tmp_path: Path):
    with whole_directory(tmp_path / "a" / "b", owned=OWNED) as draft:
        (draft / "model").write_text("new")
        assert not (tmp_path / "a" / "b").exists()
    assert contents(tmp_path / "a" / "b") == {"model": "new"}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_an_old_directory_is_replaced_but_foreign_files_are_kept(target: Path):
    with whole_directory(target, owned=OWNED) as draft:
        (draft / "model").write_text("new")
    assert contents(target) == {"model": "new", "log": "log"}


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_an_interrupted_save_leaves_the_old_directory(
    target: Path, interruption: type[BaseException]
):
    with pytest.raises(interruption):
        save_half(target, interruption())
    assert contents(target) == {"model": "old", "log": "log"}
    assert [path.name for path in target.parent.iterdir()] == ["model_dir"]


def test_a_full_disk_is_said_and_leaves_the_old_directory(target: Path):
    with pytest.raises(WeightsError, match=r"No space left.*unchanged"):
        save_half(target, OSError(errno.ENOSPC, "No space left on device"))
    assert contents(target) == {"model": "old", "log": "log"}


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_an_interruption_while_renaming_loses_neither_model(
    target: Path, monkeypatch: pytest.MonkeyPatch, number: int, done: bool
):
    """Ctrl-C at the first or second rename, before it or right after it took effect."""
    rename, calls = Path.rename, []

    def interrupted(self: Path, new: Path) -> Path:
        calls.append(new)
        if len(calls) != number:
            return rename(self, new)
        if done:
            rename(self, new)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), whole_directory(target, owned=OWNED) as draft:
        (draft / "model").write_text("new")
    replaced = number == 2 and done
    assert contents(target) == {"model": "new" if replaced else "old", "log": "log"}
    assert [path.name for path in target.parent.iterdir()] == ["model_dir"]


def test_a_file_is_not_replaced_by_a_directory(tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    with (
        pytest.raises(WeightsError, match="it is a file"),
        whole_directory(tmp_path / "file", owned=OWNED),
    ):
        pass
    assert (tmp_path / "file").read_text() == "mine"
