"""Describe: the stage-1 model says everything it sees; after a short answer it is told to go on.

    ###Human: <Img>picture</Img> Describe this image in detail. Give as many details as possible.
    Say everything you see. ###Assistant: {raw}
    ###Human: Continue ###Assistant: {continuation}

Paper: §3.2.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from PIL import Image
from pydantic import Field

from minigpt4.config import config, dump_config
from minigpt4.generation import GREEDY, Conversation, GenerationSettings, generate

PROMPT = "Describe this image in detail. Give as many details as possible. Say everything you see."
"""The paper's prompt, word for word."""

CONTINUE = "Continue"
"""The paper's second turn."""


@config
class DescribeSettings:
    """What decides the answers, besides model and picture."""

    prompt: str = PROMPT
    """What is asked about each picture."""
    continue_prompt: str = CONTINUE
    """What is said after an answer that is too short; "": nothing."""
    continue_up_to_tokens: Annotated[int, Field(ge=0)] = 80
    """The longest answer that is still continued, in tokens."""
    system: str | None = ""
    """The system prompt; "": none, as the paper prints it; None: the template's own, as in chat."""
    generation: GenerationSettings = GREEDY
    """How answers are decoded; with sampling each picture has its own chance."""
    batch_size: Annotated[int, Field(ge=1)] = 32
    """Pictures answered together by a process. Changes no answer."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """Both answers about a picture."""

    raw: str
    continuation: str
    num_raw_tokens: int
    num_continuation_tokens: int


def prompt_hash(settings: DescribeSettings) -> str:
    """Return a hash of all that decides the answers besides model, picture and seed."""
    told = dump_config(settings)
    del told["batch_size"]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def picture_seed(settings: DescribeSettings, number: int) -> int | None:
    """Return the start of the chance of picture `number`; None for greedy answers."""
    if not settings.generation.do_sample:
        return None
    told = f"{settings.generation.seed} {number}"
    return int.from_bytes(hashlib.sha256(told.encode()).digest()[:4], "big")


def describe(
    model: Any,
    pictures: Sequence[bytes],
    settings: DescribeSettings,
    *,
    seeds: Sequence[int | None],
) -> list[Description]:
    """Describe pictures (files' bytes), `settings.batch_size` at a time.

    Raises:
        GenerationError: when the LLM's logits are not finite.
        ContextLengthError: when prompt and answers do not fit into the LLM's context.
    """
    asked = [
        Conversation.ask(settings.prompt, _decoded(content), system=settings.system)
        for content in pictures
    ]
    raw = _answer(model, asked, settings, seeds)
    lengths = [count_tokens(model, text) for text in raw]
    short = [
        index
        for index, length in enumerate(lengths)
        # Nothing was said, so there is nothing to continue.
        if settings.continue_prompt and 0 < length <= settings.continue_up_to_tokens
    ]
    longer = [
        asked[index].with_answer(raw[index]).with_user(settings.continue_prompt) for index in short
    ]
    more = dict(
        zip(short, _answer(model, longer, settings, [seeds[each] for each in short]), strict=True)
    )
    return [
        Description(
            raw=raw[index],
            continuation=more.get(index, ""),
            num_raw_tokens=lengths[index],
            num_continuation_tokens=count_tokens(model, more.get(index, "")),
        )
        for index in range(len(pictures))
    ]


def count_tokens(model: Any, text: str) -> int:
    """Return the length of a text in the LLM's tokens, without BOS and stop string."""
    return len(model.processor.tokenizer.encode(text, add_special_tokens=False)) if text else 0


def _answer(
    model: Any,
    asked: Sequence[Conversation],
    settings: DescribeSettings,
    seeds: Sequence[int | None],
) -> list[str]:
    replies = generate(
        model, asked, settings.generation, seeds=seeds, batch_size=settings.batch_size
    )
    return [reply.text for reply in replies]


def _decoded(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image
