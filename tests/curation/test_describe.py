"""Describing with the paper's two turns."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from generation.tiny_model import build_tiny_model
from minigpt4.curation import describe as module
from minigpt4.curation.describe import (
    DescribeSettings,
    describe,
    picture_seed,
    prompt_hash,
)
from minigpt4.generation import GREEDY
from minigpt4.generation.reply import Reply

SETTINGS = DescribeSettings(generation=replace(GREEDY, max_new_tokens=12), batch_size=3)


@pytest.fixture(scope="module")
def model():
    return build_tiny_model()


def pictures(num: int) -> list[bytes]:
    found = []
    for index in range(num):
        file = io.BytesIO()
        Image.new("RGB", (20, 16), (index * 40, 100, 200)).save(file, "PNG")
        found.append(file.getvalue())
    return found


def say(monkeypatch, *answers: list[str]) -> list[list[str]]:
    """Let the model give these answers, turn by turn; return what it is asked."""
    asked, given = [], iter(answers)

    def generate(model, prompts, settings, *, seeds, batch_size):
        asked.append([each.messages[-1].text for each in prompts])
        assert len(seeds) == len(prompts)
        return [
            Reply(text=text, token_ids=(), finish_reason="stop", num_prompt_tokens=0)
            for text in next(given)
        ]

    monkeypatch.setattr(module, "generate", generate)
    return asked


def test_the_prompts_are_the_paper_s():
    assert SETTINGS.prompt == (
        "Describe this image in detail. Give as many details as possible. Say everything you see."
    )
    assert SETTINGS.continue_prompt == "Continue"
    assert SETTINGS.continue_up_to_tokens == 80


def test_an_answer_of_at_most_80_tokens_is_continued(model, monkeypatch):
    count = model.processor.tokenizer.encode
    exact = " ".join(["a"] * 200)
    while len(count(exact, add_special_tokens=False)) > 80:
        exact = exact[:-1]
    longer = exact + " b b"
    assert len(count(exact, add_special_tokens=False)) == 80
    asked = say(monkeypatch, [exact, longer, "short"], ["more of the first", "more"])
    found = describe(model, pictures(3), SETTINGS, seeds=[None] * 3)
    assert asked[1] == ["Continue", "Continue"]
    assert [each.continuation for each in found] == ["more of the first", "", "more"]
    assert [each.num_raw_tokens > 80 for each in found] == [False, True, False]


def test_an_empty_answer_is_not_continued(model, monkeypatch):
    asked = say(monkeypatch, [""], [])
    assert describe(model, pictures(1), SETTINGS, seeds=[None])[0].continuation == ""
    assert asked == [[SETTINGS.prompt], []]


def test_the_continuation_sees_the_picture_and_the_answer(model, monkeypatch):
    seen = []

    def generate(model, prompts, settings, *, seeds, batch_size):
        seen.append(prompts)
        text = "A red dog." if len(seen) == 1 else "It sits."
        return [
            Reply(text=text, token_ids=(), finish_reason="stop", num_prompt_tokens=0)
            for _ in prompts
        ]

    monkeypatch.setattr(module, "generate", generate)
    describe(model, pictures(1), SETTINGS, seeds=[None])
    [conversation] = seen[1]
    assert [message.text for message in conversation.messages] == [
        SETTINGS.prompt, "A red dog.", "Continue",
    ]  # fmt: skip
    assert len(conversation.images) == 1
    assert conversation.system == ""


def test_a_batch_of_pictures_is_described_as_each_alone(model):
    given = pictures(4)
    together = describe(model, given, SETTINGS, seeds=[None] * 4)
    alone = [describe(model, [each], SETTINGS, seeds=[None])[0] for each in given]
    assert together == alone


def test_sampled_answers_depend_on_the_picture_s_own_seed(model):
    sampled = replace(SETTINGS.generation, do_sample=True, seed=3)
    settings = replace(SETTINGS, generation=sampled)
    assert picture_seed(SETTINGS, 5) is None
    seeds = [picture_seed(settings, number) for number in (5, 6)]
    assert seeds[0] != seeds[1]
    first, again = (describe(model, pictures(2), settings, seeds=seeds) for _ in range(2))
    assert first == again


def test_the_hash_tells_what_decides_the_answers():
    assert prompt_hash(SETTINGS) == prompt_hash(replace(SETTINGS, batch_size=9))
    assert prompt_hash(SETTINGS) != prompt_hash(replace(SETTINGS, prompt="Describe."))
    assert prompt_hash(SETTINGS) != prompt_hash(replace(SETTINGS, continue_up_to_tokens=79))
