"""Pictures and text -> the tensors of one batch.

Each text segment around a picture is tokenised on its own and BOS is prepended here, because that
is how the released projections were trained: a SentencePiece tokenizer gives each segment its own
leading space. A picture takes `num_image_tokens` positions of a placeholder id that lies outside
the LLM's embedding table, so no token of any text can be mistaken for it.

Paper: §3.1 and §3.2 (the sequences of both stages).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor
from transformers import BatchFeature, ProcessorMixin

from minigpt4.config import config
from minigpt4.data.example import Example, Turn
from minigpt4.errors import PromptError
from minigpt4.processing.batch import IGNORED_LABEL, Batch, EncodedPrompt, collate
from minigpt4.processing.conversation import (
    IMAGE,
    IMAGE_PLACEHOLDER,
    Conversation,
    Message,
    Segment,
    segments_from_text,
    template_by_name,
    text_from_segments,
)
from minigpt4.processing.image_processor import MiniGPT4ImageProcessor, flat
from minigpt4.processing.images import ImageSource, load_image, random_crop, squash
from minigpt4.processing.token_text import TokenText

IMAGE_PROMPT = f"<Img>{IMAGE_PLACEHOLDER}</Img> "


@config
class TrainingLayout:
    """How an example becomes a sequence with labels."""

    template: str = ""
    """What stands around a prompt, as `{}`; "": no prompt at all, only the picture."""

    end_sym: str = "\n"
    """What each answer ends with; it is learned too."""

    max_text_tokens: int = 32
    """Longest answer, `end_sym` included; the rest is cut away."""


STAGE1_LAYOUT = TrainingLayout()
"""Picture, caption, newline."""

STAGE2_LAYOUT = TrainingLayout(
    template="###Human: {} ###Assistant: ", end_sym="###", max_text_tokens=160
)
"""Picture and prompt as in a chat with Vicuna v0, description, ###."""

STAGE2_LLAMA2_LAYOUT = TrainingLayout(
    template="[INST] {} [/INST] ", end_sym="</s>", max_text_tokens=160
)
"""The same with Llama-2-chat."""


