"""A server that wants no key answers to its own names, and to no stranger's."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from minigpt4.serving.demo.abilities import DRAWN_WORLD
from minigpt4.serving.demo.asking import Speaker
from minigpt4.serving.demo.events import Contents
from minigpt4.serving.engine import Engine
from minigpt4.serving.hosts import HostNames
from serving.demo.told import ToldEngine, served
from serving.running import serving

OURS = ["127.0.0.1", "127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000", "ours.test:80"]
STRANGE = ["evil.test", "evil.test:8000", "127.0.0.1.evil.test", "192.168.1.1", "", "[::1", "@"]


def test_on_loopback_only_our_names_are_answered():
    hosts = HostNames.behind("127.0.0.1", with_keys=False, names=["Ours.test"])
    assert [each for each in OURS if hosts.fault(each)] == []
    assert [each for each in STRANGE if not hosts.fault(each)] == []


@pytest.mark.parametrize(
    ("address", "with_keys"), [("127.0.0.1", True), ("0.0.0.0", False), ("10.1.2.3", False)]
)
def test_with_keys_or_for_other_machines_every_name_will_do(address, with_keys):
    hosts = HostNames.behind(address, with_keys=with_keys)
    assert not any(hosts.fault(each) for each in [*OURS, *STRANGE])


def status(address: str, host: str) -> tuple[int, str]:
    request = urllib.request.Request(address, headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize(("host", "wanted"), [("localhost", 200), ("evil.test", 403)])
def test_the_server_and_the_page_look_at_the_name(model, host, wanted):
    hosts = HostNames.behind("127.0.0.1", with_keys=False)
    speakers = (Speaker("tiny", ToldEngine({})),)
    with serving(Engine(model), hosts=hosts) as server:
        got, body = status(f"{server.base_url}/models", host)
    assert got == wanted
    assert wanted == 200 or "--allow-name" in body
    with served(Contents(speakers=speakers, abilities=DRAWN_WORLD), hosts) as address:
        got, body = status(address, host)
    assert got == wanted
    assert wanted == 200 or "--allow-name" in body
