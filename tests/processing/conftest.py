"""A processor with a byte-level tokenizer, whose ids can be counted by hand."""

from __future__ import annotations

import pytest
from transformers import PreTrainedTokenizerFast

from byte_tokenizer import build_byte_tokenizer
from minigpt4.processing.chat_template import jinja_template
from minigpt4.processing.conversation import VICUNA_V0
from minigpt4.processing.image_processor import MiniGPT4ImageProcessor
from minigpt4.processing.processor import MiniGPT4Processor


@pytest.fixture(scope="session")
def byte_tokenizer() -> PreTrainedTokenizerFast:
    return build_byte_tokenizer(bos_token="<s>", eos_token="</s>", unk_token="<unk>")


@pytest.fixture
def processor(byte_tokenizer: PreTrainedTokenizerFast) -> MiniGPT4Processor:
    return MiniGPT4Processor(
        MiniGPT4ImageProcessor(size=16),
        byte_tokenizer,
        num_image_tokens=3,
        image_token_id=len(byte_tokenizer),
        chat_template=jinja_template(VICUNA_V0),
    )