class MiniGPT4Processor(ProcessorMixin):
    """The image processor, the LLM's own tokenizer, and the layout of sequences."""

    image_processor: MiniGPT4ImageProcessor

    def __init__(  # noqa: PLR0913 - all of it is saved beside the weights
        self,
        image_processor: MiniGPT4ImageProcessor,
        tokenizer: Any,
        num_image_tokens: int = 32,
        image_token_id: int | None = None,
        template: str = "vicuna_v0",
        pad_token: str | None = None,
        chat_template: str | None = None,
    ) -> None:
        """`pad_token` is for the released projections: the official code pads with "$$", an
        ordinary token, and so neither learns nor shows it wherever it stands.
        """
        super().__init__(image_processor, tokenizer, chat_template=chat_template)
        self.num_image_tokens = num_image_tokens
        self.image_token_id = len(tokenizer) if image_token_id is None else image_token_id
        self.template = template
        self.pad_token = pad_token

    # -- rows -----------------------------------------------------------------------------------

    def encode_segments(self, segments: Sequence[Segment], *, bos: bool = True) -> EncodedPrompt:
        """Return ids and image positions of text segments and `IMAGE`s, BOS first."""
        bos_id = self.tokenizer.bos_token_id
        ids: list[int] = [bos_id] if bos and bos_id is not None else []
        mask = [False] * len(ids)
        for segment in segments:
            picture = segment is IMAGE
            new = [self.image_token_id] * self.num_image_tokens if picture else self.encode(segment)
            ids += new
            mask += [picture] * len(new)
        return EncodedPrompt(input_ids=ids, image_mask=mask)

    def encode(self, text: str) -> list[int]:
        """Return the ids of one text segment, with no special tokens around it."""
        return self.tokenizer(text, add_special_tokens=False)["input_ids"] if text else []

    def encode_example(self, example: Example, *, layout: TrainingLayout) -> EncodedPrompt:
        """Return the row of one example: prompts are read, answers are learned."""
        row = self.encode_segments([])
        ids, mask = list(row.input_ids), list(row.image_mask)
        labels = [IGNORED_LABEL] * len(ids)
        for index, turn in enumerate(example.turns):
            has_picture = index == 0 and example.image is not None
            prompt = self.encode_segments(
                _training_prompt(turn, layout, index=index, has_picture=has_picture), bos=False
            )
            answer = self.encode(turn.answer + layout.end_sym)[: layout.max_text_tokens]
            ids += prompt.input_ids + answer
            mask += prompt.image_mask + [False] * len(answer)
            labels += [IGNORED_LABEL] * len(prompt) + self._targets(answer)
        return EncodedPrompt(input_ids=ids, image_mask=mask, labels=labels)

    def _targets(self, answer: list[int]) -> list[int]:
        if self.pad_token is None:
            return answer
        pad = self._pad_token_id
        return [IGNORED_LABEL if token == pad else token for token in answer]

    # -- batches --------------------------------------------------------------------------------

    def training_batch(
        self,
        examples: Sequence[Example],
        *,
        layout: TrainingLayout,
        crop: random.Random | None = None,
        image_features: Tensor | None = None,
    ) -> Batch:
        """Return a batch with labels, padded on the right.

        `crop` draws the official training crop; without it pictures are squashed. With
        `image_features`, made by the model's `encode_images` before, no pixels are made.
        """
        pictures = [example.image for example in examples if example.image is not None]
        batch = collate(
            [self.encode_example(example, layout=layout) for example in examples],
            pad_token_id=self._pad_token_id,
            padding="right",
            pixel_values=None
            if image_features is not None
            else self.pixel_values(pictures, crop=crop),
        )
        return replace(batch, image_features=image_features)

    def generation_batch(
        self, prompts: Sequence[Sequence[Segment]], images: Sequence[ImageSource] = ()
    ) -> Batch:
        """Return a batch of prompts, padded on the left; images in the order of their places.

        Raises:
            PromptError: if there are more or fewer images than places.
        """
        places = sum(segment is IMAGE for prompt in prompts for segment in prompt)
        if places != len(images):
            raise PromptError(
                f"{len(images)} images for {places} places in {len(prompts)} prompts; "
                "give one image for each place"
            )
        return collate(
            [self.encode_segments(prompt) for prompt in prompts],
            pad_token_id=self._pad_token_id,
            padding="left",
            pixel_values=self.pixel_values(images),
        )

    def pixel_values(
        self, images: Sequence[ImageSource], *, crop: random.Random | None = None
    ) -> Tensor | None:
        """Return the pixels of pictures, squashed or cropped at random; None for none."""
        if not images:
            return None
        size_px = self.image_processor.size_px
        pictures = [load_image(image) for image in images]
        sized = [
            squash(picture, size_px=size_px)
            if crop is None
            else random_crop(picture, size_px=size_px, rng=crop)
            for picture in pictures
        ]
        return torch.stack([self.image_processor.pixels_of(picture) for picture in sized])

    @property
    def _pad_token_id(self) -> int:
        if self.pad_token is not None:
            return self.tokenizer.convert_tokens_to_ids(self.pad_token)
        # Pads are never attended to, so any id of the table will do.
        pad = self.tokenizer.pad_token_id
        return pad if pad is not None else 0

    # -- conventions of transformers ------------------------------------------------------------

    def __call__(  # type: ignore[override]
        self, images: Any = None, text: Any = None, **_: Any
    ) -> BatchFeature:
        """Return model inputs for prompts in which `<ImageHere>` marks the pictures.

        A single prompt without a mark is taken as a question about the picture given.
        """
        pictures: list[Image.Image] = [] if images is None else flat(images)
        if text is None:
            return BatchFeature({"pixel_values": self.pixel_values(pictures)})
        texts = [text] if isinstance(text, str) else list(text)
        if len(pictures) == len(texts) and not any(IMAGE_PLACEHOLDER in each for each in texts):
            prompts = [
                self._template.render(Conversation.ask(each, picture))
                for each, picture in zip(texts, pictures, strict=True)
            ]
        else:
            prompts = [segments_from_text(self._without_bos(each)) for each in texts]
        return self._features(prompts, pictures)

    def apply_chat_template(  # type: ignore[override]
        self, conversation: Any, *_: Any, tokenize: bool = False, **kwargs: Any
    ) -> Any:
        """Lay out messages as the projection was trained; text can't pose as a picture.

        The jinja template saved beside the weights says the same to other programs.
        """
        batched = bool(conversation) and not isinstance(conversation[0], dict)
        conversations = [
            conversation_from_messages(messages)
            for messages in (conversation if batched else [conversation])
        ]
        prompts = [self._render(each, **kwargs) for each in conversations]
        if not tokenize:
            texts = [text_from_segments(prompt) for prompt in prompts]
            return texts if batched else texts[0]
        pictures = [image for each in conversations for image in each.images]
        features = self._features(prompts, pictures)
        return features if kwargs.get("return_dict") else features["input_ids"]

    def post_process_image_text_to_text(
        self, generated_outputs: Any, skip_special_tokens: bool = True, **kwargs: Any
    ) -> list[str]:
        """Decode rows of ids in which placeholders may stand, without the stop at their end."""
        texts = []
        for row in torch.as_tensor(generated_outputs).tolist():
            text = self.decode(row, skip_special_tokens=skip_special_tokens, **kwargs)
            for stop in self._template.stop_strings:
                text = text.removesuffix(stop)
            texts.append(text)
        return texts

    def decode(  # type: ignore[override]
        self, token_ids: Sequence[int], *, skip_special_tokens: bool = True, **kwargs: Any
    ) -> str:
        """Return the text of ids; what is not text (pictures, special tokens, pads) is left out.

        Bytes that are no UTF-8 read as the official tokenizer reads them: one U+FFFD each.
        """
        skipped = {self.image_token_id}
        if skip_special_tokens and self.pad_token is not None:
            skipped.add(self._pad_token_id)
        kept = [token for token in token_ids if token not in skipped]
        return TokenText(self.tokenizer).decode_all(
            kept, skip_special_tokens=skip_special_tokens, **kwargs
        )

    @property
    def model_input_names(self) -> list[str]:
        """The names of the tensors `__call__` returns."""
        return ["input_ids", "attention_mask", "pixel_values"]

    @property
    def _template(self) -> Any:
        return template_by_name(self.template, self.tokenizer)

    def _render(self, conversation: Conversation, **kwargs: Any) -> list[Segment]:
        if kwargs.get("continue_final_message"):
            raise PromptError("an answer cannot be continued; end with a message of the user")
        return self._template.render(conversation)

    def _without_bos(self, text: str) -> str:
        return text.removeprefix(self.tokenizer.bos_token or "")

    def _features(
        self, prompts: Sequence[Sequence[Segment]], pictures: Sequence[ImageSource]
    ) -> BatchFeature:
        batch = self.generation_batch(prompts, pictures).model_inputs()
        del batch["image_mask"]  # the model finds the placeholders by their id
        return BatchFeature(batch)


