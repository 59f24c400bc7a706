"""The composite model: what trains, what is frozen, and that sequences are joined rightly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    GPT2Config,
    GPT2LMHeadModel,
    Qwen3Config,
    Qwen3ForCausalLM,
    ResNetConfig,
    ResNetModel,
    SiglipVisionConfig,
    SiglipVisionModel,
)

from minigpt4.errors import PromptError
from minigpt4.processing.conversation import IMAGE
from minigpt4.processing.processor import STAGE1_LAYOUT, STAGE2_LAYOUT

VISION = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION |= {"intermediate_size": 32, "image_size": 16, "patch_size": 8}

VISION_ENCODERS = {
    "clip": lambda: CLIPVisionModel(CLIPVisionConfig(**VISION)),
    "siglip": lambda: SiglipVisionModel(SiglipVisionConfig(**VISION)),
}
LLMS = {
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(vocab_size=259, n_embd=16, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=2)
    ),
    "qwen3": lambda: Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=259,
            hidden_size=24,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
            tie_word_embeddings=True,
        )
    ),
}


def full_loss(model: Any, batch: Any) -> torch.Tensor:
    """The loss as everyone computes it: all logits, then a mask."""
    inputs = batch.model_inputs()
    labels = inputs.pop("labels")
    logits = model(**inputs).logits
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100
    )


def test_a_step_changes_only_the_projection(model: Any, examples: list):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    batch = model.processor.training_batch(examples, layout=STAGE1_LAYOUT)
    model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model(**batch.model_inputs()).loss.backward()
    optimizer.step()
    changed = {name for name, value in model.state_dict().items() if (value != before[name]).any()}
    assert changed == {"projection.weight", "projection.bias"}


def test_frozen_parts_stay_in_eval_mode(make_model: Callable[..., Any]):
    model = make_model().train()
    assert model.projection.training
    assert not any(part.training for part in model.frozen_parts.values())
    trained = make_model(train_qformer=True).train()
    assert trained.qformer.training
    assert not trained.llm.training


def test_a_trained_qformer_gets_gradients(make_model: Callable[..., Any], examples: list):
    model = make_model(train_qformer=True).train()
    batch = model.processor.training_batch(examples, layout=STAGE1_LAYOUT)
    model(**batch.model_inputs()).loss.backward()
    assert model.query_tokens.grad is not None
    assert model.qformer.layernorm.weight.grad is not None
    assert model.vision_encoder.post_layernorm.weight.grad is None


@pytest.mark.parametrize("layout", [STAGE1_LAYOUT, STAGE2_LAYOUT])
def test_the_loss_is_that_of_full_logits(model: Any, examples: list, layout: Any):
    batch = model.processor.training_batch(examples, layout=layout)
    output = model(**batch.model_inputs())
    assert output.loss.item() == pytest.approx(full_loss(model, batch).item(), abs=1e-6)
    assert output.logits.shape[0] == batch.num_targets  # and nothing else met the head


def test_padding_never_receives_loss(model: Any, examples: list):
    batch = model.processor.training_batch(examples, layout=STAGE1_LAYOUT)
    assert batch.labels is not None
    assert (batch.labels[batch.attention_mask == 0] == -100).all()
    assert (batch.labels[batch.image_mask] == -100).all()


def test_a_row_does_not_depend_on_its_neighbours(model: Any, examples: list):
    together = model.processor.training_batch(examples, layout=STAGE1_LAYOUT)
    losses = model(**together.model_inputs()).token_losses
    alone = [
        model(
            **model.processor.training_batch([each], layout=STAGE1_LAYOUT).model_inputs()
        ).token_losses
        for each in examples
    ]
    torch.testing.assert_close(losses, torch.cat(alone), atol=1e-5, rtol=1e-5)


def test_features_computed_before_give_the_same_loss(model: Any, examples: list):
    batch = model.processor.training_batch(examples, layout=STAGE1_LAYOUT)
    inputs = batch.model_inputs()
    wanted = model(**inputs).loss
    features = model.encode_images(inputs.pop("pixel_values"))
    assert torch.equal(model(**inputs, image_features=features).loss, wanted)
    embeds = model.project(features)
    assert torch.equal(model(**inputs, image_embeds=embeds).loss, wanted)


def test_the_placeholder_is_never_looked_up(model: Any, examples: list):
    batch = model.processor.training_batch(examples, layout=STAGE1_LAYOUT)
    rows = model.get_input_embeddings().num_embeddings
    assert int(batch.input_ids.max()) == rows  # an id outside the table, and yet:
    assert model(**batch.model_inputs()).loss.isfinite()


def test_image_embeddings_stand_where_the_placeholders_stood(model: Any, pictures: list):
    batch = model.processor.generation_batch([["a", IMAGE, "b", IMAGE]], pictures[:2])
    embeds = model.get_image_features(batch.pixel_values)
    joined = model.embed(batch.input_ids, image_embeds=embeds)
    assert torch.equal(joined[batch.image_mask], embeds.flatten(0, 1))
    table = model.get_input_embeddings()
    text = batch.input_ids[~batch.image_mask]
    assert torch.equal(joined[~batch.image_mask], table(text))


def test_more_or_fewer_pictures_than_places_are_refused(model: Any, pictures: list):
    batch = model.processor.generation_batch([["a", IMAGE]], pictures[:1])
    with pytest.raises(PromptError, match="3 image positions for 0"):
        model(input_ids=batch.input_ids, attention_mask=batch.attention_mask)
    twice = torch.cat([batch.pixel_values, batch.pixel_values])
    with pytest.raises(PromptError, match="3 image positions for 6"):
        model(input_ids=batch.input_ids, pixel_values=twice)
    with pytest.raises(PromptError, match="neither"):
        model()


@pytest.mark.parametrize("num_beams", [1, 3])
def test_rows_with_none_one_and_many_pictures_generate_as_alone(
    model: Any, pictures: list, num_beams: int
):
    prompts = [["What?"], [IMAGE, "Why?"], ["a", IMAGE, "b", IMAGE, "How?"]]
    images = [[], pictures[:1], pictures[1:3]]
    options = {"max_new_tokens": 6, "num_beams": num_beams, "do_sample": False}
    batch = model.processor.generation_batch(prompts, [each for group in images for each in group])
    together = model.generate(**batch.model_inputs(), **options)[:, batch.input_ids.shape[1] :]
    for row, (prompt, own) in enumerate(zip(prompts, images, strict=True)):
        single = model.processor.generation_batch([prompt], own)
        alone = model.generate(**single.model_inputs(), **options)[0, len(single.input_ids[0]) :]
        assert together[row, : len(alone)].tolist() == alone.tolist()


def test_a_repetition_penalty_ignores_pictures(model: Any, pictures: list):
    batch = model.processor.generation_batch([[IMAGE, "Why?"]], pictures[:1])
    out = model.generate(**batch.model_inputs(), max_new_tokens=4, repetition_penalty=1.3)
    assert out.shape[1] == batch.input_ids.shape[1] + 4


def test_each_picture_is_encoded_once(model: Any, pictures: list, monkeypatch: pytest.MonkeyPatch):
    seen: list[int] = []
    encode = model.encode_images
    monkeypatch.setattr(
        model, "encode_images", lambda pixels: (seen.append(len(pixels)), encode(pixels))[1]
    )
    batch = model.processor.generation_batch([[IMAGE, "Why?"]], pictures[:1])
    model.generate(**batch.model_inputs(), max_new_tokens=5, num_beams=3)
    assert seen == [1]


def test_projection_and_loss_are_fp32_under_autocast(model: Any, examples: list):
    batch = model.processor.training_batch(examples, layout=STAGE1_LAYOUT)
    with torch.autocast("cpu", torch.bfloat16):
        output = model(**batch.model_inputs())
        assert model.get_image_features(batch.pixel_values).dtype == torch.float32
    assert output.loss.dtype == torch.float32
    output.loss.backward()
    assert model.projection.weight.grad.dtype == torch.float32


@pytest.mark.parametrize("without_qformer", [True, False])
@pytest.mark.parametrize("vision", VISION_ENCODERS)
@pytest.mark.parametrize("llm", LLMS)
def test_any_vision_encoder_and_any_llm(
    make_model: Callable[..., Any],
    examples: list,
    pictures: list,
    vision: str,
    llm: str,
    without_qformer: bool,
):
    model = make_model(
        vision_encoder=VISION_ENCODERS[vision](), llm=LLMS[llm](), without_qformer=without_qformer
    ).train()
    batch = model.processor.training_batch(examples, layout=STAGE2_LAYOUT)
    output = model(**batch.model_inputs())
    assert output.loss.item() == pytest.approx(full_loss(model, batch).item(), abs=1e-5)
    output.loss.backward()
    assert model.projection.weight.grad.abs().sum() > 0
    prompt = model.processor.generation_batch([[IMAGE, "Why?"]], pictures[:1])
    out = model.generate(**prompt.model_inputs(), max_new_tokens=3, min_new_tokens=3)
    assert out.shape[1] == prompt.input_ids.shape[1] + 3


def test_a_convolutional_encoder_works_through_a_qformer(
    make_model: Callable[..., Any], examples: list
):
    vision = ResNetModel(
        ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    )
    vision.config.hidden_size, vision.config.image_size = 16, 32
    model = make_model(vision_encoder=vision)
    batch = model.processor.training_batch(examples, layout=STAGE1_LAYOUT)
    assert model(**batch.model_inputs()).loss.isfinite()


def test_three_projection_layers(make_model: Callable[..., Any], examples: list):
    model = make_model(projection_num_layers=3)
    batch = model.processor.training_batch(examples, layout=STAGE1_LAYOUT)
    model(**batch.model_inputs()).loss.backward()
    trained = [name for name, p in model.named_parameters() if p.grad is not None]
    assert len(trained) == 6
    assert all(name.startswith("projection.") for name in trained)
