"""Beams search further than greedy, and each ends by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from minigpt4.generation import GREEDY, generate
from minigpt4.generation.answers import Answer, Ending
from minigpt4.generation.beams import _Beams
from minigpt4.generation.settings import GenerationSettings
from minigpt4.generation.text import TokenText
from minigpt4.processing.conversation import VICUNA_V0, Conversation

SHORT = replace(GREEDY, max_new_tokens=16)


@pytest.fixture
def prompts(pictures) -> list[Conversation]:
    return [
        Conversation.ask("What is this?", pictures[0]),
        Conversation.ask("Hi"),
        Conversation.ask("Describe both of these images.", *pictures[1:3]),
    ]


def test_a_beam_that_reaches_a_stop_string_is_finished(model, prompts):
    settings = replace(SHORT, num_beams=3, max_new_tokens=12)
    (plain,) = generate(model, prompts[:1], settings)
    stop = next(c for c in plain.text if c.isalnum())
    settings = replace(settings, stop_strings=(stop,), length_penalty=-5.0)
    (reply,) = generate(model, prompts[:1], settings)
    assert reply.finish_reason == "stop"
    assert len(reply.token_ids) < 12
    assert stop not in reply.text


def test_more_beams_never_find_a_less_likely_answer(model, prompts):
    def log_probability(prompt: Conversation, settings: GenerationSettings) -> float:
        (reply,) = generate(model, [prompt], settings)
        batch = model.processor.generation_batch([VICUNA_V0.render(prompt)], prompt.images)
        embeds = model.embed(
            batch.input_ids,
            image_mask=batch.image_mask,
            image_embeds=None
            if batch.pixel_values is None
            else model.get_image_features(batch.pixel_values),
        )
        answer = torch.tensor([reply.token_ids])
        whole = torch.cat([embeds, model.get_input_embeddings()(answer)], dim=1)
        with torch.no_grad():
            logits = model.llm(inputs_embeds=whole).logits[0, embeds.shape[1] - 1 : -1]
        return float(logits.log_softmax(-1).gather(-1, answer[0][:, None]).sum())

    for prompt in prompts:
        settings = replace(SHORT, max_new_tokens=5)
        greedy = log_probability(prompt, settings)
        assert log_probability(prompt, replace(settings, num_beams=8)) >= greedy - 1e-4


SAMPLED = {"do_sample": True, "top_p": 0.9, "seed": 5}


@pytest.mark.parametrize("choice", [{}, SAMPLED], ids=["searched", "sampled"])
@pytest.mark.parametrize("num_stops", [3, 30, 300])
def test_any_number_of_candidates_may_end_at_once(model, prompts, choice: dict, num_stops: int):
    tokenizer = model.processor.tokenizer
    texts = [tokenizer.decode([token]) for token in range(len(tokenizer))]
    likely = generate(model, prompts[:1], replace(SHORT, num_beams=3))[0].token_ids
    stops = tuple(dict.fromkeys([*(texts[token] for token in likely), *texts[3:]]))[:num_stops]
    settings = replace(SHORT, num_beams=3, stop_strings=stops, **choice)
    replies = generate(model, prompts, settings)
    assert not any(stop in reply.text for stop in stops if stop.strip() for reply in replies)
    singles = [generate(model, [prompt], settings)[0] for prompt in prompts]
    assert [one.token_ids for one in singles] == [many.token_ids for many in replies]


@pytest.mark.parametrize("choice", [{}, SAMPLED], ids=["searched", "sampled"])
def test_beams_of_which_none_lives_on_have_their_answer(model, prompts, choice: dict):
    every = tuple((token,) for token in range(model.llm.config.vocab_size))
    settings = replace(SHORT, num_beams=3, stop_token_sequences=every, **choice)
    replies = generate(model, prompts, settings)
    assert [(len(reply.token_ids), reply.finish_reason) for reply in replies] == [(1, "stop")] * 3


def test_the_only_token_that_does_not_end_is_found_behind_all_that_do(model, prompts):
    (first,) = generate(model, prompts[:1], replace(SHORT, max_new_tokens=1))
    last = (first.token_ids[0] + 1) % model.llm.config.vocab_size
    every = tuple((token,) for token in range(model.llm.config.vocab_size) if token != last)
    # So heavy a reward for length that the best answer is the longest.
    settings = replace(SHORT, num_beams=3, stop_token_sequences=every, length_penalty=20.0)
    (reply,) = generate(model, prompts[:1], settings)
    assert reply.token_ids[:-1] == (last,) * (len(reply.token_ids) - 1)
    assert len(reply.token_ids) > 1


def test_candidates_are_all_that_can_be_reached_best_first(model):
    settings = replace(SHORT, num_beams=2)
    answer = Answer(
        settings, Ending(model, VICUNA_V0, settings), TokenText(model.processor.tokenizer)
    )
    totals = torch.randn(2, 320, generator=torch.Generator().manual_seed(0))
    candidates = list(_Beams(answer)._candidates(totals))
    scores, indices = totals.flatten().sort(descending=True)
    assert candidates == list(zip(scores.tolist(), indices.tolist(), strict=True))
    totals[1] -= 1e9
    assert {index // 320 for _, index in _Beams(answer)._candidates(totals)} == {0}
