"""Prompts on their way into the LLM: segments, then ids, then embeddings.

Each picture is encoded once, however often it is shown: `ImageCache` knows it by its pixels.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from minigpt4.errors import ContextLengthError, PromptError
from minigpt4.generation.settings import GenerationSettings
from minigpt4.processing.batch import EncodedPrompt, collate
from minigpt4.processing.conversation import (
    IMAGE,
    Conversation,
    Segment,
    Template,
    segments_from_text,
    template_by_name,
)


@dataclass(frozen=True)
class Prompt:
    """A rendered prompt: what the LLM continues, and the pictures in it."""

    segments: tuple[Segment, ...]
    images: tuple[Any, ...] = ()

    @classmethod
    def from_text(cls, text: str, *images: Any) -> Prompt:
        """Take a whole prompt with `<ImageHere>` in it; only for text that nobody typed."""
        return cls(tuple(segments_from_text(text)), images)


@dataclass(frozen=True)
class ReadyPrompt:
    """A prompt as a row of ids, with its pictures' embeddings."""

    row: EncodedPrompt
    image_keys: list[str]
    """One key for each picture; the same picture has the same key."""
    image_embeds: list[Float[Tensor, "image_tokens llm_dim"]]

    def __len__(self) -> int:
        return len(self.row)

    def followed_by(self, token_ids: Sequence[int]) -> ReadyPrompt:
        """Return the prompt with tokens behind it."""
        row = EncodedPrompt(
            input_ids=[*self.row.input_ids, *token_ids],
            image_mask=self.row.image_mask + [False] * len(token_ids),
        )
        return replace(self, row=row)

    @property
    def position_keys(self) -> list[Any]:
        """What stands at each position; two prompts agree as far as their keys do."""
        places = iter(
            (key, index)
            for key, embeds in zip(self.image_keys, self.image_embeds, strict=True)
            for index in range(embeds.shape[0])
        )
        return [
            next(places) if is_image else token_id
            for token_id, is_image in zip(self.row.input_ids, self.row.image_mask, strict=True)
        ]


class ImageCache:
    """Embeddings of the pictures seen last, known by their pixels."""

    def __init__(self, model: Any, *, max_images: int = 64) -> None:
        self._model = model
        self._max_images = max_images
        self._embeds: OrderedDict[str, Tensor] = OrderedDict()
        self.num_encoded = 0
        """Pictures that went through the vision encoder."""
        self.num_found = 0
        """Pictures that were known already."""

    def embed(self, images: Sequence[Any]) -> list[tuple[str, Tensor]]:
        """Return a key and the embeddings (Q, D) of each picture.

        Raises:
            ImageError: for a picture that cannot be read.
        """
        if not images:
            return []
        pixels = self._model.processor.pixel_values(images)  # (N, 3, H, W)
        return self.embed_pixels([(pixel_key(each), each) for each in pixels])

    def embed_pixels(self, pictures: Sequence[tuple[str, Tensor]]) -> list[tuple[str, Tensor]]:
        """Do as `embed` with pixels (3, H, W) made before, each behind its `pixel_key`."""
        keys = [key for key, _ in pictures]
        wanted = {key: index for index, key in enumerate(keys)}
        new = {key: index for key, index in wanted.items() if key not in self._embeds}
        if new:
            device = next(self._model.vision_encoder.parameters()).device
            with torch.no_grad():
                batch = torch.stack([pictures[index][1] for index in new.values()]).to(device)
                embeds = self._model.get_image_features(batch)  # (N, Q, D)
            self._embeds.update(zip(new, embeds, strict=True))
            self.num_encoded += len(new)
        self.num_found += len(keys) - len(new)
        result = [(key, self._embeds[key]) for key in keys]
        for key in keys:
            self._embeds.move_to_end(key)
        while len(self._embeds) > self._max_images:
            self._embeds.popitem(last=False)
        return result


def model_template(model: Any) -> Template:
    """Return the conversation template that the model was trained with."""
    return template_by_name(model.config.template, model.processor.tokenizer)


def as_prompt(given: Conversation | Prompt, template: Template) -> Prompt:
    """Render a conversation; a prompt is taken as it is."""
    if isinstance(given, Prompt):
        return given
    return Prompt(tuple(template.render(given)), given.images)


def encode_prompt(model: Any, prompt: Prompt, images: ImageCache) -> ReadyPrompt:
    """Tokenise the segments one by one and look the pictures up.

    Raises:
        PromptError: when images and their places do not match, or there is nothing to continue.
    """
    return ready_prompt(encode_row(model, prompt), images.embed(prompt.images))


def ready_prompt(row: EncodedPrompt, embedded: Sequence[tuple[str, Tensor]]) -> ReadyPrompt:
    """Put a row and its pictures' keys and embeddings together."""
    return ReadyPrompt(
        row=row,
        image_keys=[key for key, _ in embedded],
        image_embeds=[embeds for _, embeds in embedded],
    )


