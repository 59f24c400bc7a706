"""From tokens to text, one token at a time.

Two things make this harder than `tokenizer.decode`. A character can be spread over several
tokens, so text that ends in a broken character must wait. And an answer must end where a stop
string begins, wherever the token boundaries lie, without a part of it being shown before.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from minigpt4.processing.token_text import BROKEN, TokenText, text_of_bytes


class AnswerText:
    """The text of one answer while its tokens arrive."""

    def __init__(self, token_text: TokenText, stop_strings: Sequence[str] = ()) -> None:
        self._token_text = token_text
        self._stop_strings = tuple(text for text in stop_strings if text)
        self._text = ""
        self._pending: list[int] = []
        self._pending_bytes = b""
        self._settled = 0
        self._num_shown = 0
        self._start: int | None = None
        self._closed = False
        self.stopped = False
        """Whether a stop string is complete; the text ends before it."""

    def fork(self) -> AnswerText:
        """Return an independent copy, for a beam that splits."""
        twin = copy.copy(self)
        twin._pending = list(self._pending)
        return twin

    def push(self, token_id: int) -> None:
        """Take the next token."""
        if self._closed or self.stopped or token_id in self._token_text.special_ids:
            return
        byte = self._token_text.byte_of(token_id)
        if (byte is None) == bool(self._pending_bytes):
            self._flush()
        if byte is None:
            self._pending.append(token_id)
            self._settle(self._token_text.decode(self._pending))
        else:
            self._pending_bytes += bytes([byte])
            self._settle(text_of_bytes(self._pending_bytes))

    def finish(self) -> None:
        """Take no more tokens: what was held back belongs to the answer now."""
        if not self.stopped:
            self._flush()
        self._closed = True

    @property
    def text(self) -> str:
        """The answer so far, without surrounding space."""
        return self._text.strip()

    @property
    def num_chars(self) -> int:
        """Characters that the tokens so far have settled, space before the answer included."""
        return len(self._text)

    @property
    def num_shown_chars(self) -> int:
        """How many of `num_chars` `take_new` has returned or passed over."""
        return self._num_shown

    def take_new(self) -> str:
        """Return what can be shown and was not yet; all pieces together are `text`."""
        if self._start is None:
            # Space before the answer is not part of it.
            start = len(self._text) - len(self._text.lstrip())
            if start == len(self._text):
                return ""
            self._start = self._num_shown = start
        end = len(self._text)
        if not (self._closed or self.stopped):
            end -= self._held_back()
        end = len(self._text[:end].rstrip())
        piece = self._text[self._num_shown : end]
        self._num_shown = max(self._num_shown, end)
        return piece

    def _settle(self, decoded: str) -> None:
        """Add the part of the pending tokens' text that later tokens cannot change."""
        stable = len(decoded.rstrip(BROKEN))
        if stable > self._settled:
            self._add(decoded[self._settled : stable])
            self._settled = stable
        if stable == len(decoded):
            self._clear()

    def _flush(self) -> None:
        """Add all of the pending tokens' text, broken characters included."""
        if self._pending_bytes:
            decoded = text_of_bytes(self._pending_bytes)
        else:
            decoded = self._token_text.decode(self._pending) if self._pending else ""
        self._add(decoded[self._settled :])
        self._clear()

    def _clear(self) -> None:
        self._pending, self._pending_bytes, self._settled = [], b"", 0

    def _add(self, text: str) -> None:
        if self.stopped or not text:
            return
        longest = max((len(stop) for stop in self._stop_strings), default=1)
        search_from = max(0, len(self._text) - longest + 1)
        self._text += text
        found = [self._text.find(stop, search_from) for stop in self._stop_strings]
        cuts = [index for index in found if index >= 0]
        if cuts:
            self._text = self._text[: min(cuts)]
            self.stopped = True

    def _held_back(self) -> int:
        """Return how many characters at the end could be the beginning of a stop string."""
        return max(
            (
                size
                for stop in self._stop_strings
                for size in range(1, min(len(stop), len(self._text) + 1))
                if self._text.endswith(stop[:size])
            ),
            default=0,
        )
