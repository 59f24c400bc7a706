"""The server under load, against answering one request after another; then a soak.

    python benchmarks/serve.py                                   # about 15 minutes on two cores
    python benchmarks/serve.py --rounds 1 --requests 8 --soak 50 # does it run?

The script starts `minigpt4 serve` with the miniature in a process of its own and speaks to it by
HTTP, streaming, with 1, 8 and 32 clients at once; each client sends its next request when its last
answer has ended. The plain way is `generate` in this process, one request a call. Both get the same
pictures (fresh ones in every round, so that no cache helps) and prompts, greedy; they take turns,
and printed are medians over the rounds. That all answers are the same is checked.

The soak sends thousands of short requests from 32 clients. Every tenth is broken: bad JSON, bad
base64, a decompression bomb, a wrong key, or a client that goes away in the middle of its answer.
It fails unless each response has the status it should have and every request is accounted for.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import io
import json
import os
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from minigpt4 import load
from minigpt4.generation import GREEDY, generate
from minigpt4.processing.conversation import Conversation
from minigpt4.processing.images import load_image
from minigpt4.world.draw.picture import draw
from minigpt4.world.sample import sample_scene

KEY = "sk-benchmark"
PROMPTS = (
    "Describe this image in detail.",
    "What color is the largest thing?",
    "Write a poem about this image.",
    "Where is this, and what is the weather like?",
)
SOAK_CLIENTS = 32
BROKEN = ("json", "base64", "bomb", "key", "leaves")


@dataclass(frozen=True)
class Asked:
    """A request: a picture as PNG, and a prompt."""

    png: bytes
    prompt: str
    max_tokens: int

    @property
    def body(self) -> dict[str, Any]:
        url = f"data:image/png;base64,{base64.b64encode(self.png).decode()}"
        content = [
            {"type": "image_url", "image_url": {"url": url}},
            {"type": "text", "text": self.prompt},
        ]
        return {
            "model": "miniature", "messages": [{"role": "user", "content": content}],
            "temperature": 0, "max_tokens": self.max_tokens, "stream": True,
            "stream_options": {"include_usage": True},
        }  # fmt: skip


@dataclass(frozen=True)
class Answered:
    """One answer and its times in seconds."""

    text: str
    num_tokens: int
    first_seconds: float
    whole_seconds: float


def requests(count: int, stream: int, max_tokens: int) -> list[Asked]:
    """Draw pictures that no other stream has."""
    made = []
    for index in range(count):
        file = io.BytesIO()
        draw(sample_scene("test", 1000 + stream, index)).save(file, "PNG")
        made.append(Asked(file.getvalue(), PROMPTS[index % len(PROMPTS)], max_tokens))
    return made


@contextlib.contextmanager
def server() -> Iterator[tuple[int, psutil.Process]]:
    """Start the server; yields its port and its process, and stops it by SIGTERM."""
    with socket.socket() as listener, tempfile.TemporaryDirectory() as folder:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        listener.close()
        keys, log = Path(folder, "keys"), Path(folder, "log")
        keys.write_text(KEY + "\n")
        command = [
            sys.executable, "-m", "minigpt4", "serve", "--port", str(port),
            "--api-key-file", str(keys),
        ]  # fmt: skip
        with log.open("w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)
            try:
                _wait_for(port, process)
                yield port, psutil.Process(process.pid)
            finally:
                process.terminate()
                process.wait(60)
        if process.returncode != 0:
            raise SystemExit(
                f"the server ended with {process.returncode}:\n{log.read_text()[-800:]}"
            )


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with contextlib.suppress(OSError):
            if _get(port, "/health")[0] == 200:
                return
        time.sleep(0.2)
    raise SystemExit(f"the server did not start; it ended with {process.returncode}")


def _get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Authorization": f"Bearer {KEY}"})
        response = connection.getresponse()
        return response.status, response.read().decode()


def ask(port: int, asked: Asked) -> Answered:
    """Send one streaming request and read its answer."""
    began, first, text, num_tokens = time.perf_counter(), 0.0, "", 0
    for event in _events(port, json.dumps(asked.body).encode()):
        if "error" in event:
            raise SystemExit(f"the server failed: {event}")
        for choice in event["choices"]:
            piece = choice["delta"].get("content")
            if piece and not first:
                first = time.perf_counter() - began
            text += piece or ""
        if event.get("usage"):
            num_tokens = event["usage"]["completion_tokens"]
    whole = time.perf_counter() - began
    return Answered(text, num_tokens, first or whole, whole)


def _events(port: int, body: bytes) -> Iterator[dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    with contextlib.closing(connection):
        connection.request("POST", "/v1/chat/completions", body, _headers(KEY))
        response = connection.getresponse()
        if response.status != 200:
            raise SystemExit(f"the server answered {response.status}: {response.read()!r}")
        for line in response:
            if line.startswith(b"data: {"):
                yield json.loads(line[6:])


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


def at_once(num_clients: int, jobs: Sequence[Callable[[], Any]]) -> tuple[list[Any], float]:
    """Let clients work the jobs off; return the results in order and the seconds it took."""
    results: list[Any] = [None] * len(jobs)
    left, lock = iter(enumerate(jobs)), threading.Lock()
    errors: list[BaseException] = []

    def client() -> None:
        while not errors:
            with lock:
                index, job = next(left, (-1, None))
            if job is None:
                return
            try:
                results[index] = job()
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=client) for _ in range(num_clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results, time.perf_counter() - began


def plain(model: Any, asked: Sequence[Asked]) -> tuple[list[Answered], float]:
    """Answer one request after another by `generate`."""
    answers, began = [], time.perf_counter()
    for each in asked:
        started = time.perf_counter()
        picture = load_image(each.png)
        settings = replace(GREEDY, max_new_tokens=each.max_tokens, max_context_tokens=None)
        (reply,) = generate(model, [Conversation.ask(each.prompt, picture)], settings)
        seconds = time.perf_counter() - started
        answers.append(Answered(reply.text, len(reply.token_ids), seconds, seconds))
    return answers, time.perf_counter() - began


def compare(port: int, model: Any, given: argparse.Namespace) -> None:
    """Print the table of the plain way and the server at each number of clients."""
    measured: dict[str, list[dict[str, float]]] = {}
    num_same = num_all = 0
    for number in range(given.rounds):
        asked = requests(given.requests, number, given.max_tokens)
        wanted, seconds = plain(model, asked[: given.plain_requests])
        measured.setdefault("plain, one by one", []).append(_numbers(wanted, seconds))
        for clients in given.clients:
            # Every level has pictures of its own; the plain way's are among the first level's.
            mine = asked if clients == given.clients[0] else requests(
                given.requests, 100 * clients + number, given.max_tokens
            )  # fmt: skip
            jobs = [lambda each=each: ask(port, each) for each in mine]
            answers, seconds = at_once(clients, jobs)
            measured.setdefault(f"server, {clients} at once", []).append(_numbers(answers, seconds))
            if clients != given.clients[0]:
                wanted = plain(model, mine[: given.checked])[0]
            pairs = list(zip(answers, wanted, strict=False))
            num_same += sum(answer.text == other.text for answer, other in pairs)
            num_all += len(pairs)
    print("| | requests/s | tokens/s | x plain | first token p50 | p95 | whole p50 | p95 |")
    print("|---|---|---|---|---|---|---|---|")
    base = statistics.median(each["tokens"] for each in measured["plain, one by one"])
    for name, rounds in measured.items():
        median = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
        print(
            f"| {name} | {median['requests']:.2f} | {median['tokens']:.0f} | "
            f"{median['tokens'] / base:.1f} | {median['first50']:.3f} s | {median['first95']:.3f} s"
            f" | {median['whole50']:.2f} s | {median['whole95']:.2f} s |"
        )
    print(f"\n{num_same} of {num_all} answers compared are the plain way's, letter by letter.")


def _numbers(answers: Sequence[Answered], seconds: float) -> dict[str, float]:
    def share(values: list[float], part: float) -> float:
        return sorted(values)[min(len(values) - 1, round(part * (len(values) - 1)))]

    first = [each.first_seconds for each in answers]
    whole = [each.whole_seconds for each in answers]
    return {
        "requests": len(answers) / seconds,
        "tokens": sum(each.num_tokens for each in answers) / seconds,
        "first50": share(first, 0.5), "first95": share(first, 0.95),
        "whole50": share(whole, 0.5), "whole95": share(whole, 0.95),
    }  # fmt: skip


# -- the soak --------------------------------------------------------------------------------


def soak(port: int, process: psutil.Process, count: int) -> None:
    """Send requests of which every tenth is broken, and check that nothing is lost or left."""
    asked = requests(64, 900, 16)
    statuses: dict[str, list[int]] = {}
    memory: list[tuple[int, float, int]] = []

    def job(index: int) -> None:
        kind = BROKEN[index // 10 % len(BROKEN)] if index % 10 == 9 else "good"
        statuses.setdefault(kind, []).append(_send(port, kind, asked[index % len(asked)]))
        if index % max(1, count // 10) == 0:
            memory.append((index, process.memory_info().rss / 2**20, process.num_fds()))

    _, seconds = at_once(SOAK_CLIENTS, [lambda index=index: job(index) for index in range(count)])
    _wait_until_idle(port)
    memory.append((count, process.memory_info().rss / 2**20, process.num_fds()))
    wanted = {"good": 200, "json": 400, "base64": 400, "bomb": 400, "key": 401, "leaves": 200}
    print(f"\n{count} requests of {SOAK_CLIENTS} clients in {seconds:.0f} s")
    for kind, got in sorted(statuses.items()):
        print(f"- {kind}: {len(got)}, status {sorted(set(got))}")
        if set(got) != {wanted[kind]}:
            raise SystemExit(f"the soak failed: {kind} should have {wanted[kind]} alone")
    text = _get(port, "/metrics")[1]
    outcomes = dict(re.findall(r'answers_total\{outcome="(\w+)"\} (\d+)', text))
    print(f"- outcomes: {outcomes}")
    print("- server's memory after n requests: " + ", ".join(
        f"{index}: {size:.0f} MiB, {files} files" for index, size, files in sorted(memory)
    ))  # fmt: skip
    submitted = int(re.findall(r"^minigpt4_requests_total (\d+)", text, re.MULTILINE)[0])
    if submitted != sum(map(int, outcomes.values())) or re.search(r'status="5\d\d"', text):
        raise SystemExit("the soak failed: a request was lost, or a response was a 5xx")


def _send(port: int, kind: str, asked: Asked) -> int:
    body = asked.body
    url = body["messages"][0]["content"][0]["image_url"]
    if kind == "base64":
        url["url"] = url["url"][:-20] + "@" * 20
    elif kind == "bomb":
        url["url"] = "data:image/png;base64," + base64.b64encode(_bomb()).decode()
    elif kind == "leaves":
        body["max_tokens"] = 400
    data = b'{"model": ' if kind == "json" else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    with contextlib.closing(connection):
        connection.request(
            "POST", "/v1/chat/completions", data, _headers("wrong" if kind == "key" else KEY)
        )
        response = connection.getresponse()
        if kind == "leaves":
            response.readline()
            return response.status
        received = response.read()
        if kind == "good" and not received.rstrip().endswith(b"[DONE]"):
            raise SystemExit(f"an answer has no end: {received[-200:]!r}")
        return response.status


def _bomb() -> bytes:
    """Return a small PNG of 400 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def _wait_until_idle(port: int) -> None:
    for _ in range(600):
        text = _get(port, "/metrics")[1]
        if "\nminigpt4_queue_length 0\n" in text and "\nminigpt4_running_requests 0\n" in text:
            return
        time.sleep(0.1)
    raise SystemExit("the server is still busy a minute after the last request")


def main() -> None:
    """Measure, then soak."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--requests", type=int, default=128, help="for each number of clients")
    parser.add_argument("--plain-requests", type=int, default=32)
    parser.add_argument("--checked", type=int, default=8, help="answers compared at each level")
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--soak", type=int, default=3000, help="requests; 0 leaves it out")
    given = parser.parse_args()
    model = load("miniature", device="cpu")
    with server() as (port, process):
        print(f"{os.cpu_count()} cores, {given.rounds} rounds of {given.requests} requests\n")
        # Both sides have run once before anything is timed.
        warm = requests(1, 999, 8)
        plain(model, warm)
        ask(port, warm[0])
        compare(port, model, given)
        if given.soak:
            soak(port, process, given.soak)


if __name__ == "__main__":
    main()
