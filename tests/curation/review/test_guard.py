"""Who may reach the page's data, and who may not."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from curation.review.drawn import build_curation
from curation.review.reviewing import Served, served
from minigpt4.curation.review.drafts import DraftPile
from minigpt4.curation.review.guard import MAX_BODY_BYTES, is_loopback, load_key
from minigpt4.curation.review.server import serve_pile
from minigpt4.curation.store import DraftStore
from minigpt4.errors import SettingsError

KEY = "0123456789abcdef-key"
WINDOW = {"reviewer": "anna", "tab": "t"}


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DraftPile]:
    folder = tmp_path_factory.mktemp("curation")
    build_curation(folder, 4, rejected=0)
    with DraftStore(folder) as store:
        Image.new("RGB", (4, 4), "red").save(store.pictures / "red.tiff")
        store.update(1, picture="red.tiff")
        store.update(2, picture="gone.png")
        yield DraftPile(store)


@pytest.fixture(scope="module")
def open_server(pile: DraftPile) -> Iterator[Served]:
    with served(pile) as server:
        yield server


@pytest.fixture(scope="module")
def locked_server(pile: DraftPile) -> Iterator[Served]:
    with served(pile, key=KEY, names=["review.example.org"]) as server:
        yield server


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost", "localhost:9", "[::1]:80"])
def test_this_machine_is_known_by_its_own_names(open_server: Served, host: str):
    assert open_server.post("/api/state", WINDOW, Host=host)[0] == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "10.0.0.7", "localhost.evil.example", "", None],
)
def test_a_name_that_was_pointed_here_is_refused(open_server: Served, host: str | None):
    assert open_server.ask("POST", "/api/state", WINDOW, Host=host)[0] in (400, 403)
    assert open_server.ask("GET", "/", Host=host)[0] in (400, 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"X_Minigpt4_Review": None},
    ],
)
@pytest.mark.parametrize("path", ["/api/state", "/api/decide", "/api/picture/0"])
def test_other_pages_are_refused(open_server: Served, path: str, headers: dict[str, str | None]):
    method = "GET" if "picture" in path else "POST"
    assert open_server.ask(method, path, WINDOW, **headers)[0] == 403


def test_our_own_page_is_not(open_server: Served):
    own = {"Origin": open_server.address, "Sec_Fetch_Site": "same-origin"}
    assert open_server.post("/api/state", WINDOW, **own)[0] == 200
    assert (
        open_server.ask("GET", "/", Sec_Fetch_Site="cross-site", X_Minigpt4_Review=None)[0] == 200
    )


def test_a_form_of_another_page_decides_nothing(open_server: Served, pile: DraftPile):
    body = json.dumps({**WINDOW, "id": "a form's", "number": 0, "decision": "accept"}).encode()
    status, _, _ = open_server.ask("POST", "/api/decide", body, Content_Type="text/plain")
    assert status == 400
    assert pile._store.load(0).verdicts == ()


@pytest.mark.parametrize(
    "given", [None, "Bearer wrong", f"Bearer {KEY[:-1]}", f"Basic {KEY}", f"Bearer {KEY}x", KEY]
)
def test_without_the_key_nothing_is_shown(locked_server: Served, given: str | None):
    for method, path in (("POST", "/api/hello"), ("POST", "/api/state"), ("GET", "/api/picture/0")):
        status, said = locked_server.ask(method, path, WINDOW, Authorization=given)[::2]
        assert status == 401
        assert json.loads(said) == {"error": "the key is missing or wrong"}
    assert locked_server.ask("GET", "/", Authorization=given)[0] == 200, "the page asks for it"


def test_with_the_key_other_machines_come_in(locked_server: Served):
    for host in ("127.0.0.1", "10.0.0.7:7870", "review.example.org"):
        headers = {"Authorization": f"Bearer {KEY}", "Host": host}
        assert locked_server.post("/api/state", WINDOW, **headers)[0] == 200
    headers = {"Authorization": f"Bearer {KEY}", "Host": "evil.example"}
    assert locked_server.post("/api/state", WINDOW, **headers)[0] == 403


def test_every_answer_closes_the_page_to_the_outside(open_server: Served):
    for method, path in (("GET", "/"), ("GET", "/page.js"), ("POST", "/api/state"), ("GET", "/x")):
        _, headers, _ = open_server.ask(method, path, WINDOW if method == "POST" else None)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/api/state", {"reviewer": "", "tab": "t"}, "reviewer"),
        ("/api/state", {"reviewer": "<b>", "tab": "t"}, "reviewer"),
        ("/api/state", {"reviewer": "a" * 41, "tab": "t"}, "reviewer"),
        ("/api/state", {**WINDOW, "more": 1}, "more"),
        (
            "/api/decide",
            {**WINDOW, "id": "12345678", "number": 9, "decision": "accept"},
            "no draft",
        ),
        ("/api/decide", {**WINDOW, "id": "12345678", "number": 0, "decision": "burn"}, "unknown"),
        (
            "/api/decide",
            {**WINDOW, "id": "12345678", "number": "x", "decision": "accept"},
            "number",
        ),
        ("/api/decide", b"[" * 1000, ""),
        ("/api/decide", b"\xff\xfe", ""),
        ("/api/undo", {**WINDOW}, "id"),
    ],
)
def test_nonsense_is_answered_with_its_fault(open_server: Served, path: str, body, message: str):
    status, said = open_server.post(path, body)
    assert status == 400
    assert message in said["error"]


def test_a_body_that_is_too_large_is_not_read(open_server: Served):
    status, said = open_server.post("/api/state", b" " * (MAX_BODY_BYTES + 1))
    assert status == 413
    assert "larger" in said["error"]


def test_pictures_come_as_browsers_show_them(open_server: Served):
    status, headers, content = open_server.ask("GET", "/api/picture/0")
    assert (status, headers["content-type"]) == (200, "image/png")
    assert headers["cache-control"].startswith("private")
    status, headers, content = open_server.ask("GET", "/api/picture/1")
    assert (status, headers["content-type"], content[:4]) == (200, "image/png", b"\x89PNG")
    status, _, content = open_server.ask("GET", "/api/picture/2")
    assert (status, json.loads(content)["error"]) == (404, "missing picture: gone.png")
    assert open_server.ask("GET", "/api/picture/..%2f..%2fdrafts.sqlite")[0] in (400, 404)


def test_a_page_for_others_needs_a_key(pile: DraftPile):
    with (
        socket.create_server(("0.0.0.0", 0)) as listener,
        pytest.raises(SettingsError, match=r"through 0\.0\.0\.0; give --key-file"),
    ):
        serve_pile(pile, listener)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(SettingsError, match=r"through review\.example\.org; give --key-file"),
    ):
        serve_pile(pile, listener, names=("review.example.org",))


def test_a_key_must_be_worth_it(tmp_path: Path):
    path = tmp_path / "key"
    for text in ("", "short\n", "with spaces in it, many", "ключ" * 8):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError, match="at least 16"):
            load_key(path)
    path.write_text(f"{KEY}\nanything below\n", encoding="utf-8")
    assert load_key(path) == KEY
    with pytest.raises(SettingsError, match="cannot read the key"):
        load_key(tmp_path / "none")


def test_loopback_is_this_machine_alone():
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org", "")))
