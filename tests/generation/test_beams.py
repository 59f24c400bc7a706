"""Beams search further than greedy, and each ends by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from minigpt4.generation import GREEDY, generate
from minigpt4.generation.settings import GenerationSettings
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
