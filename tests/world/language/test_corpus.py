"""The text-only corpus: told scenes are read, not learned; answers are in the Vicuna form."""

from __future__ import annotations

import pytest

from minigpt4.world.language import prompts
from minigpt4.world.language.compose_prompts import PROMPTS
from minigpt4.world.language.corpus import (
    ABILITY_KINDS,
    COMPOSERS,
    SMALL_TASK_WEIGHTS,
    TASK_WEIGHTS,
    sample_document,
)
from minigpt4.world.scene import SCENE_KINDS

NUM_DOCUMENTS = 800


@pytest.fixture(scope="module")
def documents():
    return [sample_document(11, index) for index in range(NUM_DOCUMENTS)]


@pytest.fixture(scope="module")
def texts(documents):
    return ["".join(segment.text for segment in document) for document in documents]


def test_a_document_is_fixed_by_seed_and_index(documents):
    assert [sample_document(11, index) for index in range(50)] == documents[:50]
    assert [sample_document(12, index) for index in range(50)] != documents[:50]


def test_told_scenes_are_read_and_everything_else_is_learned(documents):
    for document in documents:
        assert any(segment.learned for segment in document)
        assert sum(not segment.learned for segment in document) <= 1
        assert document[-1].learned


def test_every_document_ends_as_its_stage_does(texts):
    assert all(text.endswith(("###", "\n")) for text in texts)


def test_conversations_alternate_and_each_answer_is_closed(documents, texts):
    conversations = [text for text in texts if "###Assistant: " in text]
    assert len(conversations) > 0.6 * NUM_DOCUMENTS
    for text in conversations:
        assert text.count("Human: ") == text.count("###Assistant: ")
        assert text.count("###Human: ") + text.count("###Assistant: ") + 1 == text.count("###")
        assert "### " not in text.replace("###Human: ", "").replace("###Assistant: ", "")


def test_a_scene_in_a_conversation_stands_where_the_picture_will_be(documents):
    pictured = [doc for doc in documents if doc[0].text.endswith("<Img>")]
    assert len(pictured) > 0.4 * NUM_DOCUMENTS
    for document in pictured:
        assert not document[1].learned
        assert document[2].text.startswith("</Img> ")


def test_all_tasks_occur_as_plain_documents_or_conversations(texts):
    joined = "\n".join(texts)
    for task in (*COMPOSERS, "correction"):
        assert any(prompt in joined for prompt in PROMPTS[task]), task
    assert any(f"{prompt} ###" in joined for prompt in prompts.DESCRIBE)
    assert any(ask in joined for ask, _ in prompts.ABOUT)
    assert any(f"Human: {prompt}" in joined for prompt in prompts.CONTINUE)
    plain = [text for text in texts if "###" not in text]
    assert len(plain) > 0.1 * NUM_DOCUMENTS


def test_every_task_and_ability_has_its_weight_and_its_scenes():
    assert set(COMPOSERS) <= set(TASK_WEIGHTS)
    assert set(ABILITY_KINDS) == set(COMPOSERS)
    assert {kind for kinds in ABILITY_KINDS.values() for kind in kinds} == set(SCENE_KINDS)


def test_the_weaker_llm_reads_captions_and_short_answers_only():
    assert set(SMALL_TASK_WEIGHTS) == {"caption", "questions"}
    for index in range(200):
        text = "".join(segment.text for segment in sample_document(11, index, small=True))
        assert not any(prompt in text for asked in PROMPTS.values() for prompt in asked)
        assert not any(prompt in text for prompt in prompts.DESCRIBE)
        answers = text.split("###Assistant: ")[1:]
        assert all(len(answer.split("###")[0].split()) <= 25 for answer in answers)


def test_half_of_the_told_scenes_are_read_in_places(documents):
    told = [segment for document in documents for segment in document if not segment.learned]
    assert all(segment.text == " ; ".join(segment.places) for segment in told if segment.places)
    assert 0.4 < sum(bool(segment.places) for segment in told) / len(told) < 0.6
    assert not any(
        segment.places for document in documents for segment in document if segment.learned
    )
