"""What tokens say, as the official code's SentencePiece tokenizer reads them.

LLaMA's tokenizer spells what its vocabulary lacks in tokens of one byte each, such as `<0xE4>`.
Where such bytes are no UTF-8, SentencePiece writes one U+FFFD for each bad byte. The tokenizers of
transformers 5 write it for each byte of the run, the good ones included, and Python's own
`errors="replace"` once for all bytes of a character that breaks off.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

BROKEN = "\ufffd"
"""What stands for a byte that belongs to no character."""

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_KNOWN_TEXT = "a"


def text_of_bytes(data: bytes) -> str:
    """Return the text of UTF-8 bytes with one `BROKEN` for each byte that is none."""
    # Each bad byte is escaped as one lone surrogate, which no valid UTF-8 decodes to.
    return _ESCAPED_BYTE.sub(BROKEN, data.decode("utf-8", errors="surrogateescape"))


class TokenText:
    """What a tokenizer's tokens say; shared by all answers of a model."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.special_ids = frozenset(tokenizer.all_special_ids)
        self._vocab_size = len(tokenizer)
        # Tokenizers drop the space of a first token. Behind a known one it is kept.
        self._anchor = tokenizer.encode(_KNOWN_TEXT, add_special_tokens=False)
        self._anchor_length = len(self._decode(self._anchor))

    def byte_of(self, token_id: int) -> int | None:
        """Return the byte that a byte-fallback token such as `<0xE4>` stands for."""
        if token_id >= self._vocab_size:
            return None
        match = _BYTE_TOKEN.fullmatch(self.tokenizer.convert_ids_to_tokens(token_id) or "")
        return int(match.group(1), 16) if match else None

    def decode(self, token_ids: Sequence[int]) -> str:
        """Return the text of tokens in the middle of an answer; bytes are not among them."""
        # The LLM's table may be larger than the vocabulary; such a token has no text.
        known = [token_id for token_id in token_ids if token_id < self._vocab_size]
        return self._decode([*self._anchor, *known])[self._anchor_length :]

    def decode_all(
        self, token_ids: Sequence[int], *, skip_special_tokens: bool = True, **kwargs: Any
    ) -> str:
        """Return the text of all tokens of a row; `kwargs` are for the tokenizer's `decode`."""
        kwargs = {"skip_special_tokens": skip_special_tokens, **kwargs}
        skipped = self.special_ids if skip_special_tokens else frozenset()
        kept = [token_id for token_id in token_ids if token_id not in skipped]
        text = ""
        for is_bytes, group in itertools.groupby(kept, lambda each: self.byte_of(each) is not None):
            run = list(group)
            if is_bytes:
                text += text_of_bytes(bytes(self.byte_of(token_id) or 0 for token_id in run))
            elif text:
                text += self.tokenizer.decode([*self._anchor, *run], **kwargs)[
                    self._anchor_length :
                ]
            else:
                text = self.tokenizer.decode(run, **kwargs)
        return text

    def _decode(self, token_ids: Sequence[int]) -> str:
        return self.tokenizer.decode(
            list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
