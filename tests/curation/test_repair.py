"""Repairing with the paper's instruction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from curation.bad_server import bad_server
from generation.tiny_model import build_tiny_model
from minigpt4.curation.chat_service import ChatService, ChatServiceSettings
from minigpt4.curation.repair import (
    INSTRUCTION,
    ModelRepairer,
    RepairSettings,
    ServiceRepairer,
    repair_texts,
)
from minigpt4.generation import GREEDY
from minigpt4.world.language.compose_prompts import CORRECTION_PROMPT


def test_the_instruction_is_the_paper_s_and_the_one_the_miniature_s_llm_has_read():
    assert INSTRUCTION.startswith("Fix the error in the given paragraph. Remove any repeating")
    assert INSTRUCTION.endswith("if it is already correct without explanation.")
    assert INSTRUCTION == CORRECTION_PROMPT


@pytest.mark.parametrize(
    ("where", "messages"),
    [
        ("system", [("system", INSTRUCTION), ("user", "The the dog.")]),
        ("user", [("user", f"{INSTRUCTION} The the dog.")]),
    ],
)
def test_a_service_gets_the_instruction_where_it_is_wanted(where, messages):
    noted = []
    with bad_server() as server:
        service = ChatService(ChatServiceSettings(url=server.url, model="m"))
        repairer = ServiceRepairer(service, RepairSettings(instruction_as=where, max_tokens=None))
        repairer.repair(["The the dog."], noted.extend)
        [sent] = server.requests
    assert [(each["role"], each["content"]) for each in sent["messages"]] == messages
    assert "max_tokens" not in sent
    assert noted == [(0, messages[-1][1])]


def test_why_a_text_got_no_repair_is_said(caplog):
    noted = []
    with bad_server(lambda exchange: exchange.refuse(400, "content filter")) as server:
        service = ChatService(ChatServiceSettings(url=server.url, model="m"))
        left = ServiceRepairer(service, RepairSettings()).repair(["The the dog."], noted.extend)
    assert (noted, left) == ([], {0: "refused: 400 content filter"})
    assert "The the dog." in caplog.text
    assert "content filter" in caplog.text


@pytest.mark.parametrize(
    ("finish_reason", "said"),
    [("length", "cut off after 512 tokens"), ("content_filter", "content filter")],
)
def test_half_a_reply_is_no_repair(finish_reason, said):
    noted = []
    with bad_server(lambda exchange: exchange.answer("The dog and", finish_reason)) as server:
        service = ChatService(ChatServiceSettings(url=server.url, model="m"))
        left = ServiceRepairer(service, RepairSettings()).repair(["The the dog."], noted.extend)
    assert noted == []
    assert said in left[0]


def test_texts_are_noted_batch_by_batch_in_order():
    noted = []
    repairer = ModelRepairer(lambda texts: [text.upper() for text in texts], name="m", batch_size=2)
    repairer.repair(["a", "b", "c"], noted.append)
    assert noted == [[(0, "A"), (1, "B")], [(2, "C")]]


def test_a_text_too_long_for_the_llm_gets_no_repair_and_spares_the_others():
    model = build_tiny_model()
    limit = replace(GREEDY, max_new_tokens=4, max_context_tokens=400)
    settings = RepairSettings(generation=limit, instruction="Fix it.")
    fine, long = "A dog.", "A dog sits. " * 200
    assert repair_texts(model, [fine, long], settings) == [
        repair_texts(model, [fine], settings)[0], "",
    ]  # fmt: skip
