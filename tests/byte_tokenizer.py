"""A tokenizer of bytes: each byte is a token, so ids can be counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast


def build_byte_tokenizer(
    special: Sequence[str] = ("<unk>", "<s>", "</s>"), **named: Any
) -> PreTrainedTokenizerFast:
    """Build one whose first ids are those of `special`, LLaMA's if not said otherwise.

    Args:
        named: which of them is what, as transformers wants it, e.g. `eos_token="</s>"`.
    """
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*special, *letters])}
    tokens = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokens.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokens, **named)
