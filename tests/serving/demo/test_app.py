"""The web application lets nothing out and nothing stay."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from pathlib import Path

import pytest

from minigpt4.serving.demo.abilities import DRAWN_WORLD
from minigpt4.serving.demo.app import PAGE_POLICY, demo_app
from minigpt4.serving.demo.asking import Speaker
from minigpt4.serving.demo.events import Contents
from serving.demo.told import ToldEngine, served


def contents(notice: str = "") -> Contents:
    speakers = (Speaker("tiny <b>", ToldEngine({})),)
    return Contents(speakers=speakers, abilities=DRAWN_WORLD, notice=notice)


@pytest.fixture(scope="module")
def page():
    """The page as it is sent: its headers, its text, its configuration."""
    with served(contents("Knows <i>little</i>.")) as address:
        with urllib.request.urlopen(address, timeout=60) as answer:
            text, headers = answer.read().decode(), dict(answer.headers)
        with urllib.request.urlopen(f"{address}/config", timeout=60) as answer:
            config = json.load(answer)
        yield text, headers, config


def test_browsers_are_told_to_talk_to_nobody_else(page):
    _, headers, _ = page
    assert headers["content-security-policy"] == PAGE_POLICY
    sources = set(re.findall(r"[^\s;]+", PAGE_POLICY))
    assert not [each for each in sources if "//" in each or each in ("*", "http:", "https:")]


def test_the_page_loads_nothing_from_elsewhere(page):
    text, _, _ = page
    loads = re.findall(r"<(?:link|script|img|iframe)[^>]+(?:src|href)=[\"']([^\"']+)", text)
    assert loads, "gradio's page has scripts of its own"
    assert not [each for each in loads if re.match(r"(https?:)?//", each)]


def test_nothing_is_shared_measured_or_kept(page):
    _, _, config = page
    assert config["analytics_enabled"] is False
    assert not config.get("run_history")
    assert not config.get("footer_links")
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"


def test_names_and_notice_are_shown_as_text(page):
    _, _, config = page
    values = [str(each["props"].get("value")) for each in config["components"]]
    header = next(value for value in values if "mg-title" in value)
    assert "<b>" not in header
    assert "<i>" not in header
    assert "Knows &#60;i&#62;little&#60;/i&#62;." in header


def test_no_event_can_be_found_in_a_list(page):
    _, _, config = page
    shown = [each for each in config["dependencies"] if each.get("api_visibility") == "public"]
    assert not shown


def test_uploads_go_with_the_page():
    with demo_app(contents()):
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        (folder / "a.png").write_bytes(b"x")
    assert not folder.exists()
