"""Rows of different length become one batch; masks come from positions."""

from __future__ import annotations

import pytest
import torch

from minigpt4.processing.batch import Batch, EncodedPrompt, collate

ROWS = [
    EncodedPrompt([1, 9, 9, 5], [False, True, True, False], [-100, -100, -100, 5]),
    EncodedPrompt([1, 0], [False, False], [-100, 0]),
]


def test_training_pads_on_the_right():
    batch = collate(ROWS, pad_token_id=0, padding="right")
    assert batch.input_ids.tolist() == [[1, 9, 9, 5], [1, 0, 0, 0]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert batch.labels is not None
    assert batch.labels.tolist() == [[-100, -100, -100, 5], [-100, 0, -100, -100]]


def test_generation_pads_on_the_left():
    batch = collate(ROWS, pad_token_id=7, padding="left")
    assert batch.input_ids.tolist() == [[1, 9, 9, 5], [7, 7, 1, 0]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1], [0, 0, 1, 1]]
    assert batch.image_mask.tolist() == [[False, True, True, False], [False] * 4]


def test_a_token_that_equals_the_pad_is_attended_to_and_learned():
    batch = collate(ROWS, pad_token_id=0, padding="right")
    assert batch.attention_mask[1, 1] == 1
    assert batch.labels is not None
    assert batch.labels[1, 1] == 0
    assert batch.num_targets == 2


def test_model_inputs_are_the_tensors_there_are():
    batch = collate(ROWS, pad_token_id=0, padding="right")
    assert set(batch.model_inputs()) == {"input_ids", "attention_mask", "image_mask", "labels"}
    assert len(batch) == 2


def test_a_batch_moves_whole_and_is_immutable():
    batch = collate(ROWS, pad_token_id=0, padding="right", pixel_values=torch.zeros(1, 3, 4, 4))
    moved = batch.to("meta")
    assert isinstance(moved, Batch)
    assert {value.device.type for value in moved.model_inputs().values()} == {"meta"}
    assert batch.input_ids.device.type == "cpu"
    with pytest.raises(AttributeError):
        batch.labels = None  # type: ignore[misc]
