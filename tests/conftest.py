"""What all tests share: offline, without a display, on the CPU, and with shapes checked."""

from __future__ import annotations

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["MPLBACKEND"] = "Agg"
os.environ.pop("MINIGPT4_DEBUG", None)

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

REPOSITORY = Path(__file__).parents[1]
SOURCE = REPOSITORY / "src" / "minigpt4"
# jaxtyping rewrites the __init__ of dataclasses, which transformers' configurations can't take.
# A processor of transformers is loaded by the names of its own __init__, which a wrapper hides.
UNCHECKED = {"minigpt4.model.configuration", "minigpt4.processing.processor"}
# Before anything of minigpt4 is imported: from here on a wrong shape is an error.
install_import_hook(
    sorted(
        {
            ".".join(("minigpt4", *path.relative_to(SOURCE).with_suffix("").parts))
            for path in SOURCE.glob("*/*.py")
        }
        - UNCHECKED
    ),
    "shapes.check_shapes",
)

LOCAL_HOSTS = ("127.0.0.1", "::1", "localhost", "0.0.0.0")


@pytest.fixture(autouse=True)
def offline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that talks to the internet, unless it is marked `network`."""
    if request.node.get_closest_marker("network"):
        return
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: object) -> None:
        remote = isinstance(address, tuple) and address[0] not in LOCAL_HOSTS
        if remote and self.family in (socket.AF_INET, socket.AF_INET6):
            pytest.fail(f"this test wants to reach {address}; mark it `network`")
        return connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", connect_locally)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture
def run_python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `python ...` in a fresh process that finds this checkout's package."""

    def run(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), **variables}
        return subprocess.run(
            [sys.executable, *args],
            env=environment,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
