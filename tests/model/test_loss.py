"""Which positions carry loss, and how it adds up."""

from __future__ import annotations

import pytest
import torch

from minigpt4.errors import DataError
from minigpt4.model.loss import sum_by_example, targets_of, token_losses

LABELS = torch.tensor([[-100, -100, 5, 6], [-100, 7, -100, -100]])


def test_a_position_predicts_the_next_label():
    targets = targets_of(LABELS)
    assert targets.positions.nonzero().tolist() == [[0, 1], [0, 2], [1, 0]]
    assert targets.ids.tolist() == [5, 6, 7]


def test_a_batch_without_labels_is_an_error_not_a_loss_of_zero():
    with pytest.raises(DataError, match="no label in a batch of 2"):
        targets_of(torch.full((2, 4), -100))


def test_losses_add_up_by_example():
    losses = torch.tensor([1.0, 2.0, 4.0])
    assert sum_by_example(losses, LABELS).tolist() == [3.0, 4.0]
    empty = torch.cat([LABELS, torch.full((1, 4), -100)])
    assert sum_by_example(losses, empty).tolist() == [3.0, 4.0, 0.0]


def test_losses_are_fp32_even_from_bf16_logits():
    losses = token_losses(torch.randn(3, 10).bfloat16(), torch.tensor([1, 2, 3]))
    assert losses.dtype == torch.float32
