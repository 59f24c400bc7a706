"""Answer prompts: many at once, or one as a stream of text.

    replies = generate(model, [Conversation.ask("Describe this image in detail.", picture)])
    for piece in stream(model, Conversation.ask("What is this?", picture), CHAT): ...

A batch of n gives, token for token, what n batches of one give, sampled or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from minigpt4.errors import SettingsError
from minigpt4.generation.answers import Answer, Ending, decode
from minigpt4.generation.beams import beam_search
from minigpt4.generation.prompt import (
    ImageCache,
    Prompt,
    ReadyPrompt,
    embed_prompts,
    encode_fitting,
    model_template,
)
from minigpt4.generation.reply import Reply
from minigpt4.generation.rows import Rows
from minigpt4.generation.settings import GREEDY, GenerationSettings
from minigpt4.generation.text import TokenText
from minigpt4.processing.conversation import Conversation, Template


def generate(
    model: Any,
    prompts: Sequence[Conversation | Prompt],
    settings: GenerationSettings = GREEDY,
    *,
    seeds: Sequence[int | None] | None = None,
    batch_size: int = 16,
    template: Template | None = None,
) -> list[Reply]:
    """Answer all prompts, `batch_size` at a time.

    Each row has its own chance, started with its seed, or with `settings.seed` if `seeds` is not
    given; so two rows with the same prompt and the same seed get the same answer.

    Raises:
        PromptError: for an empty prompt, or images that do not match their places.
        ContextLengthError: for a prompt too long even without its old turns.
        ImageError: for a picture that cannot be read.
        GenerationError: when the LLM's logits are not finite.
    """
    if seeds is None:
        seeds = [settings.seed] * len(prompts)
    if len(seeds) != len(prompts):
        raise SettingsError(f"got {len(seeds)} seeds for {len(prompts)} prompts; give one each")
    if batch_size < 1:
        raise SettingsError(f"batch_size is {batch_size}; wanted at least 1")
    template = template or model_template(model)
    token_text = TokenText(model.processor.tokenizer)
    ending = Ending(model, template, settings)
    images = ImageCache(model)
    replies: list[Reply] = []
    for start in range(0, len(prompts), batch_size):
        encoded = [
            encode_fitting(model, prompt, template=template, settings=settings, images=images)[0]
            for prompt in prompts[start : start + batch_size]
        ]
        answers = [
            Answer(settings, ending, token_text, seed=seed)
            for seed in seeds[start : start + batch_size]
        ]
        replies += _answer_batch(model, encoded, answers)
    return replies


def stream(
    model: Any,
    prompt: Conversation | Prompt,
    settings: GenerationSettings = GREEDY,
    *,
    template: Template | None = None,
) -> TextStream:
    """Answer one prompt piece by piece; the pieces together are the reply's text.

    With beams the whole answer is one piece, for the best beam is known only at the end.
    """
    template = template or model_template(model)
    encoded, _ = encode_fitting(
        model, prompt, template=template, settings=settings, images=ImageCache(model)
    )
    answer = Answer(
        settings, Ending(model, template, settings), TokenText(model.processor.tokenizer)
    )
    return TextStream(model, encoded, answer, rows=Rows(model.llm))


class TextStream:
    """Pieces of one answer as they come; iterate over it once."""

    def __init__(
        self, model: Any, encoded: ReadyPrompt, answer: Answer, *, rows: Rows, num_cached: int = 0
    ) -> None:
        """Answer `encoded`, whose first `num_cached` positions are in the rows' cache already."""
        self._answer = answer
        self._num_prompt_tokens = len(encoded)
        self._pieces = self._decode(model, encoded, rows, num_cached)

    def __iter__(self) -> Iterator[str]:
        return self._pieces

    @property
    def reply(self) -> Reply:
        """The whole answer; what is not decoded yet is decoded now."""
        for _ in self._pieces:
            pass
        return self._answer.reply(num_prompt_tokens=self._num_prompt_tokens)

    @property
    def token_ids(self) -> tuple[int, ...]:
        """All tokens so far."""
        return tuple(self._answer.token_ids)

    @property
    def text(self) -> str:
        """All text so far."""
        return self._answer.text.text

    def _decode(
        self, model: Any, encoded: ReadyPrompt, rows: Rows, num_cached: int
    ) -> Iterator[str]:
        inputs_embeds, attention_mask = embed_prompts(model, [encoded])
        logits = rows.prefill(inputs_embeds[:, num_cached:], attention_mask[:, num_cached:])
        if self._answer.settings.num_beams > 1:
            self._answer = beam_search(rows, logits, [self._answer])[0]
            yield self._answer.text.text
            return
        for _ in decode(rows, logits, [self._answer]):
            piece = self._answer.text.take_new()
            if piece:
                yield piece


def _answer_batch(
    model: Any, encoded: Sequence[ReadyPrompt], answers: Sequence[Answer]
) -> list[Reply]:
    rows = Rows(model.llm)
    logits = rows.prefill(*embed_prompts(model, encoded))
    if answers[0].settings.num_beams > 1:
        answers = beam_search(rows, logits, answers)
    else:
        for _ in decode(rows, logits, answers):
            pass
    return [
        answer.reply(num_prompt_tokens=len(prompt))
        for answer, prompt in zip(answers, encoded, strict=True)
    ]
