"""Every text of the goldens has the ids the official code gave it."""

from __future__ import annotations

import random
from itertools import chain

import pytest

from minigpt4.data.captions import clean_caption
from minigpt4.data.prompts import STAGE2_PROMPTS
from minigpt4.generation.text import AnswerText
from minigpt4.model.official_keys import projection_unknown
from minigpt4.processing.conversation import IMAGE, segments_from_text
from minigpt4.processing.processor import STAGE2_LAYOUT, STAGE2_LLAMA2_LAYOUT
from minigpt4.processing.token_text import TokenText
from parity.goldens import Goldens


def test_special_ids(goldens: Goldens):
    processor = goldens.with_qformer.processor
    tokenizer = processor.tokenizer
    special = goldens["tokenizer"]
    assert tokenizer.bos_token_id == special["bos"]
    assert tokenizer.eos_token_id == special["eos"]
    assert tokenizer.unk_token_id == special["unk"]
    assert processor.pad_token == special["pad_token"]
    assert tokenizer.convert_tokens_to_ids(processor.pad_token) == special["pad_token_id"]


def test_ids_of_every_text(goldens: Goldens):
    encode = goldens.with_qformer.processor.encode
    wanted = goldens["tokenizer/no_special"]
    assert {text: encode(text) for text in wanted} == wanted


def test_ids_behind_bos(goldens: Goldens):
    encode = goldens.with_qformer.processor.encode_segments
    wanted = goldens["tokenizer/with_bos"]
    assert {text: encode([text]).input_ids for text in wanted} == wanted


def test_decoding_leaves_out_special_tokens_and_pads(goldens: Goldens):
    processor = goldens.with_qformer.processor
    for ids, text in goldens["tokenizer/decode_skip_special"]:
        assert processor.decode(ids) == text


def test_any_ids_are_read_as_sentencepiece_reads_them(goldens: Goldens):
    """Many of the byte tokens drawn are parts of no character."""
    sentencepiece = pytest.importorskip("sentencepiece")
    file = goldens.directory / "llm" / "tokenizer.model"
    official = sentencepiece.SentencePieceProcessor(model_file=str(file))
    processor, dice = goldens.with_qformer.processor, random.Random(0)
    tokenizer, token_text = processor.tokenizer, TokenText(processor.tokenizer)
    pads = {goldens["tokenizer/pad_token_id"]}
    every = range(len(tokenizer))
    of_bytes = [token for token in every if token_text.byte_of(token) is not None]
    for count in range(2_000):
        length = dice.choice((1, 2, 5, 20))
        ids = [
            dice.choice(of_bytes if dice.random() < count % 3 / 4 else every) for _ in range(length)
        ]
        shown = [token for token in ids if token not in token_text.special_ids]
        answer = AnswerText(token_text)
        for token in ids:
            answer.push(token)
        answer.finish()
        assert answer.text == official.decode(shown).strip(), ids
        assert processor.decode(ids) == official.decode([i for i in shown if i not in pads]), ids


def test_prompts_are_encoded_segment_by_segment(goldens: Goldens):
    processor = goldens.with_qformer.processor
    for prompt, wanted in goldens["prompt_segment_ids"].items():
        pieces = [piece for piece in segments_from_text(prompt) if piece is not IMAGE]
        assert [processor.encode(piece) for piece in pieces] == wanted
        row = processor.encode_segments(segments_from_text(prompt))
        text_ids = [i for i, shown in zip(row.input_ids, row.image_mask, strict=True) if not shown]
        assert text_ids == [processor.tokenizer.bos_token_id, *chain.from_iterable(wanted)]
        assert sum(row.image_mask) == processor.num_image_tokens


def test_caption_cleaning(goldens: Goldens):
    caption = goldens["caption_processor"]
    assert [
        clean_caption(raw, max_words=caption["max_words"]) for raw in caption["raw"]
    ] == caption["processed"]


def test_stage2_prompts_and_templates_are_the_official_ones(goldens: Goldens):
    assert list(STAGE2_PROMPTS) == goldens["stage2/alignment_prompts"]
    assert STAGE2_LAYOUT.template == goldens["stage2/prompt_template"]
    assert STAGE2_LAYOUT.end_sym == goldens["stage2/end_sym"]
    assert STAGE2_LLAMA2_LAYOUT.template == goldens["stage2_noqf_llama2/prompt_template"]
    assert STAGE2_LLAMA2_LAYOUT.end_sym == goldens["stage2_noqf_llama2/end_sym"]
    listed = goldens["stage2_promptlist"]
    assert listed["prompt_list"] == [STAGE2_LAYOUT.template.format(p) for p in STAGE2_PROMPTS]
    dice = random.Random(listed["python_random_seed_before_forward"])
    assert dice.choice(listed["prompt_list"]) == listed["chosen_prompt_for_whole_batch"]


def test_every_tensor_of_an_official_checkpoint_is_known(goldens: Goldens):
    kept = goldens["keys_kept_by_official_save_checkpoint"]
    assert projection_unknown(kept) == []
    assert {"llama_proj.weight", "llama_proj.bias"} <= set(kept)