def encode_row(model: Any, prompt: Prompt) -> EncodedPrompt:
    """Tokenise the segments one by one, without looking at the pictures.

    Raises:
        PromptError: when images and their places do not match, or there is nothing to continue.
    """
    num_places = sum(segment is IMAGE for segment in prompt.segments)
    if num_places != len(prompt.images):
        raise PromptError(
            f"the prompt has places for {num_places} images, got {len(prompt.images)}; "
            "give one image for each place"
        )
    if not prompt.segments:
        raise PromptError("the prompt is empty; ask something")
    return model.processor.encode_segments(prompt.segments)


def embed_prompts(
    model: Any, prompts: Sequence[ReadyPrompt]
) -> tuple[Float[Tensor, "batch length llm_dim"], Int[Tensor, "batch length"]]:
    """Return the embeddings and the attention mask of prompts, padded on the left."""
    device = model.get_input_embeddings().weight.device
    batch = collate([prompt.row for prompt in prompts], pad_token_id=0, padding="left").to(device)
    embeds = [each.to(device) for prompt in prompts for each in prompt.image_embeds]
    with torch.no_grad():
        inputs_embeds = model.embed(
            batch.input_ids,
            image_mask=batch.image_mask,
            image_embeds=torch.stack(embeds) if embeds else None,
        )  # (B, T, D)
    return inputs_embeds, batch.attention_mask


def context_limit(model: Any, settings: GenerationSettings) -> int | None:
    """Return how many positions prompt and answer may take, or None if nothing limits them."""
    config = model.llm.config
    limits = [settings.max_context_tokens, getattr(config, "max_position_embeddings", None)]
    return min((limit for limit in limits if limit), default=None)


def encode_fitting(
    model: Any,
    given: Conversation | Prompt,
    *,
    template: Template,
    settings: GenerationSettings,
    images: ImageCache,
) -> tuple[ReadyPrompt, Conversation | Prompt]:
    """Encode a prompt; a conversation loses its oldest turns until it fits.

    Returns the encoded prompt and what of the conversation it holds.

    Raises:
        ContextLengthError: when even the last question alone does not fit.
    """
    row, kept = fit_row(model, given, template=template, settings=settings)
    return ready_prompt(row, images.embed(as_prompt(kept, template).images)), kept


def fit_row(
    model: Any,
    given: Conversation | Prompt,
    *,
    template: Template,
    settings: GenerationSettings,
    drop_old_turns: bool = True,
) -> tuple[EncodedPrompt, Conversation | Prompt]:
    """Do as `encode_fitting` without looking at the pictures."""
    limit = context_limit(model, settings)
    while True:
        row = encode_row(model, as_prompt(given, template))
        if limit is None or len(row) + settings.max_new_tokens <= limit:
            return row, given
        given = _shorter(
            given,
            drop_old_turns=drop_old_turns,
            fault=f"the prompt has {len(row)} tokens and the answer may have "
            f"{settings.max_new_tokens}; the context has {limit}; "
            "shorten the prompt, show fewer images or lower max_new_tokens",
        )


def fit_characters(
    given: Conversation | Prompt,
    *,
    template: Template,
    limit_chars: int,
    drop_old_turns: bool = True,
) -> Conversation | Prompt:
    """Drop the old turns that cannot fit by their number of characters alone.

    Tokenising takes some 240 bytes of memory a character, so a text that is far too long is to be
    refused before it. What passes may still be too long for `fit_row`.

    Raises:
        ContextLengthError: when even the last question alone has more characters.
    """
    while True:
        segments = as_prompt(given, template).segments
        num_chars = sum(len(each) for each in segments if isinstance(each, str))
        if num_chars <= limit_chars:
            return given
        given = _shorter(
            given,
            drop_old_turns=drop_old_turns,
            fault=f"the prompt has {num_chars} characters; the context holds at most "
            f"{limit_chars}; shorten the prompt",
        )


def longest_token_chars(tokenizer: Any) -> int:
    """Return the most characters of a text that one token can stand for."""
    # A vocabulary writes each character or byte as one sign or more. Where a tokenizer folds runs
    # of spaces or of unknown characters, one token may stand for more, but for nothing said.
    return max(map(len, tokenizer.get_vocab()))


def _shorter(
    given: Conversation | Prompt, *, drop_old_turns: bool, fault: str
) -> Conversation | Prompt:
    """Return a conversation without its oldest turn; raises the fault if that cannot be done."""
    shorter = None
    if drop_old_turns and isinstance(given, Conversation):
        shorter = given.without_oldest_turn()
    if shorter is None:
        raise ContextLengthError(fault)
    return shorter


def pixel_key(pixels: Float[Tensor, "3 height width"]) -> str:
    """Return a key that only the same pixels have."""
    return hashlib.sha256(pixels.contiguous().cpu().numpy().tobytes()).hexdigest()
