"""What may and may not be installed beside this package."""

from __future__ import annotations

import re
import tomllib
from importlib.util import find_spec

REMEDY = "nothing here needs it and it breaks transformers: pip uninstall torchvision"


def test_torchvision_is_not_importable():
    assert find_spec("torchvision") is None, REMEDY


def test_constraints_pin_every_direct_dependency(repository):
    settings = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    extras = settings["optional-dependencies"].values()
    wanted = settings["dependencies"] + [line for extra in extras for line in extra]
    names = {plain_name(line) for line in wanted}
    lines = (repository / "constraints.txt").read_text().splitlines()
    pinned = {plain_name(line) for line in lines if "==" in line}
    assert names <= pinned


def test_constraints_choose_no_build_of_torch(repository):
    text = (repository / "constraints.txt").read_text()
    assert "torch==2.13.0\n" in text
    assert not re.search(r"^(nvidia|cuda|triton|torchvision|timm)", text, flags=re.MULTILINE)


def plain_name(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")
