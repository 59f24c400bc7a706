"""LLaMA's tokenizer keeps its original spaces; others are taken as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from minigpt4.errors import WeightsError
from minigpt4.processing.tokenizer import as_trained, load_tokenizer

LLM = Path(__file__).parents[1] / "fixtures" / "official_tiny" / "llm"


@pytest.fixture(scope="module")
def llama() -> Any:
    return load_tokenizer(LLM)


def encode(tokenizer: Any, text: str) -> list[str]:
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return tokenizer.convert_ids_to_tokens(ids)


def test_every_segment_begins_with_a_space_of_its_own(llama: Any):
    assert encode(llama, " ###") == ["▁", *encode(llama, "###")]
    assert encode(llama, "a</s>b")[1:] == ["</s>", *encode(llama, "b")]


def test_it_stays_so_when_saved_and_loaded(llama: Any, tmp_path: Path):
    llama.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    for text in (" ###", "  two  spaces ", "a</s>b", "<s>[INST] <Img>", ""):
        assert encode(again, text) == encode(llama, text)
    assert again.bos_token_id == 1
    assert again.decode([0, 1, 2], skip_special_tokens=True) == ""


def test_other_tokenizers_are_unchanged(byte_tokenizer: Any):
    assert as_trained(byte_tokenizer) is byte_tokenizer


def test_a_directory_without_tokenizer_is_said(tmp_path: Path):
    with pytest.raises(WeightsError, match="no tokenizer in"):
        load_tokenizer(tmp_path)