def conversation_from_messages(messages: Sequence[dict[str, Any]]) -> Conversation:
    """Read messages as chat APIs write them: a content is a text, or a list of parts.

    Raises:
        PromptError: for a message without role or content, or a part that is neither text nor
            picture.
    """
    return Conversation(tuple(_message(message) for message in messages))


def _message(message: dict[str, Any]) -> Message:
    role, content = (_value(message, key, of="a message") for key in ("role", "content"))
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(parts, Sequence):
        raise PromptError(
            f"a message's content is a {type(content).__name__}; give a text or a list of parts"
        )
    texts, images = [], []
    for part in parts:
        if _value(part, "type", of="a part of a message") == "text":
            texts.append(str(_value(part, "text", of="a part of type 'text'")))
        else:
            images.append(_picture(part))
    return Message(role=role, text=" ".join(texts), images=tuple(images))


def _value(values: Any, key: str, *, of: str) -> Any:
    if not isinstance(values, Mapping) or key not in values:
        got = (
            f"the keys {sorted(map(str, values))}" if isinstance(values, Mapping) else repr(values)
        )
        raise PromptError(
            f"{of} lacks {key!r}, got {got}; write it as "
            '{"role": "user", "content": [{"type": "image", "image": ...}, '
            '{"type": "text", "text": ...}]}'
        )
    return values[key]


def _picture(part: dict[str, Any]) -> ImageSource:
    for key in ("image", "path", "url", "base64"):
        if part.get(key) is not None:
            return part[key]
    raise PromptError(f"a part of type {part['type']!r} holds no picture; give it under 'image'")


def _training_prompt(
    turn: Turn, layout: TrainingLayout, *, index: int, has_picture: bool
) -> list[Segment]:
    """Return the segments before an answer."""
    if not layout.template and not turn.prompt:
        return [IMAGE] if has_picture else []
    shown = has_picture and IMAGE_PLACEHOLDER not in turn.prompt
    prompt = (IMAGE_PROMPT if shown else "") + turn.prompt
    # The end of one answer is the beginning of the next prompt: "###" is written once.
    template: Literal[""] | str = layout.template or "{}"
    if index:
        template = template.removeprefix(layout.end_sym)
    return segments_from_text(template.replace("{}", prompt))
