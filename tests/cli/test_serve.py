"""`minigpt4 serve`: it starts, answers, and ends cleanly at SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from generation.tiny_model import build_tiny_model
from minigpt4.cli.main import main
from minigpt4.model import loading


@pytest.mark.slow
def test_sigterm_ends_the_server_with_code_0(tmp_path, repository):
    # As recipes leave it; the server calls it after the directory of the run.
    model = loading.save(build_tiny_model(), tmp_path / "tiny" / "model")
    keys = tmp_path / "keys"
    keys.write_text("sk-secret\n")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    server = subprocess.Popen(
        [
            sys.executable, "-m", "minigpt4", "serve", "--model", str(model), "--port", str(port),
            "--api-key-file", str(keys),
        ],
        env={**os.environ, "PYTHONPATH": str(repository / "src")},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/health", server)
        asked = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3}
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/chat/completions",
            json.dumps(asked).encode(),
            {"Authorization": "Bearer sk-secret", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as response:
            assert json.load(response)["usage"]["completion_tokens"] <= 3
    finally:
        server.send_signal(signal.SIGTERM)
        log = server.communicate(timeout=60)[1]
    assert server.returncode == 0
    assert "POST /v1/chat/completions 200" in log
    assert "sk-secret" not in log


def wait_for(address: str, server: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address).close()
            return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError(f"the server does not start; it ended with {server.poll()}")


def test_an_empty_file_of_keys_opens_nothing(capsys, tmp_path: Path):
    keys = tmp_path / "keys"
    keys.write_text("# none\n")
    with pytest.raises(SystemExit) as end:
        main(["serve", "--api-key-file", str(keys)])
    assert end.value.code == 1
    assert "has no keys; write one a line" in capsys.readouterr().err


def test_a_taken_port_is_known_before_the_model_is_loaded(capsys):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(SystemExit) as end:
            main(["serve", "--port", str(port), "--model", "no such model"])
    assert end.value.code == 1
    assert f"port {port}" in capsys.readouterr().err
