"""How an answer ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from minigpt4.generation.answers import Answer, Ending
from minigpt4.generation.settings import GREEDY, GenerationSettings
from minigpt4.generation.text import TokenText
from minigpt4.processing.conversation import PLAIN, VICUNA_V0


def grow(model, token_ids: list[int], settings: GenerationSettings = GREEDY) -> Answer:
    tokenizer = model.processor.tokenizer
    answer = Answer(settings, Ending(model, VICUNA_V0, settings), TokenText(tokenizer))
    for token_id in token_ids:
        answer.accept(token_id)
        if answer.finish_reason is not None:
            break
    return answer


def encode(model, text: str) -> list[int]:
    return model.processor.encode(text)


@pytest.mark.parametrize("end", ["###", "</s>"])
def test_an_answer_ends_at_the_stop_string_and_at_the_end_token(model, end: str):
    answer = grow(model, encode(model, f" A red dog.{end} Never read."))
    assert answer.finish_reason == "stop"
    assert answer.reply(num_prompt_tokens=3).text == "A red dog."


def test_the_tokens_of_the_stop_belong_to_the_reply(model):
    said = [*encode(model, "A dog."), 2]
    assert grow(model, said).reply(num_prompt_tokens=3).token_ids == tuple(said)


def test_an_answer_is_cut_at_its_longest_length(model):
    said = encode(model, "A dog sits near the river")
    answer = grow(model, said, replace(GREEDY, max_new_tokens=2))
    assert (answer.finish_reason, answer.token_ids) == ("length", said[:2])


def test_a_stop_on_the_last_token_is_a_stop(model):
    said = [*encode(model, "A dog."), 2]
    answer = grow(model, said, replace(GREEDY, max_new_tokens=len(said)))
    assert answer.finish_reason == "stop"


def test_stop_sequences_of_tokens_stay_in_the_text(model):
    said = encode(model, "A dog")
    settings = replace(GREEDY, stop_token_sequences=(tuple(said[-2:]),))
    answer = grow(model, [*said, *said], settings)
    assert answer.token_ids == said
    assert answer.text.text == "A dog"


def test_each_template_brings_its_stop_strings(model):
    settings = replace(GREEDY, stop_strings=("END",))
    assert Ending(model, VICUNA_V0, settings).strings == ("###", "END")
    assert Ending(model, PLAIN, settings).strings == ("\n", "END")


def test_a_fork_shares_the_past_and_not_the_future(model):
    answer = grow(model, encode(model, "A"))
    twin = answer.fork()
    twin.accept(2)
    assert answer.finish_reason is None
    assert twin.token_ids == [*answer.token_ids, 2]
