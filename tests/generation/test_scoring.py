"""Candidates are ranked by their loss, each way of counting it."""

from __future__ import annotations

import pytest
import torch

from minigpt4.errors import PromptError
from minigpt4.generation import candidate_losses, rank_candidates
from minigpt4.processing.conversation import VICUNA_V0, Conversation

CANDIDATES = [["a red dog", "river", "a picture of the image"], ["yes", "no, it is not"]]


@pytest.fixture
def prompts(pictures) -> list[Conversation]:
    return [
        Conversation.ask("What is this?", pictures[0]),
        Conversation.ask("Is this a dog, yes or no?", pictures[1]),
    ]


def loss_alone(model, prompt: Conversation, answer: str) -> tuple[float, int, int]:
    """Compute sum of losses, answer length and prompt length straight from the model's loss."""
    row = model.processor.encode_segments(VICUNA_V0.render(prompt))
    ids = model.processor.encode(answer + "###")
    output = model(
        input_ids=torch.tensor([row.input_ids + ids]),
        image_mask=torch.tensor([row.image_mask + [False] * len(ids)]),
        labels=torch.tensor([[-100] * len(row) + ids]),
        pixel_values=model.processor.pixel_values(prompt.images),
    )
    return float(output.loss.detach()) * len(ids), len(ids), len(row)


def test_losses_are_those_of_the_model_whatever_the_batch(model, prompts):
    sums = candidate_losses(model, prompts, CANDIDATES, normalisation="sum")
    means = candidate_losses(model, prompts, CANDIDATES, normalisation="token_mean")
    for row, prompt in enumerate(prompts):
        for column, answer in enumerate(CANDIDATES[row]):
            total, num_tokens, _ = loss_alone(model, prompt, answer)
            assert sums[row][column] == pytest.approx(total, rel=1e-4)
            assert means[row][column] == pytest.approx(total / num_tokens, rel=1e-4)


def test_official_losses_are_divided_by_the_padded_length(model, prompts):
    losses = candidate_losses(model, prompts, CANDIDATES)
    alone = [loss_alone(model, p, each[0]) for p, each in zip(prompts, CANDIDATES, strict=True)]
    length = max(row[2] for row in alone) + max(row[1] for row in alone) - 1
    for row in range(2):
        assert losses[row][0] == pytest.approx(alone[row][0] / length, rel=1e-4)


def test_the_lowest_loss_ranks_first():
    assert rank_candidates([[3.0, 1.0, 2.0], [0.5, 0.4]]) == [[1, 2, 0], [1, 0]]


def test_candidates_must_be_there_and_have_text(model, prompts):
    with pytest.raises(PromptError, match="1 lists of candidates for 2 prompts"):
        candidate_losses(model, prompts, CANDIDATES[:1])
    for bad in ([], ["a", " "]):
        with pytest.raises(PromptError, match="no candidates or an empty one"):
            candidate_losses(model, prompts, [["a"], bad])
