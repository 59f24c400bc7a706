"""The tokenizer of an LLM as its projection was trained with it.

LLaMA's SentencePiece tokenizer begins every text with a space of its own, also one that begins
with a space already. Newer readers of the same file leave that out ("legacy" behaviour), which
moves the ids of some segments; the released projections have seen the old ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, normalizers
from transformers import AutoTokenizer, LlamaTokenizer, PreTrainedTokenizerFast

from minigpt4.errors import WeightsError


def load_tokenizer(llm: str | Path) -> Any:
    """Load the tokenizer of an LLM's directory; LLaMA's in its original behaviour.

    Raises:
        WeightsError: if there is none.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(llm), legacy=True, local_files_only=True)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"no tokenizer in {llm} ({' '.join(str(error).split())}); "
            "copy the LLM's tokenizer files there"
        ) from error
    return as_trained(tokenizer)


def as_trained(tokenizer: Any) -> Any:
    """Return a LLaMA tokenizer with its original treatment of spaces; others unchanged."""
    if not isinstance(tokenizer, LlamaTokenizer):
        return tokenizer
    saved = json.loads(tokenizer.backend_tokenizer.to_str())
    for token in saved["added_tokens"]:
        if token["special"]:
            token["normalized"] = False  # else decoding shows <unk> where it should skip it
    backend = Tokenizer.from_str(json.dumps(saved))
    backend.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    backend.pre_tokenizer = None  # type: ignore[assignment]
    names = ("bos_token", "eos_token", "unk_token")
    special = {name: getattr(tokenizer, name) for name in names}
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        chat_template=tokenizer.chat_template,
        clean_up_tokenization_spaces=False,
        **special,
    )
