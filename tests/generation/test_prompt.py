"""Prompts reach the LLM as they were tokenised, and pictures are encoded once."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from minigpt4.errors import ImageError
from minigpt4.generation.prompt import (
    ImageCache,
    Prompt,
    context_limit,
    embed_prompts,
    encode_prompt,
    model_template,
)
from minigpt4.generation.settings import CHAT


def test_the_same_picture_is_encoded_once(model, pictures):
    cache = ImageCache(model)
    keys = [key for key, _ in cache.embed([pictures[0], pictures[1], pictures[0].copy()])]
    assert keys[0] == keys[2] != keys[1]
    cache.embed([pictures[1]])
    assert cache.num_encoded == 2


def test_cached_embeddings_are_those_of_the_model(model, pictures):
    cache = ImageCache(model)
    cache.embed(pictures[:1])
    got = torch.stack([embeds for _, embeds in cache.embed(pictures[:3])])
    with torch.no_grad():
        wanted = model.get_image_features(model.processor.pixel_values(pictures[:3]))
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-5)


def test_the_cache_forgets_the_oldest_pictures(model, pictures):
    cache = ImageCache(model, max_images=2)
    for picture in (pictures[0], pictures[1], pictures[2], pictures[0]):
        cache.embed([picture])
    assert cache.num_encoded == 4
    assert len(cache.embed(pictures)) == 4


def test_an_unreadable_picture_is_an_image_error(model, tmp_path):
    with pytest.raises(ImageError):
        ImageCache(model).embed([tmp_path / "missing.png"])


def test_padding_is_on_the_left_and_embeddings_stand_at_their_places(model, pictures):
    cache = ImageCache(model)
    prompts = [
        encode_prompt(model, Prompt.from_text("a <ImageHere> b <ImageHere>", *pictures[:2]), cache),
        encode_prompt(model, Prompt.from_text("a"), cache),
    ]
    inputs_embeds, attention_mask = embed_prompts(model, prompts)
    assert attention_mask.sum(dim=1).tolist() == [len(prompt) for prompt in prompts]
    assert attention_mask[:, -1].tolist() == [1, 1]
    places = torch.tensor(prompts[0].row.image_mask)
    wanted = torch.cat([embeds for _, embeds in cache.embed(pictures[:2])])
    torch.testing.assert_close(inputs_embeds[0][places], wanted)


def test_position_keys_tell_pictures_and_texts_apart(model, pictures):
    cache = ImageCache(model)

    def keys(text: str, *images: object) -> list[object]:
        return encode_prompt(model, Prompt.from_text(text, *images), cache).position_keys

    one, same, other = (keys("a<ImageHere>b", pictures[index]) for index in (0, 0, 1))
    assert one == same
    assert [a == b for a, b in zip(one, other, strict=True)].count(False) == 4
    assert len({str(key) for key in one}) == len(one)


def test_the_smaller_of_both_context_limits_counts(model):
    assert context_limit(model, CHAT) == 512
    assert context_limit(model, replace(CHAT, max_context_tokens=100)) == 100
    assert context_limit(model, replace(CHAT, max_context_tokens=None)) == 512


def test_a_model_answers_in_the_template_it_was_trained_with(model):
    assert model_template(model).name == "vicuna_v0"
