"""Models of the hub by name: the right files, from a stand-in for the hub in a local folder."""

from __future__ import annotations

import fnmatch
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch

from minigpt4.errors import WeightsError
from minigpt4.model.frozen import FrozenSource
from minigpt4.model.hub import commit_of, fetch, is_hub_name
from minigpt4.model.loading import load, save

COMMIT = "0123456789abcdef"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose org/name folders are what the hub has."""
    remote, cache = tmp_path / "hub", tmp_path / "cache"

    def download(repo: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        if not (remote / repo).is_dir():
            raise FileNotFoundError(f"no {repo} at {revision}")
        local = cache / repo / "snapshots" / COMMIT
        for path in (remote / repo).rglob("*"):
            name = str(path.relative_to(remote / repo))
            if path.is_file() and any(fnmatch.fnmatch(name, p) for p in allow_patterns):
                (local / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, local / name)
        return str(local)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.chdir(tmp_path)
    remote.mkdir()
    return remote


def test_a_model_is_loaded_by_its_name(hub: Path, make_model: Callable[..., Any]) -> None:
    model = make_model()
    save(model, hub / "someone" / "minigpt4-tiny")
    (hub / "someone" / "minigpt4-tiny" / "optimizer.pt").write_bytes(b"a pickle")
    loaded = load("someone/minigpt4-tiny", device="cpu")
    assert torch.equal(loaded.projection.weight, model.projection.weight)
    folder = fetch("someone/minigpt4-tiny")
    assert commit_of(folder) == COMMIT
    assert not (folder / "optimizer.pt").exists()


def test_a_branch_is_named_behind_the_name(hub: Path) -> None:
    with pytest.raises(WeightsError, match="no nobody/nothing at main"):
        fetch("nobody/nothing@main")


def test_a_name_nobody_gives_is_one_clear_sentence(hub: Path) -> None:
    with pytest.raises(WeightsError, match="no folder nobody/nothing here, and the Hugging Face"):
        load("nobody/nothing")


def test_without_a_network_the_error_says_so() -> None:
    with pytest.raises(WeightsError, match="Check the name and the connection"):
        load("nobody/nothing")


def test_only_the_files_with_wanted_tensors_are_fetched(hub: Path) -> None:
    repo = hub / "org" / "blip2"
    repo.mkdir(parents=True)
    places = {"vision_model.a": "1.safetensors", "language_model.b": "2.safetensors"}
    (repo / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    for name in places.values():
        (repo / name).write_bytes(b"")
    folder = fetch("org/blip2", prefixes=("vision_model.",))
    assert sorted(path.name for path in folder.glob("*.safetensors")) == ["1.safetensors"]


def test_pickled_weights_are_fetched_only_where_there_are_no_others(hub: Path) -> None:
    repo = hub / "org" / "old"
    repo.mkdir(parents=True)
    (repo / "pytorch_model.bin").write_bytes(b"")
    assert (fetch("org/old") / "pytorch_model.bin").exists()
    (repo / "model.safetensors").write_bytes(b"")
    (repo / "more.bin").write_bytes(b"")
    assert not (fetch("org/old") / "more.bin").exists()


def test_a_path_with_a_mistake_is_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    assert not is_hub_name("runs/modle")
    assert not is_hub_name("/runs/model")
    assert not is_hub_name("./org/name")
    assert not is_hub_name("a/b/c")
    assert is_hub_name("google/siglip2-base-patch16-256")


def test_a_part_of_the_hub_stays_named_when_it_is_saved(
    make_model: Callable[..., Any], tmp_path: Path
) -> None:
    model = make_model()
    source = FrozenSource(kind="hub", path="org/llm", revision=COMMIT)
    model.frozen_sources = {"llm": (source, tmp_path)}
    directory = save(model, tmp_path / "model", frozen="auto")
    frozen = json.loads((directory / "frozen.json").read_text())
    assert (frozen["llm"]["path"], frozen["llm"]["revision"]) == ("org/llm", COMMIT)
    assert frozen["vision_encoder"]["kind"] == "copy"
    assert not (directory / "llm").exists()
