"""Nothing is fetched but from allowed hosts, and nothing from inside the network."""

from __future__ import annotations

import http.server
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from minigpt4.errors import ImageError
from minigpt4.serving.fetch import _PORTS, FetchPolicy, fetch, is_public

PICTURE = b"the bytes of a picture" * 100


class Pages(http.server.BaseHTTPRequestHandler):
    """A host that sends pictures, redirects, and nothing at all."""

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers["Host"]))  # type: ignore[attr-defined]
        if self.path.startswith("/to?"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to?"))
            self.end_headers()
        elif self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            for _ in range(600):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"only this")
        elif self.path == "/gone":
            self.send_error(404)
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(PICTURE)

    def log_message(self, *_: Any) -> None:
        pass


class Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        pass  # Clients that hang up are what is tested.


@pytest.fixture(scope="module")
def host() -> Iterator[Any]:
    with Quiet(("127.0.0.1", 0), Pages) as server:
        server.seen = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def policy(host) -> FetchPolicy:
    port = host.server_address[1]
    return FetchPolicy(
        allowed_hosts=(f"pictures.test:{port}", f"other.test:{port}"), max_seconds=10
    )


def get(host: Any, policy: FetchPolicy, path: str, name: str = "pictures.test") -> bytes:
    """Fetch from the local host as if it were out on the internet."""
    url = f"http://{name}:{host.server_address[1]}{path}"
    return fetch(url, policy, resolve=lambda *_: ["127.0.0.1"], may_reach=lambda _: True)


def test_a_picture_comes_from_an_allowed_host(host, policy):
    assert get(host, policy, "/a.png?size=2") == PICTURE
    path, name = host.seen[-1]
    assert path == "/a.png?size=2"
    assert name.startswith("pictures.test")


@pytest.mark.parametrize(
    "url",
    [
        "http://elsewhere.test/a.png",
        "http://pictures.test/a.png",
        "https://pictures.test/a.png",
        "ftp://pictures.test/a.png",
        "file:///etc/passwd",
        "http://user@pictures.test:{port}/a.png",
        "http://pictures.test:{port}.evil.test/a.png",
        "http://evil.test#pictures.test:{port}/",
        "http://pictures.test:{port}/a b",
        "http://pictures.test:{port}/a\r\nHost: x",
        "http://[::1/a.png",
        "http://pictures.test:99999/",
        "//pictures.test:{port}/a.png",
        "",
    ],
)
def test_other_addresses_are_refused_before_anything_is_looked_up(host, policy, url):
    def never(*_: Any) -> list[str]:
        raise AssertionError("it was looked up")

    with pytest.raises(ImageError):
        fetch(url.replace("{port}", str(host.server_address[1])), policy, resolve=never)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "::", "::1", "fe80::1%eth0",
        "fd00:ec2::254", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::7f00:1",
        "64:ff9b::a9fe:a9fe", "2002:a00:1::", "2001:0:a00:1:0:0:80ff:fffe",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_addresses_outside_are_public(address):
    assert is_public(address)


def test_a_name_that_leads_inside_is_refused(host, policy):
    port = host.server_address[1]
    for addresses in (["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], []):
        with pytest.raises(ImageError, match="private network"):
            fetch(f"http://pictures.test:{port}/", policy, resolve=lambda *_, a=addresses: a)


def test_the_name_is_resolved_once(host, policy):
    asked = []

    def resolve(name: str, port: int) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"]

    url = f"http://pictures.test:{host.server_address[1]}/a.png"
    assert fetch(url, policy, resolve=resolve, may_reach=lambda _: True) == PICTURE
    assert asked == ["pictures.test"]


def test_redirects_lead_only_to_allowed_hosts(host, policy):
    port = host.server_address[1]
    assert get(host, policy, "/to?/a.png") == PICTURE
    assert get(host, policy, f"/to?http://other.test:{port}/a.png") == PICTURE
    with pytest.raises(ImageError, match="not fetched from"):
        get(host, policy, "/to?http://169.254.169.254/")
    with pytest.raises(ImageError, match="data:"):
        get(host, policy, "/to?file:///etc/passwd")
    with pytest.raises(ImageError, match="more than 3 times"):
        get(host, policy, "/to?/to?/to?/to?/to?/a.png")


def test_size_and_time_are_limited(host, policy):
    with pytest.raises(ImageError, match="larger than 1000 bytes"):
        get(host, replace(policy, max_bytes=1000), "/a.png")
    started_at = time.monotonic()
    with pytest.raises(ImageError, match="in 1 seconds"):
        get(host, replace(policy, max_seconds=1), "/slow")
    assert time.monotonic() - started_at < 15


def test_the_time_limit_holds_for_the_look_up_too(host, policy):
    go = threading.Event()

    def slow(*_: Any) -> list[str]:
        go.wait(20)
        return ["127.0.0.1"]

    url = f"http://pictures.test:{host.server_address[1]}/a.png"
    started_at = time.monotonic()
    with pytest.raises(ImageError, match=r"in 0\.2 seconds"):
        fetch(url, replace(policy, max_seconds=0.2), resolve=slow, may_reach=lambda _: True)
    assert time.monotonic() - started_at < 15
    go.set()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[str, str]:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the program openssl to make a certificate")
    folder = tmp_path_factory.mktemp("certificate")
    files = str(folder / "certificate.pem"), str(folder / "key.pem")
    command = [
        openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-subj", "/CN=pictures.test", "-addext", "subjectAltName=DNS:pictures.test",
        "-out", files[0], "-keyout", files[1],
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return files


@pytest.fixture
def safe_host(certificate, monkeypatch) -> Iterator[Any]:
    """A host that speaks TLS and whose certificate is trusted here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with Quiet(("127.0.0.1", 0), Pages) as server:
        server.seen = []  # type: ignore[attr-defined]
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
        yield server
        server.shutdown()


@pytest.mark.parametrize("standard", [True, False])
def test_https_asks_for_the_host_by_its_bare_name_at_the_standard_port(
    safe_host, monkeypatch, standard
):
    port = safe_host.server_address[1]
    name = "pictures.test" if standard else f"pictures.test:{port}"
    if standard:
        monkeypatch.setitem(_PORTS, "https", port)  # No test may listen at 443.
    got = fetch(
        f"https://{name}/a.png", FetchPolicy(allowed_hosts=(name,)),
        resolve=lambda *_: ["127.0.0.1"], may_reach=lambda _: True,
    )  # fmt: skip
    assert got == PICTURE
    assert safe_host.seen == [("/a.png", name)]


def test_a_certificate_that_nobody_trusts_is_refused(safe_host, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    name = f"pictures.test:{safe_host.server_address[1]}"
    with pytest.raises(ImageError, match="certificate that is not valid; check the address"):
        fetch(
            f"https://{name}/a.png", FetchPolicy(allowed_hosts=(name,)),
            resolve=lambda *_: ["127.0.0.1"], may_reach=lambda _: True,
        )  # fmt: skip


def test_a_host_that_fails_is_an_error_of_the_picture(host, policy):
    with pytest.raises(ImageError, match=r"answers 404 .*, wanted 200; check the address"):
        get(host, policy, "/gone")
    with pytest.raises(ImageError, match=r"could not fetch .*: the answer .* too early; check"):
        get(host, policy, "/short")
    with pytest.raises(ImageError, match=r"could not fetch .*: nothing listens"):
        fetch(
            "http://pictures.test:1/", replace(policy, allowed_hosts=("pictures.test:1",)),
            resolve=lambda *_: ["127.0.0.1"], may_reach=lambda _: True,
        )  # fmt: skip
