"""A fingerprint of data says what is there, and the names of run folders do not hang on it."""

from __future__ import annotations

from pathlib import Path

from minigpt4.recipes.sources import SourceSettings, data_prints, source_prints
from recipes.tiny_parts import write_data


def _prints(paths: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    sources = {name: SourceSettings(path=path) for name, path in paths.items()}
    return data_prints(sources), source_prints(sources)


def test_shards_have_a_fingerprint_of_their_own(tmp_path: Path) -> None:
    write_data(tmp_path)
    paths = {
        "folder": f"{tmp_path}/laion",
        "range": f"{tmp_path}/laion/{{00000..00000}}.tar",
        "gone": f"{tmp_path}/gone/{{00000..00009}}.tar",
        "align": f"{tmp_path}/align",
        "file": f"{tmp_path}/questions.json",
        "world": "world:web?seed=1&count=4",
    }
    data, plain = _prints(paths)
    size = (tmp_path / "laion" / "00000.tar").stat().st_size
    assert data["folder"].startswith(f"{paths['folder']} of 1 shards, {size} bytes, ")
    assert data["range"].partition(" of ")[2] == data["folder"].partition(" of ")[2]
    assert plain["folder"] == paths["folder"]
    for name in ("gone", "align", "file", "world"):
        assert data[name] == plain[name]
