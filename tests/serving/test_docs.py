"""What docs/serving.md tells people to type works as printed, but for the port."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minigpt4.generation import GREEDY, generate
from minigpt4.processing.conversation import Conversation, Message
from minigpt4.processing.images import load_image
from minigpt4.serving.engine import Engine
from serving.running import serving

PRINTED = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def server(model) -> Iterator[Any]:
    with serving(Engine(model, max_batch=4), model_name="miniature") as running:
        yield running


@pytest.fixture
def page(repository) -> str:
    return (repository / "docs" / "serving.md").read_text(encoding="utf-8")


def block(page: str, title: str, language: str) -> str:
    """Return the first block of code below a heading."""
    section = page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)[0]


def run(command: list[str], server: Any, *, folder: Path, repository: Path) -> str:
    """Run a block in a folder, against the running server, and return what it printed."""
    assert PRINTED in command[-1]
    command[-1] = command[-1].replace(PRINTED, server.base_url.removesuffix("/v1"))
    program = folder / "bin" / "minigpt4"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m minigpt4 "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(repository / "src"),
        "NO_PROXY": "127.0.0.1",
    }
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def answer_alone(model: Any, picture: Path) -> str:
    message = Message("user", "Describe this image in detail.", (load_image(picture),))
    (reply,) = generate(model, [Conversation((message,))], GREEDY)
    return reply.text


def test_the_example_of_curl(page, server, model, tmp_path, repository):
    for program in ("bash", "curl", "base64"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")
    example = block(page, "Ask with curl", "bash")
    command = ["bash", "-e", "-o", "pipefail", "-c", example]
    printed = run(command, server, folder=tmp_path, repository=repository)
    completion = json.loads(printed[printed.index("{") :])
    wanted = answer_alone(model, tmp_path / "pictures" / "000000.png")
    assert completion["choices"][0]["message"]["content"] == wanted


def test_the_example_of_the_openai_client(page, server, model, pictures, tmp_path, repository):
    pytest.importorskip("openai")
    (tmp_path / "pictures").mkdir()
    picture = tmp_path / "pictures" / "000000.png"
    pictures[0].save(picture)
    example = block(page, "Ask with the openai client", "python")
    command = [sys.executable, "-c", example]
    printed = run(command, server, folder=tmp_path, repository=repository)
    wanted = answer_alone(model, picture)
    # Whole first, then streamed; the stream keeps white space at its ends.
    assert printed.startswith(f"{wanted}\n")
    assert printed.removeprefix(f"{wanted}\n").strip() == wanted.strip()
