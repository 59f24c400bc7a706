"""A conversation with a model: many turns, pictures encoded once, the cache kept.

Each question is rendered with the whole conversation before it, as if nothing had been computed.
The key-value cache then covers the longest beginning that the new prompt shares with what the LLM
has read already, so answers with and without the cache are the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from minigpt4.errors import PromptError
from minigpt4.generation.answers import Answer, Ending
from minigpt4.generation.generate import TextStream
from minigpt4.generation.prompt import ImageCache, ReadyPrompt, encode_fitting, model_template
from minigpt4.generation.reply import Reply
from minigpt4.generation.rows import Rows
from minigpt4.generation.settings import CHAT, GenerationSettings
from minigpt4.generation.text import TokenText
from minigpt4.processing.conversation import Conversation, Template
from minigpt4.processing.images import load_image


@dataclass(frozen=True)
class _Read:
    """What the LLM has read: its cache, and what stands at each of the cache's positions."""

    cache: DynamicCache
    position_keys: list[Any]


class Chat:
    """One conversation. It holds state; the model holds none."""

    def __init__(
        self,
        model: Any,
        settings: GenerationSettings = CHAT,
        *,
        template: Template | None = None,
        system: str | None = None,
        keep_cache: bool = True,
    ) -> None:
        """Begin an empty conversation; `keep_cache=False` reads everything anew each turn."""
        self.model = model
        self.settings = settings
        self.template = template or model_template(model)
        self.conversation = Conversation(system=system)
        self.images = ImageCache(model)
        self.reply: Reply | None = None
        """The last whole answer; None while one is coming and after one that was stopped."""
        self.num_dropped_turns = 0
        """Old turns that no longer fitted into the context."""
        self._keep_cache = keep_cache
        self._read: _Read | None = None
        self._shown: tuple[Any, ...] = ()

    def show(self, image: Any) -> None:
        """Show a picture; it belongs to the next question.

        Raises:
            ImageError: for a picture that cannot be read; nothing has changed then.
        """
        picture = load_image(image)
        self.images.embed([picture])
        self._shown = (*self._shown, picture)

    def reset(self) -> None:
        """Forget the conversation and its pictures."""
        self.conversation = Conversation(system=self.conversation.system)
        self.reply, self._read, self._shown = None, None, ()
        self.num_dropped_turns = 0

    def ask(self, text: str, *images: Any) -> Reply:
        """Ask and return the whole answer; raises as `stream` does."""
        for _ in self.stream(text, *images):
            pass
        assert self.reply is not None, "a stream that ended has a reply"
        return self.reply

    def stream(self, text: str, *images: Any) -> Generator[str]:
        """Ask and return the answer piece by piece; afterwards `reply` is the whole of it.

        An answer that is stopped (by Ctrl-C or by closing the iterator) enters the conversation as
        far as it came. A question that fails leaves the conversation as it was.

        Raises:
            PromptError: for an empty question.
            ContextLengthError: when even this question alone does not fit.
            ImageError: for a picture that cannot be read.
        """
        if not text.strip():
            raise PromptError("the question is empty; ask something")
        # Loaded now, for a file may be gone when a later turn shows it again.
        pictures = [load_image(image) for image in images]
        asked = self.conversation.with_user(text, *self._shown, *pictures)
        ready, kept = encode_fitting(
            self.model, asked, template=self.template, settings=self.settings, images=self.images
        )
        assert isinstance(kept, Conversation), "a conversation stays one"
        return self._answer(ready, kept, num_dropped=_num_turns(asked) - _num_turns(kept))

    def _answer(
        self, ready: ReadyPrompt, asked: Conversation, *, num_dropped: int
    ) -> Generator[str]:
        self.reply = None
        rows, num_cached = self._rows_behind_shared_start(ready)
        ending = Ending(self.model, self.template, self.settings)
        answer = Answer(self.settings, ending, TokenText(self.model.processor.tokenizer))
        pieces = TextStream(self.model, ready, answer, rows=rows, num_cached=num_cached)
        try:
            yield from pieces
        except (GeneratorExit, KeyboardInterrupt):
            # It may have come in the middle of a step, so the cache is given up.
            if pieces.text:
                self._record(asked, pieces.text, num_dropped=num_dropped)
            raise
        self.reply = pieces.reply
        self._record(asked, self.reply.text, num_dropped=num_dropped)
        self._remember(rows, ready, self.reply.token_ids)

    def _record(self, asked: Conversation, text: str, *, num_dropped: int) -> None:
        self.conversation = asked.with_answer(text)
        self.num_dropped_turns += num_dropped
        self._shown = ()

    def _rows_behind_shared_start(self, ready: ReadyPrompt) -> tuple[Rows, int]:
        """Return rows whose cache holds the start of the prompt, and how much of it."""
        read, self._read = self._read, None
        if read is None:
            return Rows(self.model.llm), 0
        same = (
            old == new for old, new in zip(read.position_keys, ready.position_keys, strict=False)
        )
        num_shared = sum(1 for _ in itertools.takewhile(bool, same))
        # The last position must be read again: its logits are the answer's beginning.
        num_shared = min(num_shared, len(ready) - 1)
        read.cache.crop(num_shared - len(read.position_keys))
        return Rows(self.model.llm, cache=read.cache), num_shared

    def _remember(self, rows: Rows, ready: ReadyPrompt, token_ids: Sequence[int]) -> None:
        """Keep the cache for the next turn, if it can be cut back to a shared start."""
        if not self._keep_cache or not _can_be_cut(rows.cache):
            return
        keys = ready.position_keys
        if self.settings.num_beams > 1:
            # Beams differ in the answer, but all of them have read the prompt.
            rows.cache.batch_select_indices(torch.tensor([0], device=rows.device))
            rows.cache.crop(len(keys) - rows.cache.get_seq_length())
        else:
            keys += token_ids
        # The last token was never read.
        self._read = _Read(rows.cache, keys[: rows.cache.get_seq_length()])


def _num_turns(conversation: Conversation) -> int:
    return sum(message.role == "user" for message in conversation.messages)


def _can_be_cut(cache: DynamicCache) -> bool:
    """Say whether the cache keeps every position; sliding windows and recurrent layers do not."""
    return all(type(layer) is DynamicLayer for layer in cache.layers)
