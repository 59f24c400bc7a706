"""The presets say what the official code does."""

from __future__ import annotations

import pytest

from minigpt4.config import apply_overrides
from minigpt4.errors import SettingsError
from minigpt4.generation.settings import CHAT, GREEDY


def test_chat_has_the_official_defaults():
    assert (CHAT.num_beams, CHAT.do_sample, CHAT.max_new_tokens) == (1, True, 300)
    assert (CHAT.top_p, CHAT.temperature, CHAT.repetition_penalty) == (0.9, 1.0, 1.05)
    assert (CHAT.length_penalty, CHAT.max_context_tokens) == (1.0, 2000)


def test_greedy_leaves_nothing_to_chance_and_changes_no_logit():
    assert not GREEDY.do_sample
    assert GREEDY.repetition_penalty == 1


@pytest.mark.parametrize(
    "text",
    ["temperature=0", "top_p=1.5", "max_new_tokens=0", "num_beams=0", "repetition_penalty=0"],
)
def test_impossible_values_are_errors(text: str):
    with pytest.raises(SettingsError, match=text.partition("=")[0]):
        apply_overrides(CHAT, [text])
