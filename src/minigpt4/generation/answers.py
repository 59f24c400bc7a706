"""The loop: one token for every row, until each row has ended.

An `Answer` is a row's own state. Rows that have ended leave the batch once they are half of it,
so a long answer does not pay for its neighbours.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from minigpt4.generation.reply import FinishReason, Reply
from minigpt4.generation.rows import Rows
from minigpt4.generation.sampling import choose_tokens
from minigpt4.generation.settings import GenerationSettings
from minigpt4.generation.text import AnswerText, TokenText
from minigpt4.processing.conversation import Template


class Ending:
    """What ends an answer: tokens, sequences of tokens and strings."""

    def __init__(self, model: Any, template: Template, settings: GenerationSettings) -> None:
        tokenizer = model.processor.tokenizer
        configured = model.llm.generation_config.eos_token_id
        eos = configured if isinstance(configured, list) else [configured]
        named = [tokenizer.convert_tokens_to_ids(token) for token in template.stop_tokens]
        singles = {*eos, tokenizer.eos_token_id, *named} - {None}
        self.sequences = [(single,) for single in sorted(singles)]
        self.sequences += [tuple(each) for each in settings.stop_token_sequences if each]
        self.strings = (*template.stop_strings, *settings.stop_strings)


class Answer:
    """One answer while it grows."""

    def __init__(
        self,
        settings: GenerationSettings,
        ending: Ending,
        token_text: TokenText,
        *,
        seed: int | None = None,
    ) -> None:
        """Begin an empty answer; `seed` takes the place of the settings' own."""
        self.settings = settings
        self.chance = random.Random(settings.seed if seed is None else seed)
        self.token_ids: list[int] = []
        self.text = AnswerText(token_text, ending.strings)
        self.finish_reason: FinishReason | None = None
        self._sequences = ending.sequences

    def fork(self) -> Answer:
        """Return an independent copy that shares only the chance, for a beam that splits."""
        twin = copy.copy(self)
        twin.token_ids = list(self.token_ids)
        twin.text = self.text.fork()
        return twin

    def accept(self, token_id: int) -> None:
        """Add a token and see whether the answer ends with it."""
        self.token_ids.append(token_id)
        self.text.push(token_id)
        if self.text.stopped or any(self._ends_in(each) for each in self._sequences):
            self.finish_reason = "stop"
        elif len(self.token_ids) >= self.settings.max_new_tokens:
            self.finish_reason = "length"
        if self.finish_reason is not None:
            self.text.finish()

    def reply(self, *, num_prompt_tokens: int) -> Reply:
        """Return the finished answer."""
        assert self.finish_reason is not None, "the answer has not ended"
        return Reply(
            text=self.text.text,
            token_ids=tuple(self.token_ids),
            finish_reason=self.finish_reason,
            num_prompt_tokens=num_prompt_tokens,
        )

    def _ends_in(self, sequence: tuple[int, ...]) -> bool:
        return tuple(self.token_ids[-len(sequence) :]) == sequence


def decode(
    rows: Rows, logits: Float[Tensor, "batch vocab"], answers: Sequence[Answer]
) -> Iterator[None]:
    """Grow the answers, one token each time the iterator is advanced, until all have ended.

    `logits` are those of the first token, as `Rows.prefill` returns them.
    """
    live = list(answers)
    while True:
        tokens = choose_tokens(logits, live)
        for answer, token_id in zip(live, tokens, strict=True):
            if answer.finish_reason is None:
                answer.accept(token_id)
        yield
        going = [index for index, answer in enumerate(live) if answer.finish_reason is None]
        if not going:
            return
        if 2 * len(going) <= len(live):
            rows.select(going)
            live = [live[index] for index in going]
            tokens = [tokens[index] for index in going]
        logits = rows.step(tokens)
