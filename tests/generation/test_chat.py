"""A chat gives the answers that a fresh reading of the whole conversation gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from minigpt4.errors import ContextLengthError, ImageError, PromptError
from minigpt4.generation import CHAT, GREEDY, Chat, generate
from minigpt4.generation.rows import Rows
from minigpt4.processing.conversation import Conversation

SHORT = replace(GREEDY, max_new_tokens=12)
QUESTIONS = ["What is this?", "Which color?", "Tell me more about it."]


@pytest.fixture
def read_lengths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many positions each prefill had to read."""
    lengths: list[int] = []
    prefill = Rows.prefill

    def counted(self: Rows, inputs_embeds: Any, attention_mask: Any) -> Any:
        lengths.append(inputs_embeds.shape[1])
        return prefill(self, inputs_embeds, attention_mask)

    monkeypatch.setattr(Rows, "prefill", counted)
    return lengths


@pytest.mark.parametrize(
    "settings",
    [
        SHORT,
        replace(SHORT, repetition_penalty=1.3),
        replace(CHAT, max_new_tokens=12, seed=3),
        replace(SHORT, num_beams=3),
    ],
    ids=["greedy", "penalty", "sampled", "beams"],
)
def test_the_cache_changes_no_answer(model, pictures, read_lengths, settings):
    kept, fresh = Chat(model, settings), Chat(model, settings, keep_cache=False)
    for turn, question in enumerate(QUESTIONS):
        shown = [pictures[turn]] if turn != 1 else []
        assert kept.ask(question, *shown) == fresh.ask(question, *shown)
    assert kept.conversation == fresh.conversation
    with_cache, without = read_lengths[::2], read_lengths[1::2]
    assert with_cache[0] == without[0]
    assert all(few < all_ / 2 for few, all_ in zip(with_cache[1:], without[1:], strict=True))


def test_each_turn_equals_generate_on_the_whole_conversation(model, pictures):
    chat = Chat(model, SHORT)
    conversation = Conversation()
    for turn, question in enumerate(QUESTIONS):
        conversation = conversation.with_user(question, *pictures[turn : turn + 1])
        (wanted,) = generate(model, [conversation], SHORT)
        assert chat.ask(question, pictures[turn]) == wanted
        conversation = conversation.with_answer(wanted.text)


def test_a_picture_is_encoded_once_in_a_chat(model, pictures):
    chat = Chat(model, SHORT)
    chat.show(pictures[0])
    for question in QUESTIONS:
        chat.ask(question)
    chat.ask("And again?", pictures[0].copy())
    assert chat.images.num_encoded == 1


def test_a_shown_picture_belongs_to_the_next_question(model, pictures):
    chat = Chat(model, SHORT)
    chat.show(pictures[0])
    chat.show(pictures[1])
    shown = chat.ask("What are these?")
    assert shown == Chat(model, SHORT).ask("What are these?", *pictures[:2])
    chat.ask("And?")
    assert len(chat.conversation.images) == 2


def test_a_picture_file_may_go_away_after_it_was_shown(model, pictures, tmp_path):
    file = tmp_path / "a.png"
    pictures[0].save(file)
    chat = Chat(model, SHORT)
    chat.show(file)
    chat.ask("What is this?")
    file.unlink()
    assert chat.ask("Which color?").text


def test_streamed_answers_enter_the_conversation(model, pictures):
    settings = replace(CHAT, max_new_tokens=12, seed=1)
    chat = Chat(model, settings)
    text = "".join(chat.stream("What is this?", pictures[0]))
    assert chat.reply is not None
    assert chat.reply.text == text == chat.conversation.messages[-1].text
    assert chat.reply == Chat(model, settings).ask("What is this?", pictures[0])


def test_a_stopped_answer_enters_as_far_as_it_came(model, pictures):
    chat = Chat(model, replace(CHAT, max_new_tokens=40, seed=1))
    pieces = chat.stream("What is this?", pictures[0])
    came = next(pieces) + next(pieces)
    pieces.close()
    assert chat.reply is None
    assert chat.conversation.messages[-1].role == "assistant"
    assert chat.conversation.messages[-1].text.startswith(came)
    assert chat.ask("Which color?").text


def test_ctrl_c_in_the_middle_of_a_step_leaves_a_usable_chat(model, pictures, monkeypatch):
    chat = Chat(model, SHORT)
    chat.ask("What is this?", pictures[0])
    step, steps = Rows.step, []

    def interrupted(self: Rows, token_ids: Any) -> Any:
        steps.append(token_ids)
        logits = step(self, token_ids)
        if len(steps) == 6:
            raise KeyboardInterrupt
        return logits

    with monkeypatch.context() as patch:
        patch.setattr(Rows, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            chat.ask("Tell me more.")
    before = chat.conversation
    assert [message.role for message in before.messages] == ["user", "assistant"] * 2
    (wanted,) = generate(model, [before.with_user("Which color?")], SHORT)
    assert chat.ask("Which color?") == wanted


def test_a_question_that_fails_changes_nothing(model, pictures, tmp_path):
    chat = Chat(model, SHORT)
    chat.ask("What is this?", pictures[0])
    before = chat.conversation
    with pytest.raises(PromptError, match="empty"):
        chat.ask("  ")
    with pytest.raises(ImageError):
        chat.ask("And this?", tmp_path / "missing.png")
    with pytest.raises(ImageError):
        chat.show(tmp_path / "missing.png")
    with pytest.raises(ContextLengthError):
        chat.ask("word " * 600)
    assert chat.conversation == before
    (wanted,) = generate(model, [before.with_user("Which color?")], SHORT)
    assert chat.ask("Which color?") == wanted


def test_old_turns_are_dropped_whole_and_images_stay(model, pictures):
    settings = replace(SHORT, max_context_tokens=220)
    chat = Chat(model, settings, system="Be brief.")
    chat.ask("What is this?", pictures[0])
    for index in range(8):
        reply = chat.ask(f"Question number {index}, which is not short?")
        assert reply.num_prompt_tokens + 12 <= 220
        assert len(chat.conversation.images) == 1
        assert chat.conversation.system == "Be brief."
        assert chat.conversation.messages[0].role == "user"
    assert chat.num_dropped_turns > 0
    assert len(chat.conversation.messages) == 2 * (9 - chat.num_dropped_turns)
    turns = chat.conversation.messages[:-1]
    (wanted,) = generate(model, [Conversation(turns, "Be brief.")], settings)
    assert chat.reply == wanted


def test_reset_forgets_everything_but_the_system_prompt(model, pictures):
    chat = Chat(model, SHORT, system="Be brief.")
    first = chat.ask("What is this?", pictures[0])
    chat.show(pictures[1])
    chat.reset()
    assert chat.conversation == Conversation(system="Be brief.")
    assert chat.ask("What is this?", pictures[0]) == first
