"""The alignment gap is zero for a picture that says what the words say."""

from __future__ import annotations

import pytest
import torch

from generation.tiny_model import build_tiny_model
from minigpt4.evaluation import alignment
from minigpt4.evaluation.alignment import alignment_gap
from minigpt4.world.sample import sample_scene

WORDS = "red dog"
STREAM = {"split": "test", "seed": 2, "count": 3}


@pytest.fixture
def model():
    return build_tiny_model()


@pytest.fixture
def perfect(model, monkeypatch):
    """A model whose every picture becomes the embeddings of the words that are told."""
    words = torch.tensor(model.processor.encode(WORDS))
    monkeypatch.setattr(alignment, "tell", lambda scene: WORDS)
    model.processor.num_image_tokens = len(words)
    embeds = model.get_input_embeddings()(words).detach()
    monkeypatch.setattr(model, "encode_images", lambda pixels: embeds.expand(len(pixels), -1, -1))
    monkeypatch.setattr(model, "project", lambda features: features)
    return model


def test_the_gap_is_zero_where_a_picture_says_what_the_words_say(perfect):
    found = alignment_gap(perfect, **STREAM)
    assert found.gap.value == pytest.approx(0, abs=1e-5)
    assert found.loss_shown.value == pytest.approx(found.loss_told.value, abs=1e-5)


def test_the_gap_is_the_difference_of_the_losses(model):
    found = alignment_gap(model, **STREAM)
    difference = found.loss_shown.value - found.loss_told.value
    assert found.gap.value == pytest.approx(difference, abs=1e-6)
    assert abs(found.gap.value) > 1e-4
    assert found.gap.count == 3


def test_a_projection_that_only_announces_a_caption_shows_by_another_picture(perfect):
    found = alignment_gap(perfect, **STREAM)
    assert found.loss_another.value == pytest.approx(found.loss_shown.value, abs=1e-5)


def test_the_loss_given_another_picture_is_that_of_the_next_one(model, monkeypatch):
    found = alignment_gap(model, **STREAM)
    assert found.loss_another.value != pytest.approx(found.loss_shown.value, abs=1e-5)
    draw = alignment.draw
    scenes = {sample_scene("test", 2, i).seed: sample_scene("test", 2, i + 1) for i in range(5)}
    monkeypatch.setattr(alignment, "draw", lambda scene: draw(scenes[scene.seed]))
    shifted = alignment_gap(model, **STREAM)
    assert shifted.loss_shown.value == pytest.approx(found.loss_another.value, abs=1e-5)


def test_the_batch_size_changes_nothing(model):
    steps = []
    whole = alignment_gap(model, **STREAM, report=steps.append)
    assert steps == [3]
    parts = alignment_gap(model, **STREAM, batch_size=2, report=steps.append)
    assert steps == [3, 2, 1]
    assert parts.gap.value == pytest.approx(whole.gap.value, abs=1e-5)
    assert parts.gap.interval == pytest.approx(whole.gap.interval, abs=1e-5)
    assert parts.loss_another.value == pytest.approx(whole.loss_another.value, abs=1e-5)


def test_the_loss_is_that_of_training(model):
    """Against the loss that stage 1 computes on the same pictures and captions."""
    from minigpt4.data.example import captioned
    from minigpt4.data.world import write_text
    from minigpt4.processing.processor import STAGE1_LAYOUT
    from minigpt4.world.draw.picture import draw
    from minigpt4.world.sample import sample_scene

    examples = []
    for index in range(3):
        scene = sample_scene("test", 2, index)
        for write in alignment.CAPTIONS:
            text = write_text(scene, write, seed=2, index=index)
            examples.append(captioned(draw(scene), text, key=""))
    batch = model.processor.training_batch(examples, layout=STAGE1_LAYOUT)
    with torch.no_grad():
        loss = model(**batch.model_inputs()).loss.item()
    assert alignment_gap(model, **STREAM).loss_shown.value == pytest.approx(loss, abs=1e-5)
