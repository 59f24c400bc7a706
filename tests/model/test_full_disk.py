"""A disk that is full while a model is written: one sentence, and what was there stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FIXTURE = Path(__file__).parents[1] / "fixtures" / "official_tiny"

# A limit on the size of files is to every writer what a full disk is. It lasts as long as its
# process and stands in the way of all its files, so it gets a process of its own.
PROGRAM = """
import resource, sys
from pathlib import Path
from minigpt4.errors import WeightsError
from minigpt4.model import load, save
from minigpt4.model.official import import_official

files, out = Path(sys.argv[1]), Path(sys.argv[2])

def build(target):
    import_official(
        vision=files / "eva_vit.pth", qformer=files / "blip2_qformer.pth", llm=files / "llm",
        projection=files / "minigpt4_proj.pth", sizes=files / "config.json", out=target,
        copy_llm=True,
    )

build(out / "whole")
model = load(out / "whole", device="cpu")
model.frozen_sources.clear()  # every part is written anew, not copied
for limit in map(int, sys.argv[3:]):
    for name, write in (("import", build), ("save", lambda target: save(model, target))):
        whole = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, whole[1]))
        try:
            write(out / "new")
        except WeightsError as error:
            said = f"{name} at {limit}: {error}"
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, whole)
        sys.stdout.write(said + "\\n")
"""


def test_a_full_disk_is_one_sentence_whatever_was_being_written(tmp_path: Path):
    """The limits stop a small JSON file, the tokenizer, the projection and a frozen part."""
    pytest.importorskip("resource", reason="limits on file sizes are POSIX's")
    limits = ("100", "10000", "20000", "800000")
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(FIXTURE), str(tmp_path), *limits],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert len(lines) == 2 * len(limits)
    for line in lines:
        assert "cannot save to" in line
        assert "File too large" in line
        assert line.endswith("Make room, or choose another directory")
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]
